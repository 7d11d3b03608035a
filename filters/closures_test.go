package filters

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

// closures is what the set is measured against: each filter compiled by itself to closures over the extracted slots, asked one
// after the other, nothing shared between them.
type closures struct {
	include []answer
	exclude [][]answer
	worker  *Worker
	values  []datum
}

type answer func(e *logentry.Entry) bool

// newClosures compiles rules; the slots are those of set, which was made of the same rules.
func newClosures(set *Set, rules []Rule) *closures {
	c := &closures{worker: set.NewWorker()}
	for _, r := range rules {
		c.include = append(c.include, c.compile(set, r.Include.root))
		var xs []answer
		for _, x := range r.Exclude {
			xs = append(xs, c.compile(set, x.root))
		}
		c.exclude = append(c.exclude, xs)
	}
	return c
}

func (c *closures) compile(set *Set, n *node) answer {
	var kids []answer
	for _, k := range n.kids {
		kids = append(kids, c.compile(set, k))
	}
	switch n.op {
	case andOp:
		return func(e *logentry.Entry) bool {
			for _, k := range kids {
				if !k(e) {
					return false
				}
			}
			return true
		}
	case orOp:
		return func(e *logentry.Entry) bool {
			for _, k := range kids {
				if k(e) {
					return true
				}
			}
			return false
		}
	case notOp:
		return func(e *logentry.Entry) bool { return !kids[0](e) }
	}
	return c.term(set, n.pred)
}

// term compares plain ASCII text in place; all else goes the way of a set of one.
func (c *closures) term(set *Set, p *predicate) answer {
	slot := set.Fields().Slot(p.field.path)
	text := p.kind == comparePredicate && p.op == opEq && (p.field.typ == stringType || p.field.typ == dynamicType)
	return func(e *logentry.Entry) bool {
		c.values = c.values[:0]
		for i := e.First(slot); i >= 0; i = e.Next(i) {
			v := e.At(i)
			if text && v.Kind == logentry.String && !v.Escaped && ascii(v.Text) {
				if equalASCII(v.Text, p.lit.folded) {
					return true
				}
				continue
			}
			c.values = c.worker.appendDatum(c.values, v, p.field.typ, p.field.schema)
		}
		if len(c.values) == 0 && e.First(slot) < 0 && p.field.defaulted {
			c.values = append(c.values, defaults[p.field.typ])
		}
		return p.holds(c.worker, c.values)
	}
}

func equalASCII(text, folded []byte) bool {
	return len(text) == len(folded) && bytes.EqualFold(text, folded)
}

func (c *closures) match(e *logentry.Entry, hits []Hit) []Hit {
	c.worker.begin(e)
	for i, include := range c.include {
		if !include(e) {
			continue
		}
		h := Hit{Rule: int32(i)}
		for bit, x := range c.exclude[i] {
			if x(e) {
				h.Excluded |= 1 << bit
			}
		}
		hits = append(hits, h)
	}
	return hits
}

// TestSetAgainstClosures compares both on the corpus of the benchmarks.
func TestSetAgainstClosures(t *testing.T) {
	entries := corpus(300)
	for _, rules := range [][]Rule{selectiveRules(t, 1), selectiveRules(t, 10), selectiveRules(t, 1000), broadRules(t, 400)} {
		set := NewSet(nil, rules...)
		w, c := set.NewWorker(), newClosures(set, rules)
		var e logentry.Entry
		for _, raw := range entries {
			e.Raw = raw
			if d := set.Fields().Extract(&e, logentry.Limits{}); d != nil {
				t.Fatal(d)
			}
			if diff := cmp.Diff(c.match(&e, nil), set.Match(&e, w, nil)); diff != "" {
				t.Fatalf("%s\n(-closures +set)\n%s", raw, diff)
			}
		}
	}
}

// BenchmarkClosures is BenchmarkMatch without anything shared.
func BenchmarkClosures(b *testing.B) {
	b.Run("routes=1000", func(b *testing.B) {
		rules := selectiveRules(b, 1000)
		set := NewSet(nil, rules...)
		c := newClosures(set, rules)
		extracted := extractAll(b, set.Fields(), corpus(4096))
		var hits []Hit
		matches, i := 0, 0
		step := func() {
			hits = c.match(&extracted[i%len(extracted)], hits[:0])
			matches += len(hits)
			i++
		}
		measure(b, step, chunk, &matches)
	})
}
