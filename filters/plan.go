package filters

import (
	"cmp"
	"slices"
)

const (
	fewFormulas  = 4    // so many are evaluated one by one: bookkeeping would cost more
	maxChance    = 0.07 // an access predicate must be rarer than this
	maxFormulas  = 48   // formulas that one access predicate may lead to
	needleChance = 0.02 // how often a substring is taken to be found

	costOfSearch = 60  // to look for one substring, in nanoseconds
	costOfFinder = 300 // to run an automaton over a text
)

// plan decides how each formula will be decided. There are no measurements to go by, so the chance of an equality is taken
// from the number of constants that the same place is compared with, and no access predicate may lead to many formulas.
func (s *Set) plan() {
	s.buildIndexes()
	s.orderKids()
	s.always = make([]uint64, (len(s.first)+62)/64)
	s.some = make([]uint64, len(s.always))
	for r := range len(s.first) - 1 {
		if s.first[r] < s.first[r+1] {
			s.some[r>>6] |= 1 << (r & 63)
		}
	}
	var broad []int32
	if len(s.formulas) > fewFormulas {
		s.posting = make([][]int32, len(s.preds))
	}
	for f := range s.formulas {
		root := s.formulas[f].root
		switch {
		case root == falseNode:
		case root == trueNode:
			for _, r := range s.formulas[f].rules {
				s.always[r>>6] |= 1 << (r & 63)
			}
		case s.posting == nil:
			s.direct = append(s.direct, int32(f))
		case !s.selective(int32(f)):
			broad = append(broad, int32(f))
		}
	}
	for i := range s.places {
		if s.isAccess(int32(i)) {
			s.access = append(s.access, int32(i))
		}
	}
	if len(broad) > 0 {
		rules := s.rulesOf(broad)
		s.broad = newBroad(s, rules)
		exclusions := s.exclusionsOf(rules)
		s.thin, s.thins = newBroad(s, exclusions), len(exclusions)
		s.linkThin(exclusions)
	}
	s.encode()
}

// buildIndexes makes an index for each place that is asked enough.
func (s *Set) buildIndexes() {
	byPlace := make([][3][]int32, len(s.places))
	for id := range s.preds {
		p := &s.preds[id]
		if kind := indexKindOf(p.predicate); kind != notIndexed {
			byPlace[p.place][kind] = append(byPlace[p.place][kind], int32(id))
		}
	}
	for at, kinds := range byPlace {
		x := newIndex()
		if len(kinds[byEquality]) >= fewEqualities {
			for _, id := range kinds[byEquality] {
				s.addIndexed(x, int32(at), id)
			}
		}
		bytes := 0
		for _, id := range kinds[byNeedle] {
			bytes += needleBytes(s.preds[id].predicate)
			if len(kinds[byNeedle]) >= fewNeedles && bytes <= maxNeedles {
				s.addIndexed(x, int32(at), id)
			}
		}
		x.seal()
		s.places[at].openGate()
	}
}

func (s *Set) addIndexed(x *index, at, id int32) {
	x.add(s.preds[id].predicate, id)
	s.preds[id].indexed = true
	s.places[at].index = x
}

// needleBytes is what a predicate adds to an automaton.
func needleBytes(p *predicate) (n int) {
	if p.kind != matchPredicate {
		return min(len(p.lit.folded), maxNeedle)
	}
	for _, word := range p.required {
		n += len(word)
	}
	return n
}

// orderKids makes evaluation ask the cheap questions first.
func (s *Set) orderKids() {
	for id := range s.nodes { // kids have lower numbers than their parents
		n := &s.nodes[id]
		if n.op == leafOp {
			n.cost = s.preds[n.pred].cost()
			continue
		}
		for _, k := range n.kids {
			n.cost += s.nodes[k].cost
		}
		slices.SortStableFunc(n.kids, func(a, b int32) int { return cmp.Compare(s.nodes[a].cost, s.nodes[b].cost) })
	}
}

// cost is roughly the time to ask a predicate, in nanoseconds.
func (p *setPredicate) cost() int32 {
	switch {
	case p.place < 0:
		return 2000
	case p.kind == searchPredicate:
		return 500
	case len(p.chain) > 0:
		return 300 * int32(len(p.chain))
	case p.kind == matchPredicate:
		return 200
	case p.indexed && indexKindOf(p.predicate) == byEquality:
		return 10
	case p.kind == comparePredicate && p.op == opHas:
		return costOfSearch
	}
	return 20
}

// selective finds the rarest clause of a formula all of whose members are indexed, and lets them lead to it.
func (s *Set) selective(f int32) bool {
	var best []int32
	bestChance := maxChance
	for _, clause := range s.conjuncts(s.formulas[f].root) {
		members := s.clause(clause)
		if chance, ok := s.chance(members); ok && chance < bestChance {
			best, bestChance = members, chance
		}
	}
	for _, m := range best {
		p := s.nodes[m].pred
		s.posting[p] = append(s.posting[p], f)
	}
	return best != nil
}

// conjuncts are the nodes all of which must hold.
func (s *Set) conjuncts(root int32) []int32 {
	if s.nodes[root].op == andOp {
		return s.nodes[root].kids
	}
	return []int32{root}
}

// clause are the nodes one of which must hold.
func (s *Set) clause(id int32) []int32 {
	if s.nodes[id].op == orOp {
		return s.nodes[id].kids
	}
	return []int32{id}
}

// chance guesses how often one of the members holds. Not ok: some cannot lead to a formula, or lead to many already.
func (s *Set) chance(members []int32) (sum float64, ok bool) {
	for _, m := range members {
		n := &s.nodes[m]
		if n.op != leafOp || n.negate || !s.preds[n.pred].indexed || len(s.posting[n.pred]) >= maxFormulas {
			return 0, false
		}
		sum += s.chanceOf(n.pred)
	}
	return sum, true
}

func (s *Set) chanceOf(pred int32) float64 {
	p := &s.preds[pred]
	x := s.places[p.place].index
	switch {
	case p.kind == comparePredicate && p.op == opHas && len(p.lit.folded) == 0:
		return 1
	case indexKindOf(p.predicate) == byNeedle:
		return needleChance
	case p.field.typ == severityType || p.field.typ == boolType:
		return 1
	}
	return 1 / float64(1+len(x.equal))
}

// isAccess says that a predicate of the place leads to a formula.
func (s *Set) isAccess(at int32) bool {
	for id := range s.posting {
		if s.preds[id].place == at && len(s.posting[id]) > 0 {
			return true
		}
	}
	return false
}
