package logentry

import (
	"encoding/json"
	"testing"

	"github.com/bytedance/sonic"
)

// perEntry runs one over the corpus, one entry at a time, and reports what an entry costs. Compare within one run only.
func perEntry(b *testing.B, one func(raw []byte) error) {
	entries := corpus(4096)
	size := 0
	for _, raw := range entries {
		size += len(raw)
	}
	b.SetBytes(int64(size / len(entries)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := one(entries[i&4095]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(i), "ns/entry")
}

func BenchmarkExtract(b *testing.B) {
	fields := NewFields(benchmarkPaths...)
	var e Entry
	perEntry(b, func(raw []byte) error {
		e.Raw = raw
		if d := fields.Extract(&e, Limits{}); d != nil {
			return d
		}
		return nil
	})
}

func BenchmarkSonicValid(b *testing.B) {
	perEntry(b, func(raw []byte) error {
		if !sonic.Valid(raw) {
			return &json.SyntaxError{}
		}
		return nil
	})
}

func BenchmarkSonicMap(b *testing.B) {
	perEntry(b, func(raw []byte) error {
		var m map[string]any
		return sonic.Unmarshal(raw, &m)
	})
}

func BenchmarkEncodingJSONMap(b *testing.B) {
	perEntry(b, func(raw []byte) error {
		var m map[string]any
		return json.Unmarshal(raw, &m)
	})
}

func BenchmarkFrameOneLine(b *testing.B) {
	perEntry(b, func(raw []byte) error {
		Frame(raw, func(int, []byte) bool { return true })
		return nil
	})
}
