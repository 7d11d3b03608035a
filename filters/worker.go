package filters

import "sluice/logentry"

// Worker is one goroutine's scratch memory for a Set.
type Worker struct {
	set        *Set
	entry      *logentry.Entry
	generation uint32 // of the entry; what was noted under another one is forgotten

	arena []byte   // texts made for this entry
	cells []cell   // by place
	truth []uint32 // by predicate: twice the generation under which it was asked, + 1 when it holds
	known []uint32 // by node, likewise
	tried []uint32 // by formula: the generation under which it was evaluated

	matched []uint64 // bits of the rules that match
	alive   []uint64 // of the broad rules that are not ruled out yet; after thin's decision, of the exclusions that hold
	thinned uint32   // the generation under which thin was decided
	unmet   []uint64 // of those, the ones whose clause in the current column has not been fulfilled yet

	looks uint32   // counts the texts that an automaton has looked at
	seen  []uint32 // by needle: the last text in which it was found

	leaves    []datum
	leavesOf  uint32
	visitLeaf func(logentry.Visit) bool
	marks     []bool
}

// cell holds what was found out about one place.
type cell struct {
	gathered uint32 // the generation of values
	resolved uint32 // the generation of hits
	values   []datum
	hits     []int32 // the indexed predicates that hold
}

// NewWorker makes the scratch memory for one goroutine.
func (s *Set) NewWorker() *Worker {
	w := &Worker{
		set:     s,
		cells:   make([]cell, len(s.places)),
		truth:   make([]uint32, len(s.preds)),
		known:   make([]uint32, len(s.nodes)),
		tried:   make([]uint32, len(s.formulas)),
		matched: make([]uint64, len(s.always)),
	}
	if s.broad != nil {
		words := max(len(s.always), (s.thins+63)/64)
		w.alive = make([]uint64, words)
		w.unmet = make([]uint64, words)
	}
	for i := range s.places {
		if x := s.places[i].index; x != nil && len(x.needles) > len(w.seen) {
			w.seen = make([]uint32, len(x.needles))
		}
	}
	w.visitLeaf = w.leaf
	return w
}

// maxGeneration leaves room for the bit in truth and known.
const maxGeneration = 1<<31 - 1

// begin forgets the previous entry.
func (w *Worker) begin(e *logentry.Entry) {
	w.entry = e
	w.arena = w.arena[:0]
	if w.looks > maxGeneration {
		w.looks = 0
		clear(w.seen)
	}
	if w.generation++; w.generation <= maxGeneration {
		return
	}
	w.generation, w.leavesOf, w.thinned = 1, 0, 0
	clear(w.truth)
	clear(w.known)
	clear(w.tried)
	for i := range w.cells {
		w.cells[i].gathered, w.cells[i].resolved = 0, 0
	}
}

// eval decides what encode made of a node, once for each entry.
func (w *Worker) eval(code int32) bool {
	if code < 0 {
		return w.holds(^code>>1) != (code&1 == 0)
	}
	if k := w.known[code]; k>>1 == w.generation {
		return k&1 != 0
	}
	n := &w.set.nodes[code]
	result := n.op == andOp
	for _, k := range n.kids {
		if w.eval(k) != result {
			result = !result
			break
		}
	}
	w.known[code] = w.generation<<1 | uint32(boolNumber(result))
	return result
}

// holds decides a predicate, once for each entry.
func (w *Worker) holds(id int32) bool {
	if t := w.truth[id]; t>>1 == w.generation {
		return t&1 != 0
	}
	p := &w.set.preds[id]
	if p.indexed {
		w.resolve(p.place)
		return w.truth[id] == w.generation<<1|1
	}
	holds := w.ask(p)
	w.truth[id] = w.generation<<1 | uint32(boolNumber(holds))
	return holds
}

func (w *Worker) ask(p *setPredicate) bool {
	if p.place < 0 {
		return p.predicate.holds(w, w.allLeaves())
	}
	return p.predicate.holds(w, w.values(p.place))
}

// values gives the values of a place, its field's default when it has none and is defaulted.
func (w *Worker) values(at int32) []datum {
	c := &w.cells[at]
	if c.gathered == w.generation {
		return c.values
	}
	c.gathered = w.generation
	p := &w.set.places[at]
	c.values = c.values[:0]
	if w.detour(p) {
		payload := w.entry.At(w.entry.First(p.payload))
		c.values = w.openField(p.field, payload, p.field.path[1:], c.values)
	} else {
		for i := w.entry.First(p.slot); i >= 0; i = w.entry.Next(i) {
			c.values = w.appendDatum(c.values, w.entry.At(i), p.field.typ, p.field.schema)
		}
	}
	if len(c.values) == 0 && p.field.defaulted {
		c.values = append(c.values, defaults[p.field.typ])
	}
	return c.values
}

// detour says that an Any on the way to the field may hold it one level deeper.
func (w *Worker) detour(p *place) bool {
	for _, slot := range p.detours {
		if w.entry.First(slot) >= 0 {
			return true
		}
	}
	return false
}
