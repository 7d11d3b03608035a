package filters

import (
	"encoding/json"
	"testing"

	"github.com/bytedance/sonic"

	"sluice/logentry"
)

// What an entry costs before anything is matched, on the corpus of the other benchmarks, so that ratios are of one run.

// BenchmarkExtract finds the fields of 1,000 selective rules.
func BenchmarkExtract(b *testing.B) {
	fields := NewSet(nil, selectiveRules(b, 1000)...).Fields()
	var e logentry.Entry
	benchmarkParse(b, func(raw []byte) error {
		e.Raw = raw
		if d := fields.Extract(&e, logentry.Limits{}); d != nil {
			return d
		}
		return nil
	})
}

func BenchmarkSonicValid(b *testing.B) {
	benchmarkParse(b, func(raw []byte) error {
		if !sonic.Valid(raw) {
			return &json.SyntaxError{}
		}
		return nil
	})
}

func BenchmarkSonicMap(b *testing.B) {
	benchmarkParse(b, func(raw []byte) error {
		var m map[string]any
		return sonic.Unmarshal(raw, &m)
	})
}

func benchmarkParse(b *testing.B, one func(raw []byte) error) {
	entries := corpus(4096)
	matches, i := 0, 0
	step := func() {
		if err := one(entries[i%len(entries)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	measure(b, step, len(entries), &matches)
}
