package filters

import (
	"math"
	"unicode/utf8"
)

// index finds together the predicates of one place that hold: equalities by a hash of the text, substrings and the words that
// patterns require by one pass over it.
type index struct {
	equal    map[string][]int32  // folded text, for =
	numbers  map[float64][]int32 // for = and : on doubles
	integers map[int64][]int32   // for = and : on typed numbers, severities, durations
	bools    [2][]int32
	every    []int32 // hold for any text: field:""
	inside   []int32 // field:text, asked one by one when the value is an object
	finder   *automaton
	found    [][]int32 // by the automaton's needle: what holds where it stands …
	checked  [][]int32 // … and what may hold, and must be asked
	patterns []int32   // regular expressions among these
	needles  map[string]int
}

// What an index does for a predicate.
type indexKind uint8

const (
	notIndexed indexKind = iota
	byEquality
	byNeedle
)

const (
	fewEqualities = 4        // below, comparing one by one is quicker than a hash
	fewNeedles    = 6        // below, so is searching one by one
	maxNeedle     = 24       // bytes of a substring that the automaton looks for; the rest is compared then
	maxNeedles    = 64 << 10 // bytes of all needles of a place, so that the table stays small
)

// indexKindOf says how an index can find a predicate. Others are asked one by one when a formula needs them.
func indexKindOf(p *predicate) indexKind {
	if p.field == nil || p.chain != nil || p.field.typ == timestampType || p.field.typ.container() {
		return notIndexed
	}
	switch {
	case p.kind == logIDPredicate, p.kind == sourcePredicate, p.kind == comparePredicate && p.op == opEq:
		return byEquality
	case p.kind == comparePredicate && p.op == opHas:
		return byNeedle
	case p.kind == matchPredicate && p.op == opMatch && p.required != nil:
		return byNeedle
	}
	return notIndexed
}

func newIndex() *index {
	return &index{
		equal:    map[string][]int32{},
		numbers:  map[float64][]int32{},
		integers: map[int64][]int32{},
		needles:  map[string]int{},
	}
}

// add takes a predicate in.
func (x *index) add(p *predicate, id int32) {
	switch {
	case p.kind == matchPredicate:
		for _, word := range p.required {
			x.checked[x.needle(word)] = append(x.checked[x.needle(word)], id)
		}
		x.patterns = append(x.patterns, id)
		return
	case p.kind != comparePredicate:
		x.equal[string(p.name)] = append(x.equal[string(p.name)], id)
		return
	case p.op == opEq:
		x.equal[string(p.lit.folded)] = append(x.equal[string(p.lit.folded)], id)
	default:
		x.inside = append(x.inside, id)
		x.addSubstring(p.lit.folded, id)
	}
	x.addScalar(p, id)
}

func (x *index) addSubstring(text []byte, id int32) {
	switch {
	case len(text) == 0:
		x.every = append(x.every, id)
	case len(text) > maxNeedle:
		n := x.needle(string(text[:maxNeedle]))
		x.checked[n] = append(x.checked[n], id)
	default:
		n := x.needle(string(text))
		x.found[n] = append(x.found[n], id)
	}
}

// addScalar takes in what the literal is to values that are no text.
func (x *index) addScalar(p *predicate, id int32) {
	l := p.lit
	if l.isNumber && !math.IsNaN(l.number) {
		x.numbers[l.number] = append(x.numbers[l.number], id)
	}
	if l.isBool {
		n := boolNumber(l.boolean)
		x.bools[n] = append(x.bools[n], id)
	}
	switch p.field.typ {
	case int64Type, int32Type:
		x.integers[l.integer] = append(x.integers[l.integer], id)
	case severityType:
		x.integers[l.severity] = append(x.integers[l.severity], id)
	case durationType:
		x.integers[l.duration] = append(x.integers[l.duration], id)
	}
}

