package logentry

// found is the extractor's memory inside an Entry, reused from entry to entry.
type found struct {
	raw    []byte
	limit  int     // deepest nesting allowed
	high   uint64  // not 0 = not all ASCII
	defect *Defect // why the walk ended early

	values []hit   // in the order of the text, those of all slots
	slots  []chain // by slot
	keys   []key   // a stack: the keys so far of each object that is open
	arena  []byte  // unescaped keys of open objects

	loose      []looseMatch // folded keys of open objects that led somewhere
	anyDropped bool         // some hits were dropped, so the chains must be linked anew

	derived []byte // texts of derived values
}

// hit is one found value: a place in raw or in derived.
type hit struct {
	start, end uint32
	next       int32 // 1 + the position of the next hit of the slot; 0 = none
	slot       int32
	kind       Kind
	escaped    bool
	derived    bool
}

// chain holds 1 + the positions of a slot's first and last hit; 0 = none.
type chain struct{ first, last int32 }

// reset forgets the previous entry.
func (x *found) reset(raw []byte, slots, limit int) {
	x.raw, x.limit, x.high, x.defect = raw, limit, 0, nil
	x.values, x.keys, x.arena = x.values[:0], x.keys[:0], x.arena[:0]
	x.loose, x.anyDropped, x.derived = x.loose[:0], false, x.derived[:0]
	if cap(x.slots) < slots {
		x.slots = make([]chain, slots)
	}
	x.slots = x.slots[:slots]
	clear(x.slots)
}

// add appends a hit to its slot's chain.
func (x *found) add(h hit) {
	at := int32(len(x.values)) + 1
	x.values = append(x.values, h)
	x.link(h.slot, at)
}

// link appends the hit at 1 + its position to the chain of its slot.
func (x *found) link(slot, at int32) {
	c := &x.slots[slot]
	if c.first == 0 {
		c.first = at
	} else {
		x.values[c.last-1].next = at
	}
	c.last = at
}

// relink makes the chains anew, without the dropped hits.
func (x *found) relink() {
	clear(x.slots)
	for i := range x.values {
		x.values[i].next = 0
		if x.values[i].slot != noSlot {
			x.link(x.values[i].slot, int32(i)+1)
		}
	}
}

// First gives the position of the first value of a slot in the entry, or -1. A field has several when its path crosses an array.
func (e *Entry) First(slot int) int {
	if uint(slot) >= uint(len(e.found.slots)) {
		return -1
	}
	return int(e.found.slots[slot].first) - 1
}

// Next gives the position of the value after position i of the same slot, or -1.
func (e *Entry) Next(i int) int { return int(e.found.values[i].next) - 1 }

// At gives the value at a position that First or Next returned.
func (e *Entry) At(i int) Value {
	h := &e.found.values[i]
	text := e.found.raw
	if h.derived {
		text = e.found.derived
	}
	return Value{Kind: h.kind, Escaped: h.escaped, Derived: h.derived, Text: text[h.start:h.end:h.end]}
}

// Get gives the first value of a path that was wanted at Extract; Absent when it was not wanted or does not stand there.
func (e *Entry) Get(p Path) Value {
	if e.fields == nil {
		return Value{}
	}
	if i := e.First(e.fields.Slot(p)); i >= 0 {
		return e.At(i)
	}
	return Value{}
}
