package filters

import (
	"cmp"
	"slices"
)

// broadBuilder puts the clauses of broad rules into steps.
type broadBuilder struct {
	set        *Set
	conditions map[int32]*condition
	vetoes     map[int32]*veto
	columns    []*columnBuilder
}

// columnBuilder is a column and what is known of it while it is built.
type columnBuilder struct {
	column
	single int32         // the place whose index finds all its members, or mixedColumn
	last   int32         // the rule whose clause was added last
	asked  map[int32]int // the place in column.asked, by node
}

const mixedColumn int32 = -1

// newBroad takes in the rules of some formulas.
func newBroad(s *Set, formulas []int32) *broad {
	b := &broadBuilder{set: s, conditions: map[int32]*condition{}, vetoes: map[int32]*veto{}}
	out := &broad{}
	for _, rf := range rulesOf(s, formulas) {
		out.all = addBit(out.all, rf.rule)
		for _, clause := range s.conjuncts(s.formulas[rf.formula].root) {
			b.clause(clause, rf.rule)
		}
	}
	for _, c := range b.conditions {
		out.steps = append(out.steps, c)
	}
	for _, v := range b.vetoes {
		out.steps = append(out.steps, v)
	}
	for _, c := range b.columns {
		out.steps = append(out.steps, &c.column)
	}
	out.order(s)
	return out
}

// ruleFormula is a rule and its formula.
type ruleFormula struct{ rule, formula int32 }

// rulesOf lists the rules of some formulas in order.
func rulesOf(s *Set, formulas []int32) (list []ruleFormula) {
	for _, f := range formulas {
		for _, r := range s.formulas[f].rules {
			list = append(list, ruleFormula{r, f})
		}
	}
	slices.SortFunc(list, func(a, b ruleFormula) int { return cmp.Compare(a.rule, b.rule) })
	return list
}

// clause puts a clause of a rule where it belongs.
func (b *broadBuilder) clause(id, rule int32) {
	members := b.set.clause(id)
	n := &b.set.nodes[members[0]]
	alone := len(members) == 1
	switch {
	case alone && n.op == leafOp && n.negate && b.set.preds[n.pred].indexed:
		b.veto(n.pred, rule)
	case b.allLeaves(members) && (!alone || b.found(members[0])):
		b.column(members, rule)
	default:
		c := b.conditions[id]
		if c == nil {
			c = &condition{node: id}
			b.conditions[id] = c
		}
		c.bits = addBit(c.bits, rule)
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

func (b *broadBuilder) veto(pred, rule int32) {
	at := b.set.preds[pred].place
	v := b.vetoes[at]
	if v == nil {
		v = &veto{place: at}
		b.vetoes[at] = v
	}
	v.any = addBit(v.any, rule)
	v.bits.add(pred, rule)
}

// column puts a clause into the first column that suits it and has no clause of the rule yet.
func (b *broadBuilder) column(members []int32, rule int32) {
	single := b.singlePlace(members)
	for _, c := range b.columns {
		if c.single == single && c.last != rule {
			c.add(b, members, rule)
			return
		}
	}
	c := &columnBuilder{single: single, asked: map[int32]int{}}
	b.columns = append(b.columns, c)
	c.add(b, members, rule)
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

func (c *columnBuilder) add(b *broadBuilder, members []int32, rule int32) {
	c.need, c.last = addBit(c.need, rule), rule
	for _, m := range members {
		if b.found(m) {
			if at := b.placeOf(m); !slices.Contains(c.places, at) {
				c.places = append(c.places, at)
			}
			c.sat.add(b.set.nodes[m].pred, rule)
			continue
		}
		i, ok := c.asked[m]
		if !ok {
			i = len(c.column.asked)
			c.asked[m] = i
			c.column.asked = append(c.column.asked, condition{node: m})
		}
		c.column.asked[i].bits = addBit(c.column.asked[i].bits, rule)
	}
}
