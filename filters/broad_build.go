package filters

import (
	"cmp"
	"slices"
)

// broadBuilder puts the clauses of formulas into steps.
type broadBuilder struct {
	set        *Set
	out        *broad
	conditions map[int32]*condition
	vetoes     map[int32]*veto
	columns    []*columnBuilder
}

// columnBuilder is a column and what is known of it while it is built.
type columnBuilder struct {
	column
	single int32         // the place whose index finds all its members, or mixedColumn
	last   int32         // the bit whose clause was added last
	asked  map[int32]int // the place in column.asked, by node
}

const mixedColumn int32 = -1

// candidate is a formula and the bit it is known by: its rule's number, or its place among the exclusions.
type candidate struct{ bit, root int32 }

// newBroad takes in formulas in the order of their bits.
func newBroad(s *Set, list []candidate) *broad {
	b := &broadBuilder{set: s, conditions: map[int32]*condition{}, vetoes: map[int32]*veto{}, out: &broad{}}
	for _, c := range list {
		b.out.all = addBit(b.out.all, c.bit)
		for _, clause := range s.conjuncts(c.root) {
			b.clause(clause, c.bit)
		}
	}
	b.out.order(s)
	return b.out
}

// rulesOf lists the rules of some formulas in order.
func (s *Set) rulesOf(formulas []int32) (list []candidate) {
	for _, f := range formulas {
		for _, r := range s.formulas[f].rules {
			list = append(list, candidate{bit: r, root: s.formulas[f].root})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(a.bit, b.bit) })
	return list
}

// exclusionsOf lists the distinct exclusions of some rules.
func (s *Set) exclusionsOf(rules []candidate) (list []candidate) {
	seen := map[int32]bool{trueNode: true}
	for _, r := range rules {
		for _, x := range s.exclude[s.first[r.bit]:s.first[r.bit+1]] {
			if !seen[x.root] {
				seen[x.root] = true
				list = append(list, candidate{bit: int32(len(list)), root: x.root})
			}
		}
	}
	return list
}

// linkThin tells each exclusion its bit.
func (s *Set) linkThin(exclusions []candidate) {
	bits := map[int32]int32{}
	for _, c := range exclusions {
		bits[c.root] = c.bit
	}
	for i := range s.exclude {
		if bit, ok := bits[s.exclude[i].root]; ok {
			s.exclude[i].thin = bit
		}
	}
}

// clause puts a clause of a formula where it belongs.
func (b *broadBuilder) clause(id, bit int32) {
	members := b.set.clause(id)
	n := &b.set.nodes[members[0]]
	alone := len(members) == 1
	switch {
	case alone && n.op == leafOp && n.negate && b.set.preds[n.pred].indexed:
		b.veto(n.pred, bit)
	case b.allLeaves(members) && (!alone || b.found(members[0])):
		b.column(members, bit)
	default:
		c := b.conditions[id]
		if c == nil {
			c = &condition{node: id}
			b.conditions[id] = c
			b.out.steps = append(b.out.steps, c)
		}
		c.bits = addBit(c.bits, bit)
	}
}

func (b *broadBuilder) allLeaves(members []int32) bool {
	return !slices.ContainsFunc(members, func(m int32) bool { return b.set.nodes[m].op != leafOp })
}

// found says that a leaf is a predicate that an index finds.
func (b *broadBuilder) found(leaf int32) bool {
	n := &b.set.nodes[leaf]
	return !n.negate && b.set.preds[n.pred].indexed
}

func (b *broadBuilder) veto(pred, bit int32) {
	at := b.set.preds[pred].place
	v := b.vetoes[at]
	if v == nil {
		v = &veto{place: at}
		b.vetoes[at] = v
		b.out.steps = append(b.out.steps, v)
	}
	v.any = addBit(v.any, bit)
	v.bits.add(pred, bit)
}

// column puts a clause into the first column that suits it and has no clause of the formula yet.
func (b *broadBuilder) column(members []int32, bit int32) {
	single := b.singlePlace(members)
	for _, c := range b.columns {
		if c.single == single && c.last != bit {
			c.add(b, members, bit)
			return
		}
	}
	c := &columnBuilder{single: single, asked: map[int32]int{}}
	b.columns = append(b.columns, c)
	b.out.steps = append(b.out.steps, &c.column)
	c.add(b, members, bit)
}

// singlePlace is the place whose index finds all members, or mixedColumn.
func (b *broadBuilder) singlePlace(members []int32) int32 {
	at := b.placeOf(members[0])
	for _, m := range members {
		if !b.found(m) || b.placeOf(m) != at {
			return mixedColumn
		}
	}
	return at
}

func (b *broadBuilder) placeOf(leaf int32) int32 { return b.set.preds[b.set.nodes[leaf].pred].place }

func (c *columnBuilder) add(b *broadBuilder, members []int32, bit int32) {
	c.need, c.last = addBit(c.need, bit), bit
	for _, m := range members {
		if b.found(m) {
			if at := b.placeOf(m); !slices.Contains(c.places, at) {
				c.places = append(c.places, at)
			}
			c.sat.add(b.set.nodes[m].pred, bit)
			continue
		}
		i, ok := c.asked[m]
		if !ok {
			i = len(c.column.asked)
			c.asked[m] = i
			c.column.asked = append(c.column.asked, condition{node: m})
		}
		c.column.asked[i].bits = addBit(c.column.asked[i].bits, bit)
	}
}
