package filters

import (
	"net/netip"
	"regexp"
)

type predicateKind uint8

const (
	presentPredicate predicateKind = iota // field:*
	nullPredicate                         // = or != NULL_VALUE
	comparePredicate
	matchPredicate // =~ or !~
	logIDPredicate
	sourcePredicate
	samplePredicate
	inNetPredicate
	searchPredicate // SEARCH, in a field or in the whole entry
	globalPredicate // text without a field
	neverPredicate  // a literal that its field's type cannot hold, a pattern on what is no text
)

// predicate is one question about one entry: a leaf of a filter. Predicates with equal text ask the same.
type predicate struct {
	kind  predicateKind
	text  string
	field *field // nil: the whole entry is looked at
	chain []stage
	op    op

	lit       *literal       // compare, global
	pattern   *regexp.Regexp // match
	required  []string       // match: see requiredWords
	name      []byte         // logID, source: folded
	threshold uint64         // sample
	net       netip.Prefix   // inNet
	query     *query         // search
}

// node is a filter in terms of predicates.
type node struct {
	op   treeOp // leafOp: pred
	kids []*node
	pred *predicate
}

// holds asks the question of the values of a field. A field has several when its path crosses an array: one that answers yes
// suffices, also for != and !~.
func (p *predicate) holds(w *Worker, values []datum) bool {
	if p.kind == searchPredicate {
		return p.query.holds(w, values)
	}
	for i := range values {
		if p.chain != nil {
			if d, ok := w.convert(p.chain, &values[i]); ok && p.holdsFor(w, &d) {
				return true
			}
		} else if p.holdsFor(w, &values[i]) {
			return true
		}
	}
	return false
}

// holdsFor asks the question of one value.
func (p *predicate) holdsFor(w *Worker, d *datum) bool {
	switch p.kind {
	case presentPredicate:
		return p.present(d)
	case nullPredicate:
		return d.kind != emptyDatum && (d.kind == nullDatum) == (p.op == opEq)
	case comparePredicate, globalPredicate:
		return w.compare(d, p.op, p.lit)
	case matchPredicate:
		return d.kind == textDatum && p.pattern.Match(d.text) == (p.op == opMatch)
	case logIDPredicate:
		id, ok := w.logID(d)
		return ok && string(id) == string(p.name)
	case sourcePredicate:
		parent, ok := w.source(d)
		return ok && string(parent) == string(p.name)
	case samplePredicate:
		hash, ok := w.hash(d)
		return ok && hash <= p.threshold
	case inNetPredicate:
		return d.kind == textDatum && inNet(p.net, d.text)
	}
	return false
}

// present says that a value is explicitly there: the scalars of LogEntry when they differ from their default, members of
// payloads and maps always; but neither when they are an empty array or object.
func (p *predicate) present(d *datum) bool {
	if d.kind == emptyDatum {
		return false
	}
	if p.chain != nil || p.field.typ == dynamicType || p.field.typ.container() {
		return true
	}
	switch d.kind {
	case textDatum:
		return len(d.text) > 0
	case integerDatum, boolDatum, severityDatum, durationDatum, instantDatum:
		return d.integer != 0 || d.nano != 0
	}
	return true
}
