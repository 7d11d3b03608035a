package filters

import "sluice/logentry"

// Worker is one goroutine's scratch memory for a Set.
type Worker struct {
	set        *Set
	entry      *logentry.Entry
	generation uint32 // of the entry; what was noted under another one is forgotten

	arena []byte // texts made for this entry
	cells []cell // by field
	truth []truth

	leaves    []datum
	leavesOf  uint32
	visitLeaf func(logentry.Visit) bool
	marks     []bool
}

// cell holds the values of one field.
type cell struct {
	generation uint32
	values     []datum
}

// truth is the answer of one predicate.
type truth struct {
	generation uint32
	holds      bool
}

// NewWorker makes the scratch memory for one goroutine.
func (s *Set) NewWorker() *Worker {
	w := &Worker{set: s, cells: make([]cell, len(s.places)), truth: make([]truth, len(s.preds))}
	w.visitLeaf = w.leaf
	return w
}

// begin forgets the previous entry.
func (w *Worker) begin(e *logentry.Entry) {
	w.entry = e
	w.arena = w.arena[:0]
	if w.generation++; w.generation == 0 {
		clear(w.cells)
		clear(w.truth)
		w.leavesOf = 0
		w.generation = 1
	}
}

// eval decides a node.
func (w *Worker) eval(n *setNode) bool {
	switch n.op {
	case leafOp:
		return w.holds(n.pred)
	case notOp:
		return !w.eval(n.kids[0])
	}
	for _, k := range n.kids {
		if w.eval(k) == (n.op == orOp) {
			return n.op == orOp
		}
	}
	return n.op == andOp
}

// holds decides a predicate, once for each entry.
func (w *Worker) holds(id int32) bool {
	t := &w.truth[id]
	if t.generation != w.generation {
		t.generation = w.generation
		t.holds = w.ask(&w.set.preds[id])
	}
	return t.holds
}

func (w *Worker) ask(p *setPredicate) bool {
	switch {
	case p.kind == neverPredicate:
		return false
	case p.place < 0:
		return p.predicate.holds(w, w.allLeaves())
	}
	return p.predicate.holds(w, w.values(p.place))
}

// values gives the values of a field, its default when it has none and is defaulted.
func (w *Worker) values(place int) []datum {
	c := &w.cells[place]
	if c.generation == w.generation {
		return c.values
	}
	c.generation = w.generation
	p := &w.set.places[place]
	c.values = c.values[:0]
	if w.detour(p) {
		payload := w.entry.At(w.entry.First(p.payload))
		c.values = w.openField(p.field, payload, p.field.path[1:], c.values)
	} else {
		for i := w.entry.First(p.slot); i >= 0; i = w.entry.Next(i) {
			if d, ok := w.datumOf(w.entry.At(i), p.field.typ, p.field.schema); ok {
				c.values = append(c.values, d)
			}
		}
	}
	if len(c.values) == 0 && p.field.defaulted {
		c.values = append(c.values, defaults[p.field.typ])
	}
	return c.values
}

// detour says that an Any on the way to the field may hold it one level deeper.
func (w *Worker) detour(p *fieldPlace) bool {
	for _, slot := range p.detours {
		if w.entry.First(slot) >= 0 {
			return true
		}
	}
	return false
}
