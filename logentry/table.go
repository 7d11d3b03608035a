package logentry

// table finds edges by the hash of their key: open addressing, at most half full. The zero table is empty.
type table struct {
	cells []cell
	count int
}

type cell struct {
	hash uint32
	edge *edge
}

// get gives the edge of a key, or nil.
func (t *table) get(hash uint32, key []byte) *edge {
	if len(t.cells) == 0 {
		return nil
	}
	mask := uint32(len(t.cells) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		c := &t.cells[i]
		if c.edge == nil {
			return nil
		}
		if c.hash == hash && c.edge.key == string(key) {
			return c.edge
		}
	}
}

// getFolded gives the edge whose key is key folded, or nil.
func (t *table) getFolded(key []byte) *edge {
	if len(t.cells) == 0 {
		return nil
	}
	hash := hashFolded(key)
	mask := uint32(len(t.cells) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		c := &t.cells[i]
		if c.edge == nil {
			return nil
		}
		if c.hash == hash && equalFolded(key, c.edge.key) {
			return c.edge
		}
	}
}

// put adds an edge of a key that the table does not hold.
func (t *table) put(e *edge) {
	if 2*(t.count+1) > len(t.cells) {
		old := t.cells
		t.cells = make([]cell, max(4, 2*len(old)))
		for _, c := range old {
			if c.edge != nil {
				t.place(c)
			}
		}
	}
	t.place(cell{hash: e.hash, edge: e})
	t.count++
}

// place writes a cell into the first free place from its hash on.
func (t *table) place(c cell) {
	mask := uint32(len(t.cells) - 1)
	i := c.hash & mask
	for t.cells[i].edge != nil {
		i = (i + 1) & mask
	}
	t.cells[i] = c
}