// needle gives the number of a text that the automaton shall find.
func (x *index) needle(text string) int {
	n, ok := x.needles[text]
	if !ok {
		n = len(x.needles)
		x.needles[text] = n
		x.found = append(x.found, nil)
		x.checked = append(x.checked, nil)
	}
	return n
}

// seal ends the building.
func (x *index) seal() {
	if len(x.needles) > 0 {
		x.finder = newAutomaton(x.needles)
	}
}

// resolve gives the indexed predicates that hold in a place, and notes their truth.
func (w *Worker) resolve(at int32) []int32 {
	c := &w.cells[at]
	if c.resolved == w.generation {
		return c.hits
	}
	c.resolved = w.generation
	c.hits = c.hits[:0]
	p := &w.set.places[at]
	values := w.values(at)
	for i := range values {
		w.look(c, p, &values[i])
	}
	return c.hits
}

// look finds what holds for one value.
func (w *Worker) look(c *cell, p *place, d *datum) {
	x := p.index
	switch d.kind {
	case textDatum:
		w.lookText(c, p, d)
	case numberDatum:
		w.hit(c, x.numbers[d.number])
	case boolDatum:
		w.hit(c, x.bools[d.integer])
	case integerDatum, severityDatum, durationDatum:
		w.hit(c, x.integers[d.integer])
	case objectDatum:
		for _, id := range x.inside {
			w.check(c, id, d)
		}
	}
}

func (w *Worker) lookText(c *cell, p *place, d *datum) {
	x := p.index
	switch p.view {
	case logIDView:
		if id, ok := w.logID(d); ok {
			w.hit(c, x.equal[string(id)])
		}
		return
	case sourceView:
		if parent, ok := w.source(d); ok {
			w.hit(c, x.equal[string(parent)])
		}
		return
	}
	text := w.fold(d)
	if len(x.equal) > 0 {
		w.hit(c, x.equal[string(text)])
	}
	w.hit(c, x.every)
	if x.finder == nil {
		return
	}
	w.lookFor(c, x, d, text)
	if len(x.patterns) > 0 && !ascii(d.text) {
		// Folding may have joined or split characters at the ends of a word, so that its absence shows nothing.
		for _, id := range x.patterns {
			w.check(c, id, d)
		}
	}
}

// lookFor runs the automaton over a folded text.
func (w *Worker) lookFor(c *cell, x *index, d *datum, text []byte) {
	a := x.finder
	next, firstOutput := a.next, a.firstOutput
	w.looks++
	state := uint32(0)
	for i := 0; i < len(text); i++ {
		if state == 0 {
			if i = a.skip(text, i); i == len(text) {
				return
			}
		}
		if state = next[state+uint32(a.class[text[i]])]; state >= firstOutput {
			w.foundAt(c, x, d, state)
		}
	}
}

// foundAt takes in the needles that end in a state.
func (w *Worker) foundAt(c *cell, x *index, d *datum, state uint32) {
	for state >= x.finder.firstOutput {
		o := x.finder.output(state)
		if o.needle >= 0 && w.seen[o.needle] != w.looks {
			w.seen[o.needle] = w.looks
			w.hit(c, x.found[o.needle])
			for _, id := range x.checked[o.needle] {
				w.check(c, id, d)
			}
		}
		state = o.link
	}
}

// check asks a predicate whether it holds for a value.
func (w *Worker) check(c *cell, id int32, d *datum) {
	if w.truth[id] != w.generation<<1|1 && w.set.preds[id].holdsFor(w, d) {
		w.hitOne(c, id)
	}
}

func (w *Worker) hit(c *cell, ids []int32) {
	for _, id := range ids {
		w.hitOne(c, id)
	}
}

func (w *Worker) hitOne(c *cell, id int32) {
	if yes := w.generation<<1 | 1; w.truth[id] != yes {
		w.truth[id] = yes
		c.hits = append(c.hits, id)
	}
}

func ascii(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
