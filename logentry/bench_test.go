package logentry

import (
	"encoding/json"
	"runtime"
	"slices"
	"testing"
	"time"

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
	for _, raw := range entries { // the memory that is kept is made before it counts
		if err := one(raw); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	i := 0
	for b.Loop() {
		if err := one(entries[i&4095]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(i), "ns/entry")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(i), "allocs/entry")
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

// BenchmarkExtractToSonicValid takes both in turn over chunks of the corpus, half of it apart so that neither finds what the
// other has just brought into the cache. A noisy machine disturbs both alike. It reports the median ratio and each one's best cost.
func BenchmarkExtractToSonicValid(b *testing.B) {
	fields := NewFields(benchmarkPaths...)
	entries := corpus(4096)
	var e Entry
	extract := func(raw []byte) bool { e.Raw = raw; return fields.Extract(&e, Limits{}) == nil }
	var ratios []float64
	best := [2]float64{1e9, 1e9}
	chunk := func(which, from int, one func([]byte) bool) float64 {
		start := time.Now()
		for _, raw := range entries[from : from+64] {
			if !one(raw) {
				b.Fatal("refused")
			}
		}
		cost := float64(time.Since(start)) / 64
		best[which] = min(best[which], cost)
		return cost
	}
	from := 0
	for b.Loop() {
		ratios = append(ratios, chunk(0, from, extract)/chunk(1, (from+len(entries)/2)%len(entries), sonic.Valid))
		from = (from + 64) % len(entries)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(best[0], "extract-ns")
	b.ReportMetric(best[1], "sonic-ns")
}
