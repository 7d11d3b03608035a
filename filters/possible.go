package filters

import (
	"strings"
	"sync"
)

// Case is a question about all entries: is there one that every filter of Holds matches and none of Fails does? nil is the filter
// that matches every entry.
type Case struct {
	Holds, Fails []*Filter
}

// Impossible says that there is no such entry, as far as can be shown. It is never wrong in saying so of LogEntries whose fields
// have as many values as their protocol buffers say; false means that there is one, or that it cannot tell.
func (c Case) Impossible() bool {
	s := c.solver()
	found := false
	s.search(func() bool { found = true; return true })
	return !found && s.budget > 0
}

// Without gives the filter that matches what f matches and none of the others does. nil is the filter that matches every entry. It
// has no warnings.
func Without(f *Filter, others ...*Filter) *Filter {
	all := &node{op: andOp}
	var text []string
	for i, part := range append([]*Filter{f}, others...) {
		root, not := &node{op: andOp}, ""
		if part != nil && part.root != nil {
			root = part.root
		}
		if i > 0 {
			root, not = &node{op: notOp, kids: []*node{root}}, "NOT "
		}
		all.kids = append(all.kids, root)
		if part != nil && part.text != "" {
			text = append(text, not+"("+part.text+")")
		}
	}
	w := &Filter{root: all, text: strings.Join(text, " AND ")}
	w.alone = sync.OnceValue(func() *alone { return newAlone(w) })
	return w
}

// searchBudget bounds how many assignments are tried.
const searchBudget = 20_000

// solver looks for an assignment of predicates that makes claims true and that values of the fields can bring about. Of values it
// knows profiles; what those leave open it takes to be possible.
type solver struct {
	claims []claim
	atoms  []atom
	index  map[string]int // by the predicate's text
	fields map[string]*profiles
	worker *Worker
	budget int
}

// claim is that a filter matches, or does not.
type claim struct {
	root *node
	want truth
}

// atom is a distinct predicate.
type atom struct {
	pred  *predicate
	is    truth
	field *profiles // nil: nothing is known of what makes it true
}

// truth is what is known of a predicate or a formula.
type truth int8

const (
	untrue  truth = -1
	unknown truth = 0
	isTrue  truth = 1
)

func (c Case) solver() *solver {
	s := &solver{index: map[string]int{}, fields: map[string]*profiles{}, worker: NewSet(nil).NewWorker(), budget: searchBudget}
	for _, f := range c.Holds {
		s.claim(f, isTrue)
	}
	for _, f := range c.Fails {
		s.claim(f, untrue)
	}
	for _, p := range s.fields {
		p.complete(s)
	}
	return s
}

func (s *solver) claim(f *Filter, want truth) {
	if f == nil || f.root == nil {
		s.claims = append(s.claims, claim{&node{op: andOp}, want})
		return
	}
	s.claims = append(s.claims, claim{f.root, want})
	s.gather(f.root)
}

// gather takes in the predicates below a node.
func (s *solver) gather(n *node) {
	for _, k := range n.kids {
		s.gather(k)
	}
	if n.op != leafOp || n.pred.kind == neverPredicate {
		return
	}
	if _, known := s.index[n.pred.text]; known {
		return
	}
	a := atom{pred: n.pred}
	if p := n.pred; p.field != nil && p.chain == nil && !p.field.typ.container() {
		if s.fields[p.field.name] == nil {
			s.fields[p.field.name] = &profiles{field: p.field, single: hasOneValue(p.field)}
		}
		a.field = s.fields[p.field.name]
		a.field.atoms = append(a.field.atoms, len(s.atoms))
	}
	s.index[n.pred.text] = len(s.atoms)
	s.atoms = append(s.atoms, a)
}

// eval says what is known of a node.
func (s *solver) eval(n *node) truth {
	switch n.op {
	case leafOp:
		if n.pred.kind == neverPredicate {
			return untrue
		}
		return s.atoms[s.index[n.pred.text]].is
	case notOp:
		return -s.eval(n.kids[0])
	}
	decisive := untrue // one such member of AND decides
	if n.op == orOp {
		decisive = isTrue
	}
	result := -decisive
	for _, k := range n.kids {
		switch s.eval(k) {
		case decisive:
			return decisive
		case unknown:
			result = unknown
		}
	}
	return result
}

// undecided gives an atom that may decide the node.
func (s *solver) undecided(n *node) int {
	if n.op == leafOp {
		return s.index[n.pred.text]
	}
	for _, k := range n.kids {
		if s.eval(k) == unknown {
			return s.undecided(k)
		}
	}
	return -1
}

// search yields each assignment that satisfies the claims until found returns true, which it then returns, too.
func (s *solver) search(found func() bool) bool {
	if s.budget--; s.budget < 0 {
		return false
	}
	open := -1
	for _, c := range s.claims {
		switch s.eval(c.root) {
		case -c.want:
			return false
		case unknown:
			if open < 0 {
				open = s.undecided(c.root)
			}
		}
	}
	if open < 0 {
		return found()
	}
	a := &s.atoms[open]
	for _, a.is = range []truth{isTrue, untrue} {
		if (a.field == nil || a.field.possible(s)) && s.search(found) {
			return true
		}
	}
	a.is = unknown
	return false
}
