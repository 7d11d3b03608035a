package filters

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"sluice/logentry"
)

var routeCounts = []int{1, 10, 100, 1000, 10000}

// BenchmarkRoute extracts and matches one entry an iteration.
func BenchmarkRoute(b *testing.B) {
	entries := corpus(4096)
	for _, n := range routeCounts {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) { benchmarkRoute(b, entries, selectiveRules(b, n)) })
	}
}

func BenchmarkRouteBroad(b *testing.B) { benchmarkRoute(b, corpus(4096), broadRules(b, 1000)) }

// BenchmarkMatch matches one entry that is extracted already.
func BenchmarkMatch(b *testing.B) {
	entries := corpus(4096)
	for _, n := range routeCounts {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) { benchmarkMatch(b, entries, selectiveRules(b, n)) })
	}
}

// BenchmarkMatchBroad has 1,000 rules of which hundreds match each entry.
func BenchmarkMatchBroad(b *testing.B) { benchmarkMatch(b, corpus(4096), broadRules(b, 1000)) }

func benchmarkRoute(b *testing.B, entries [][]byte, rules []Rule) {
	set := NewSet(nil, rules...)
	w := set.NewWorker()
	var e logentry.Entry
	var hits []Hit
	matches, i := 0, 0
	step := func() {
		e.Raw = entries[i%len(entries)]
		if d := set.Fields().Extract(&e, logentry.Limits{}); d != nil {
			b.Fatal(d)
		}
		hits = set.Match(&e, w, hits[:0])
		matches += len(hits)
		i++
	}
	measure(b, step, len(entries), &matches)
}

func benchmarkMatch(b *testing.B, entries [][]byte, rules []Rule) {
	set := NewSet(nil, rules...)
	w := set.NewWorker()
	extracted := extractAll(b, set.Fields(), entries)
	var hits []Hit
	matches, i := 0, 0
	step := func() {
		hits = set.Match(&extracted[i%len(extracted)], w, hits[:0])
		matches += len(hits)
		i++
	}
	measure(b, step, len(entries), &matches)
}

func extractAll(b *testing.B, fields *logentry.Fields, entries [][]byte) []logentry.Entry {
	extracted := make([]logentry.Entry, len(entries))
	for i := range extracted {
		extracted[i].Raw = entries[i]
		if d := fields.Extract(&extracted[i], logentry.Limits{}); d != nil {
			b.Fatal(d)
		}
	}
	return extracted
}

// chunk is how many entries the best time is taken over; on a machine shared with others it is the figure to compare.
const chunk = 512

// measure runs step once for each entry to warm up, then reports time, allocations and matches an entry.
func measure(b *testing.B, step func(), warm int, matches *int) {
	for range warm {
		step()
	}
	*matches = 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, best, start := 0, time.Duration(math.MaxInt64), time.Now()
	for b.Loop() {
		step()
		if n++; n%chunk == 0 {
			now := time.Now()
			best, start = min(best, now.Sub(start)), now
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/entry")
	b.ReportMetric(float64(best.Nanoseconds())/chunk, "best-ns/entry")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(n), "allocs/entry")
	b.ReportMetric(float64(*matches)/float64(n), "matches/entry")
	if *matches > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(*matches), "ns/match")
	}
}

// BenchmarkCompileSet reads the queries of 1,000 rules and makes their set.
func BenchmarkCompileSet(b *testing.B) {
	b.Run("routes=1000", func(b *testing.B) {
		rules := selectiveRules(b, 1000)
		filters := 0
		bestOf(b, func() {
			again := make([]Rule, len(rules))
			filters = 0
			for i, r := range rules {
				again[i].Include = mustCompile(b, r.Include.String())
				for _, x := range r.Exclude {
					again[i].Exclude = append(again[i].Exclude, mustCompile(b, x.String()))
				}
				filters += 1 + len(r.Exclude)
			}
			NewSet(nil, again...)
		})
		b.ReportMetric(float64(filters), "filters")
	})
}

// BenchmarkNewSet makes the set of rules whose filters are compiled already, as after a change of one of them.
func BenchmarkNewSet(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			rules := selectiveRules(b, n)
			bestOf(b, func() { NewSet(nil, rules...) })
		})
	}
}

// bestOf reports the shortest time of many.
func bestOf(b *testing.B, step func()) {
	best := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		step()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(best.Microseconds())/1000, "best-ms")
}
