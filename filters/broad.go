package filters

import (
	"math/bits"
	"slices"
)

// broad decides many formulas at once. Each is an AND of clauses and has a bit; alive holds the bits of those that no clause
// has ruled out yet. A clause that is an OR of predicates stands in a column, where a formula has at most one; any other is a
// condition, decided as a whole for all formulas that share it.
type broad struct {
	formulas   []int32 // by bit
	all        []uint64
	vetoes     []*veto
	columns    []*column
	conditions []condition
}

// veto holds the formulas that an indexed predicate of a place rules out by holding.
type veto struct {
	place int32
	any   []uint64
	bits  map[int32][]wordBits // by predicate
}

// condition is a node that all formulas of some bits need.
type condition struct {
	node int32
	bits []wordBits
}

// column is a set of clauses, at most one a formula.
type column struct {
	need   []uint64
	places []int32              // whose indexed predicates stand in the column
	sat    map[int32][]wordBits // by indexed predicate: the formulas whose clause it fulfils
	asked  []condition          // the other members, likewise
	keys   map[int32]int        // while it is built: the place in asked, by node
	single int32                // the place that all its members look at, or mixedColumn
}

const mixedColumn int32 = -1

// wordBits are bits of one word of a bit vector, which are few in most vectors.
type wordBits struct {
	word int32
	bits uint64
}

func newBroad(s *Set, formulas []int32) *broad {
	b := &broad{formulas: formulas, all: make([]uint64, (len(formulas)+63)/64)}
	byNode := map[int32]int{}
	for bit, f := range formulas {
		b.all[bit>>6] |= 1 << (bit & 63)
		for _, clause := range s.conjuncts(s.formulas[f].root) {
			members := s.clause(clause)
			if s.simple(members) {
				b.addClause(s, members, bit)
				continue
			}
			if n := &s.nodes[clause]; n.op == leafOp && s.preds[n.pred].indexed {
				b.addVeto(s, n.pred, bit)
				continue
			}
			i, ok := byNode[clause]
			if !ok {
				i = len(b.conditions)
				byNode[clause] = i
				b.conditions = append(b.conditions, condition{node: clause})
			}
			b.conditions[i].bits = addBit(b.conditions[i].bits, bit)
		}
	}
	return b
}

// simple says that a clause belongs into a column: an OR of predicates, or one that an index finds.
func (s *Set) simple(members []int32) bool {
	for _, m := range members {
		if s.nodes[m].op != leafOp {
			return false
		}
	}
	n := &s.nodes[members[0]]
	return len(members) > 1 || !n.negate && s.preds[n.pred].indexed
}

func (b *broad) addVeto(s *Set, pred int32, bit int) {
	at := s.preds[pred].place
	i := slices.IndexFunc(b.vetoes, func(v *veto) bool { return v.place == at })
	if i < 0 {
		i = len(b.vetoes)
		b.vetoes = append(b.vetoes, &veto{place: at, any: make([]uint64, len(b.all)), bits: map[int32][]wordBits{}})
	}
	v := b.vetoes[i]
	v.any[bit>>6] |= 1 << (bit & 63)
	v.bits[pred] = addBit(v.bits[pred], bit)
}

// addClause puts a clause into the first column that suits it and has no clause of the formula yet.
func (b *broad) addClause(s *Set, members []int32, bit int) {
	single := s.singlePlace(members)
	for _, c := range b.columns {
		if c.single == single && c.need[bit>>6]&(1<<(bit&63)) == 0 {
			c.add(s, members, bit)
			return
		}
	}
	c := &column{need: make([]uint64, len(b.all)), sat: map[int32][]wordBits{}, keys: map[int32]int{}, single: single}
	b.columns = append(b.columns, c)
	c.add(s, members, bit)
}

// singlePlace is the place whose index finds all members, or mixedColumn.
func (s *Set) singlePlace(members []int32) int32 {
	at := s.preds[s.nodes[members[0]].pred].place
	for _, m := range members {
		n := &s.nodes[m]
		if n.negate || !s.preds[n.pred].indexed || s.preds[n.pred].place != at {
			return mixedColumn
		}
	}
	return at
}

func (c *column) add(s *Set, members []int32, bit int) {
	c.need[bit>>6] |= 1 << (bit & 63)
	for _, m := range members {
		n := &s.nodes[m]
		if p := &s.preds[n.pred]; !n.negate && p.indexed {
			if len(c.sat[n.pred]) == 0 && !slices.Contains(c.places, p.place) {
				c.places = append(c.places, p.place)
			}
			c.sat[n.pred] = addBit(c.sat[n.pred], bit)
			continue
		}
		i, ok := c.keys[m]
		if !ok {
			i = len(c.asked)
			c.keys[m] = i
			c.asked = append(c.asked, condition{node: m})
		}
		c.asked[i].bits = addBit(c.asked[i].bits, bit)
	}
}

// addBit adds a bit that is higher than those that are there.
func addBit(list []wordBits, bit int) []wordBits {
	word, mask := int32(bit>>6), uint64(1)<<(bit&63)
	if n := len(list); n > 0 && list[n-1].word == word {
		list[n-1].bits |= mask
		return list
	}
	return append(list, wordBits{word, mask})
}

// decide notes the formulas that hold.
func (b *broad) decide(w *Worker) {
	copy(w.alive, b.all)
	for _, c := range b.columns {
		if !c.decide(w) {
			return
		}
	}
	for _, v := range b.vetoes {
		v.decide(w)
	}
	for i := range b.conditions {
		c := &b.conditions[i]
		if anyBit(w.alive, c.bits) && !w.eval(c.node) {
			for _, x := range c.bits {
				w.alive[x.word] &^= x.bits
			}
		}
	}
	for i, word := range w.alive {
		for ; word != 0; word &= word - 1 {
			w.match(b.formulas[i<<6+bits.TrailingZeros64(word)])
		}
	}
}

// decide rules out formulas that a predicate of the place forbids.
func (v *veto) decide(w *Worker) {
	wanted := uint64(0)
	for i, alive := range w.alive {
		wanted |= alive & v.any[i]
	}
	if wanted == 0 {
		return
	}
	for _, pred := range w.resolve(v.place) {
		meet(w.alive, v.bits[pred])
	}
}

func anyBit(alive []uint64, list []wordBits) bool {
	for _, x := range list {
		if alive[x.word]&x.bits != 0 {
			return true
		}
	}
	return false
}

// decide rules out the formulas whose clause in the column does not hold, and says whether any are left.
func (c *column) decide(w *Worker) bool {
	unmet := uint64(0)
	for i, need := range c.need {
		w.column[i] = need & w.alive[i]
		unmet |= w.column[i]
	}
	if unmet == 0 {
		return true
	}
	for _, at := range c.places {
		for _, pred := range w.resolve(at) {
			meet(w.column, c.sat[pred])
		}
	}
	for i := range c.asked {
		if a := &c.asked[i]; anyBit(w.column, a.bits) && w.eval(a.node) {
			meet(w.column, a.bits)
		}
	}
	left := uint64(0)
	for i, unmet := range w.column {
		w.alive[i] &^= unmet
		left |= w.alive[i]
	}
	return left != 0
}

// meet takes bits away.
func meet(unmet []uint64, list []wordBits) {
	for _, x := range list {
		unmet[x.word] &^= x.bits
	}
}
