package filters

import (
	"math/bits"
	"slices"

	"sluice/logentry"
)

// Rule is a route's question: does the entry match Include, and which of the exclusions match it too. A nil Include matches
// every entry. At most 50 exclusions.
type Rule struct {
	Include *Filter
	Exclude []*Filter
}

// Hit says that an entry matched a rule's Include.
type Hit struct {
	Rule     int32  // index into NewSet's rules
	Excluded uint64 // bit i: Exclude[i] matched too; a bit for every exclusion filter that matched
}

// Set decides many rules together. It is immutable and shared; each goroutine has a Worker of its own.
//
// Equal predicates, subtrees and filters are one (formula.go). Of each field the predicates that hold are found together, by a
// hash of its text, an automaton for substrings and the words that patterns require (index.go). A selective formula is looked
// at only when one of its access predicates holds; the others are decided all at once as bit vectors (plan.go, broad.go).
type Set struct {
	fields   *logentry.Fields
	places   []place        // what predicates look at in an entry
	preds    []setPredicate // by number
	nodes    []setNode      // by number; 0 is false, 1 is true
	formulas []formula      // the distinct includes
	exclude  []exclusion    // those of all rules, in order
	first    []int32        // by rule, and one more: its first exclusion

	always  []uint64 // bits of the rules that every entry matches
	direct  []int32  // formulas that are simply evaluated
	access  []int32  // places whose predicates lead to formulas
	posting [][]int32
	broad   *broad   // the other rules
	thin    *broad   // their exclusions, decided at once when many rules match
	thins   int      // the number of these
	some    []uint64 // bits of the rules that have exclusions
}

// formula is a distinct include and the rules that have it.
type formula struct {
	root  int32
	rules []int32
}

// exclusion is a filter that may hold.
type exclusion struct {
	root int32
	bit  uint8 // its number in Hit.Excluded
	thin int32 // its bit in the set's thin; -1: none
}

// NewSet compiles rules into a set. extra are paths that others (layouts, keys) read of the same entries.
func NewSet(extra []logentry.Path, rules ...Rule) *Set {
	b := newBuilder(extra)
	for _, r := range rules {
		b.rule(r)
	}
	s := b.finish()
	s.plan()
	return s
}

// Fields is the union of what the set and extra need, for Fields.Extract.
func (s *Set) Fields() *logentry.Fields { return s.fields }

// Match appends a hit for each rule whose Include matches e, in the order of the rules. e was extracted by s.Fields(). Match
// never fails and, once w has grown, allocates nothing.
func (s *Set) Match(e *logentry.Entry, w *Worker, hits []Hit) []Hit {
	w.begin(e)
	copy(w.matched, s.always)
	for _, f := range s.direct {
		if w.eval(s.formulas[f].root) {
			w.match(f)
		}
	}
	for _, p := range s.access {
		if gate := s.places[p].gate; gate < 0 || e.First(gate) >= 0 {
			w.candidates(p)
		}
	}
	if s.broad != nil {
		w.decideBroad()
	}
	return w.appendHits(hits)
}

// candidates evaluates the formulas whose access predicates hold in a place.
func (w *Worker) candidates(place int32) {
	for _, p := range w.resolve(place) {
		for _, f := range w.set.posting[p] {
			if w.tried[f] == w.generation {
				continue
			}
			w.tried[f] = w.generation
			if w.eval(w.set.formulas[f].root) {
				w.match(f)
			}
		}
	}
}

// match notes the rules of a formula that holds.
func (w *Worker) match(f int32) {
	for _, r := range w.set.formulas[f].rules {
		w.matched[r>>6] |= 1 << (r & 63)
	}
}

// decideBroad notes the broad rules that match. When these are many, their exclusions are decided at once too.
func (w *Worker) decideBroad() {
	s := w.set
	s.broad.decide(w)
	excludable := 0
	for _, x := range s.broad.all {
		w.matched[x.word] |= w.alive[x.word]
		excludable += bits.OnesCount64(w.alive[x.word] & s.some[x.word])
	}
	if excludable > s.thins/8 {
		s.thin.decide(w)
		w.thinned = w.generation
	}
}

// appendHits makes the noted rules hits, with the exclusions that hold.
func (w *Worker) appendHits(hits []Hit) []Hit {
	for i, word := range w.matched {
		if word == 0 {
			continue
		}
		start := len(hits)
		hits = slices.Grow(hits, 64)
		fresh := hits[start : start+bits.OnesCount64(word)]
		hits = hits[:start+len(fresh)]
		left := word
		for k := range fresh {
			fresh[k] = Hit{Rule: int32(i<<6 + bits.TrailingZeros64(left))}
			left &= left - 1
		}
		for left := word & w.set.some[i]; left != 0; left &= left - 1 {
			r := i<<6 + bits.TrailingZeros64(left)
			list := w.set.exclude[w.set.first[r]:w.set.first[r+1]]
			fresh[bits.OnesCount64(word&(left&-left-1))].Excluded = w.excluded(list)
		}
	}
	return hits
}

// excluded gives the bits of the exclusions that hold.
func (w *Worker) excluded(list []exclusion) (mask uint64) {
	thinned := w.thinned == w.generation
	for i := range list {
		x := &list[i]
		if thinned && x.thin >= 0 {
			mask |= (w.alive[x.thin>>6] >> (x.thin & 63) & 1) << (x.bit & 63)
			continue
		}
		mask |= uint64(boolNumber(w.eval(x.root))) << (x.bit & 63)
	}
	return mask
}
