package filters

import (
	"encoding/binary"
	"slices"

	"sluice/logentry"
)

// The numbers of the two constant nodes.
const (
	falseNode int32 = iota
	trueNode
)

// setNode is a node of the formulas of a set. NOT stands only directly at predicates.
type setNode struct {
	op     treeOp // leafOp, andOp or orOp
	negate bool   // leaf
	pred   int32  // leaf
	kids   []int32
	cost   int32 // how long it takes to decide, roughly; kids are in its order
}

// encode replaces the numbers of nodes, wherever one is to be decided, by codes. A leaf's code is negative and says all about it,
// so that most of what is decided needs no look at the nodes. It is the last step of making a set.
func (s *Set) encode() {
	for i := range s.nodes {
		for k, id := range s.nodes[i].kids {
			s.nodes[i].kids[k] = s.code(id)
		}
	}
	for i := range s.formulas {
		s.formulas[i].root = s.code(s.formulas[i].root)
	}
	for i := range s.exclude {
		s.exclude[i].root = s.code(s.exclude[i].root)
	}
	for _, b := range []*broad{s.broad, s.thin} {
		if b != nil {
			b.encode(s)
		}
	}
}

func (s *Set) code(id int32) int32 {
	if n := &s.nodes[id]; n.op == leafOp {
		return ^(n.pred<<1 | int32(boolNumber(n.negate)))
	}
	return id
}

// setPredicate is a predicate and where it looks.
type setPredicate struct {
	*predicate
	place   int32 // -1: the whole entry
	indexed bool  // the place's index finds it
}

// builder gathers what the rules of a set share.
type builder struct {
	set    *Set
	preds  map[string]int32
	places map[string]int32
	nodes  map[string]int32
	roots  map[int32]int32 // the formula with that root
	paths  []logentry.Path
}

func newBuilder(extra []logentry.Path) *builder {
	b := &builder{
		set:    &Set{},
		preds:  map[string]int32{},
		places: map[string]int32{},
		nodes:  map[string]int32{},
		roots:  map[int32]int32{},
		paths:  slices.Clip(extra),
	}
	b.set.nodes = []setNode{falseNode: {op: orOp}, trueNode: {op: andOp}}
	return b
}

// rule takes a rule in. Rules with the same include share a formula.
func (b *builder) rule(r Rule) {
	id := int32(len(b.set.first))
	b.set.first = append(b.set.first, int32(len(b.set.exclude)))
	root := b.filter(r.Include)
	f, ok := b.roots[root]
	if !ok {
		f = int32(len(b.set.formulas))
		b.roots[root] = f
		b.set.formulas = append(b.set.formulas, formula{root: root})
	}
	b.set.formulas[f].rules = append(b.set.formulas[f].rules, id)
	for i, x := range r.Exclude {
		if root := b.filter(x); root != falseNode {
			b.set.exclude = append(b.set.exclude, exclusion{root: root, bit: uint8(i), thin: -1})
		}
	}
}

func (b *builder) filter(f *Filter) int32 {
	if f == nil || f.root == nil {
		return trueNode
	}
	return b.node(f.root, false)
}

// node takes a tree in, negated or not, and gives its number. Equal trees have equal numbers, whatever their members' order.
func (b *builder) node(n *node, negate bool) int32 {
	switch n.op {
	case leafOp:
		return b.leaf(n.pred, negate)
	case notOp:
		return b.node(n.kids[0], !negate)
	}
	op, neutral, decisive := andOp, trueNode, falseNode
	if (n.op == orOp) != negate {
		op, neutral, decisive = orOp, falseNode, trueNode
	}
	var kids []int32
	for _, k := range n.kids {
		switch kid := b.node(k, negate); {
		case kid == decisive:
			return decisive
		case kid == neutral:
		case b.set.nodes[kid].op == op:
			kids = append(kids, b.set.nodes[kid].kids...)
		default:
			kids = append(kids, kid)
		}
	}
	slices.Sort(kids)
	kids = slices.Compact(kids)
	switch len(kids) {
	case 0:
		return neutral
	case 1:
		return kids[0]
	}
	return b.intern(setNode{op: op, kids: kids})
}

func (b *builder) leaf(p *predicate, negate bool) int32 {
	if p.kind == neverPredicate {
		return falseNode + int32(boolNumber(negate))
	}
	return b.intern(setNode{op: leafOp, negate: negate, pred: b.predicate(p)})
}

// intern gives equal nodes one number.
func (b *builder) intern(n setNode) int32 {
	key := []byte{byte(n.op), byte(boolNumber(n.negate))}
	key = binary.LittleEndian.AppendUint32(key, uint32(n.pred))
	for _, k := range n.kids {
		key = binary.LittleEndian.AppendUint32(key, uint32(k))
	}
	id, ok := b.nodes[string(key)]
	if !ok {
		id = int32(len(b.set.nodes))
		b.nodes[string(key)] = id
		b.set.nodes = append(b.set.nodes, n)
	}
	return id
}

func (b *builder) predicate(p *predicate) int32 {
	if id, ok := b.preds[p.text]; ok {
		return id
	}
	id := int32(len(b.set.preds))
	b.preds[p.text] = id
	where := int32(-1)
	if p.field != nil {
		where = b.place(p.field, viewOf(p))
	}
	b.set.preds = append(b.set.preds, setPredicate{predicate: p, place: where})
	return id
}

// finish makes the set's Fields and looks up the slots.
func (b *builder) finish() *Set {
	b.set.first = append(b.set.first, int32(len(b.set.exclude)))
	b.set.fields = logentry.NewFields(b.paths...)
	for i := range b.set.places {
		b.set.places[i].locate(b.set.fields)
	}
	return b.set
}
