package filters

import "sluice/logentry"

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
type Set struct {
	fields *logentry.Fields
	places []fieldPlace // of the fields that the predicates look at
	preds  []setPredicate
	rules  []setRule
}

// setPredicate is a predicate that the rules share, and the field it looks at; -1 = the whole entry.
type setPredicate struct {
	*predicate
	place int
}

// setRule is a rule in terms of the set's own nodes.
type setRule struct {
	include *setNode
	exclude []*setNode
}

// setNode is a node whose predicate is known by number.
type setNode struct {
	op   treeOp
	pred int32
	kids []*setNode
}

// NewSet compiles rules into a set. extra are paths that others (layouts, keys) read of the same entries.
func NewSet(extra []logentry.Path, rules ...Rule) *Set {
	b := &builder{set: &Set{}, preds: map[string]int32{}, fields: map[string]int{}, paths: extra[:len(extra):len(extra)]}
	for _, r := range rules {
		sr := setRule{include: b.filter(r.Include)}
		for _, x := range r.Exclude {
			sr.exclude = append(sr.exclude, b.filter(x))
		}
		b.set.rules = append(b.set.rules, sr)
	}
	return b.finish()
}

// Fields is the union of what the set and extra need, for Fields.Extract.
func (s *Set) Fields() *logentry.Fields { return s.fields }

// Match appends a hit for each rule whose Include matches e, in the order of the rules. e was extracted by s.Fields(). Match
// never fails and, once w has grown, allocates nothing.
func (s *Set) Match(e *logentry.Entry, w *Worker, hits []Hit) []Hit {
	w.begin(e)
	for i := range s.rules {
		r := &s.rules[i]
		if !w.eval(r.include) {
			continue
		}
		h := Hit{Rule: int32(i)}
		for bit, x := range r.exclude {
			if w.eval(x) {
				h.Excluded |= 1 << bit
			}
		}
		hits = append(hits, h)
	}
	return hits
}
