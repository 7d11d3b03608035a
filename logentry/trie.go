package logentry

// noSlot marks a node that nobody wants as a whole, and a value that was dropped.
const noSlot = -1

// node is one place of the trie of wanted paths: the paths that begin with the same segments.
type node struct {
	seg      Segment
	hash     uint32 // of seg.Key
	slot     int32  // of the path that ends here, or noSlot
	low      int32  // the slots of all paths through here are [low, high)
	high     int32
	children []*node

	exact   table   // by the key as it is spelled in some child
	folds   table   // by the folded key, for keys that are spelled in no child
	foldSet foldSet // which keys may be in folds
}

// edge is a key of a node and the children it leads to: nearly always one.
type edge struct {
	key  string // as spelled, or folded in node.folds
	hash uint32 // of key
	only *node  // the child, when there is one and key is its exact spelling; else nil
	to   []match
}

// match is a child that a key leads to.
type match struct {
	child *node
	exact bool // the key equals the child's, so it wins over folded ones
}

// add makes the path's nodes.
func (n *node) add(p Path) {
	for _, s := range p {
		c := n.child(s)
		if c == nil {
			c = &node{seg: s, hash: hashKey([]byte(s.Key)), slot: noSlot}
			n.children = append(n.children, c)
			e := n.exact.get(c.hash, []byte(s.Key))
			if e == nil {
				e = &edge{key: s.Key, hash: c.hash}
				n.exact.put(e)
			}
			e.to = append(e.to, match{child: c, exact: true})
		}
		n = c
	}
	n.slot = 0 // wanted: seal gives the number
}

// child gives the child of exactly this segment.
func (n *node) child(s Segment) *node {
	e := n.exact.get(hashKey([]byte(s.Key)), []byte(s.Key))
	if e == nil {
		return nil
	}
	for _, m := range e.to {
		if m.exact && m.child.seg == s {
			return m.child
		}
	}
	return nil
}

// seal numbers the slots depth first, from next on, so that a subtree's are contiguous, and adds to the tables what folding
// makes of them. It returns the next free slot.
func (n *node) seal(next int) int {
	n.low = int32(next)
	if n.slot != noSlot {
		n.slot = int32(next)
		next++
	}
	n.sealFolds()
	for _, c := range n.children {
		next = c.seal(next)
	}
	n.high = int32(next)
	return next
}

// sealFolds enters the children with Fold under their folded name, and under every other spelling that some child has.
func (n *node) sealFolds() {
	for _, c := range n.children {
		if !c.seg.Fold {
			continue
		}
		name := folded(c.seg.Key)
		e := n.folds.getFolded([]byte(name))
		if e == nil {
			e = &edge{key: name, hash: hashFolded([]byte(name))}
			n.folds.put(e)
			n.foldSet.add(name)
		}
		e.to = append(e.to, match{child: c})
	}
	for _, c := range n.exact.cells {
		if c.edge != nil {
			c.edge.addFolded(n.folds.getFolded([]byte(c.edge.key)))
		}
	}
}

// addFolded adds to a spelling's edge what the same key, folded, leads to.
func (e *edge) addFolded(folds *edge) {
	if folds != nil {
		for _, m := range folds.to {
			if m.child.seg.Key != e.key {
				e.to = append(e.to, m)
			}
		}
	}
	if len(e.to) == 1 {
		e.only = e.to[0].child
	}
}

// find gives the edge of a key, or nil.
func (n *node) find(hash uint32, key []byte) *edge {
	if e := n.exact.get(hash, key); e != nil {
		return e
	}
	if n.foldSet.mayHold(key) {
		return n.folds.getFolded(key)
	}
	return nil
}
