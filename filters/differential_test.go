package filters

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

// parseFor parses for the oracle; nil is a filter that matches everything.
func parseFor(t testing.TB, src string) *tree {
	t.Helper()
	tree, err := parse(src, &Options{}, &warnings{src: src})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func naiveMatch(tree *tree, entry any) bool { return tree == nil || naive{entry}.tree(tree) }

// TestSetAgainstOracle compares a set of random rules with the oracle, rule by rule and exclusion by exclusion, on random
// entries and, where they are present, on real ones.
func TestSetAgainstOracle(t *testing.T) {
	real := realEntries(t)
	seeds := []uint64{2663} // a boolean field with "true" in quotes, cast to INT64
	for seed := range uint64(40) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		g := newGenerator(seed)
		if seed%3 == 0 { // few fields, so that each is asked much and has an index
			g.paths = []string{"textPayload", "insertId", "jsonPayload.a", "protoPayload.methodName", "severity", pick(g, randomPaths...)}
		}
		w := newWorld(t, g, []int{1, 3, 20, 150}[seed%4])
		for range 40 {
			w.compare(t, seed, g.entry())
		}
		if len(real) > 0 {
			w.compare(t, seed, pick(g, real...))
		}
	}
}

// world is a set of rules with the trees of their filters.
type world struct {
	rules   []Rule
	set     *Set
	worker  *Worker
	entry   logentry.Entry
	include []*tree
	exclude [][]*tree
}

func newWorld(t testing.TB, g generator, size int) *world {
	w := &world{}
	compile := func() (*Filter, *tree) {
		src := g.filter(g.IntN(4))
		f, err := Compile(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		return f, parseFor(t, src)
	}
	for range size {
		f, parsed := compile()
		r := Rule{Include: f}
		var xs []*tree
		for range g.IntN(4) {
			x, parsed := compile()
			r.Exclude = append(r.Exclude, x)
			xs = append(xs, parsed)
		}
		w.rules = append(w.rules, r)
		w.include = append(w.include, parsed)
		w.exclude = append(w.exclude, xs)
	}
	w.set = NewSet(nil, w.rules...)
	w.worker = w.set.NewWorker()
	return w
}

func (w *world) compare(t testing.TB, seed uint64, raw []byte) {
	t.Helper()
	var want []Hit
	decoded := must(decode(raw))
	for i, include := range w.include {
		if !naiveMatch(include, decoded) {
			continue
		}
		h := Hit{Rule: int32(i)}
		for bit, x := range w.exclude[i] {
			if naiveMatch(x, decoded) {
				h.Excluded |= 1 << bit
			}
		}
		want = append(want, h)
	}
	w.entry.Raw = raw
	if d := w.set.Fields().Extract(&w.entry, logentry.Limits{}); d != nil {
		t.Fatalf("seed %d: %s: %v", seed, raw, d)
	}
	got := w.set.Match(&w.entry, w.worker, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("seed %d: %s\n(-oracle +set)\n%s\n%s", seed, raw, diff, w.blame(raw))
	}
}

// blame names the filters about which a set of one and the oracle disagree.
func (w *world) blame(raw []byte) string {
	var b bytes.Buffer
	decoded := must(decode(raw))
	for i, r := range w.rules {
		if f := r.Include; f.Match(&logentry.Entry{Raw: raw}) != naiveMatch(w.include[i], decoded) {
			b.WriteString("alone, this filter is wrong too: " + f.String() + "\n")
		}
		for j, f := range r.Exclude {
			if f.Match(&logentry.Entry{Raw: raw}) != naiveMatch(w.exclude[i][j], decoded) {
				b.WriteString("alone, this filter is wrong too: " + f.String() + "\n")
			}
		}
	}
	return b.String()
}

// realEntries are third-party entries beside the repository; none when they are absent.
func realEntries(t testing.TB) (entries [][]byte) {
	for _, line := range readLinesIfPresent[json.RawMessage](t, sharedData+"/entries/gcp.jsonl") {
		entries = append(entries, line)
	}
	return entries
}

// TestRealFiltersOnRealEntries compares the set of all real filters with the oracle on all real entries, where they are present.
func TestRealFiltersOnRealEntries(t *testing.T) {
	entries := realEntries(t)
	w := &world{}
	for _, line := range readLinesIfPresent[struct{ Filter string }](t, sharedData+"/query-language/real-filters.jsonl") {
		w.rules = append(w.rules, Rule{Include: mustCompile(t, line.Filter)})
		w.include = append(w.include, parseFor(t, line.Filter))
		w.exclude = append(w.exclude, nil)
	}
	if len(entries) == 0 || len(w.rules) == 0 {
		t.Skip("the shared data is not here")
	}
	w.set = NewSet(nil, w.rules...)
	w.worker = w.set.NewWorker()
	for _, raw := range entries {
		w.compare(t, 0, raw)
	}
}
