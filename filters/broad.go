package filters

import (
	"cmp"
	"slices"
)

// broad decides many formulas at once. Each is an AND of clauses and has a bit; alive holds the bits of those that no clause
// has ruled out yet. The steps go from cheap to dear, so that what is dear is asked only for formulas that are still alive.
type broad struct {
	all   []wordBits
	steps []step
}

// step rules out the formulas one of whose clauses does not hold.
type step interface {
	decide(w *Worker)
	cost(s *Set) int32
}

// wordBits are bits of one word of a bit vector; most vectors have few words that are not 0.
type wordBits struct {
	word int32
	bits uint64
}

// condition is a clause of any kind that some formulas share, decided as a whole.
type condition struct {
	node int32
	bits []wordBits
}

// veto holds the formulas that an indexed predicate of a place rules out by holding.
type veto struct {
	place int32
	any   []wordBits
	bits  predicateBits
}

// column is a set of clauses, at most one a formula, each an OR of predicates or one indexed predicate.
type column struct {
	need   []wordBits
	places []int32       // whose indexed predicates stand in the column
	sat    predicateBits // the formulas whose clause an indexed predicate fulfils
	asked  []condition   // the other members, likewise
}

// predicateBits finds the bits of a predicate.
type predicateBits struct {
	at   []int32 // by predicate: 1 + its place in bits
	bits [][]wordBits
}

func (b *predicateBits) of(pred int32) []wordBits {
	if int(pred) < len(b.at) && b.at[pred] > 0 {
		return b.bits[b.at[pred]-1]
	}
	return nil
}

func (b *predicateBits) add(pred, bit int32) {
	if grow := int(pred) + 1 - len(b.at); grow > 0 {
		b.at = append(b.at, make([]int32, grow)...)
	}
	if b.at[pred] == 0 {
		b.bits = append(b.bits, nil)
		b.at[pred] = int32(len(b.bits))
	}
	list := &b.bits[b.at[pred]-1]
	*list = addBit(*list, bit)
}

// addBit adds a bit that is not lower than those that are there.
func addBit(list []wordBits, bit int32) []wordBits {
	word, mask := bit>>6, uint64(1)<<(bit&63)
	if n := len(list); n > 0 && list[n-1].word == word {
		list[n-1].bits |= mask
		return list
	}
	return append(list, wordBits{word, mask})
}

func anyBit(vector []uint64, list []wordBits) bool {
	for _, x := range list {
		if vector[x.word]&x.bits != 0 {
			return true
		}
	}
	return false
}

func clearBits(vector []uint64, list []wordBits) {
	for _, x := range list {
		vector[x.word] &^= x.bits
	}
}

// decide leaves in w.alive the bits of the formulas that hold.
func (b *broad) decide(w *Worker) {
	for _, x := range b.all {
		w.alive[x.word] = x.bits
	}
	for _, s := range b.steps {
		s.decide(w)
	}
}

func (c *condition) decide(w *Worker) {
	if anyBit(w.alive, c.bits) && !w.eval(c.node) {
		clearBits(w.alive, c.bits)
	}
}

func (v *veto) decide(w *Worker) {
	if !anyBit(w.alive, v.any) {
		return
	}
	for _, pred := range w.resolve(v.place) {
		clearBits(w.alive, v.bits.of(pred))
	}
}

func (c *column) decide(w *Worker) {
	unmet := uint64(0)
	for _, x := range c.need {
		w.unmet[x.word] = x.bits & w.alive[x.word]
		unmet |= w.unmet[x.word]
	}
	if unmet == 0 {
		return
	}
	for _, at := range c.places {
		for _, pred := range w.resolve(at) {
			clearBits(w.unmet, c.sat.of(pred))
		}
	}
	for i := range c.asked {
		if a := &c.asked[i]; anyBit(w.unmet, a.bits) && w.eval(a.node) {
			clearBits(w.unmet, a.bits)
		}
	}
	for _, x := range c.need {
		w.alive[x.word] &^= w.unmet[x.word]
	}
}

func (c *condition) cost(s *Set) int32 { return s.nodes[c.node].cost }

func (v *veto) cost(s *Set) int32 { return s.places[v.place].cost() }

func (c *column) cost(s *Set) (sum int32) {
	for _, at := range c.places {
		sum += s.places[at].cost()
	}
	for i := range c.asked {
		sum += c.asked[i].cost(s)
	}
	return sum
}

// order sorts steps and what is asked inside them by cost.
func (b *broad) order(s *Set) {
	for _, x := range b.steps {
		if c, ok := x.(*column); ok {
			slices.SortStableFunc(c.asked, func(x, y condition) int { return cmp.Compare(x.cost(s), y.cost(s)) })
		}
	}
	slices.SortStableFunc(b.steps, func(x, y step) int { return cmp.Compare(x.cost(s), y.cost(s)) })
}

// encode is the Set's, for what is asked here.
func (b *broad) encode(s *Set) {
	for _, x := range b.steps {
		switch x := x.(type) {
		case *condition:
			x.node = s.code(x.node)
		case *column:
			for i := range x.asked {
				x.asked[i].node = s.code(x.asked[i].node)
			}
		}
	}
}
