package rehearsal

import "encoding/binary"

// tally is a set of positions of one stream, given in ascending order: a byte or two each.
type tally struct {
	steps []byte // for each position, as varints: sequences since the one before; for none, the step of the index
	seq   uint64 // of the last position
	index int32
	n     uint64
}

// add takes one more position. One that is not above the last is known.
func (t *tally) add(seq uint64, index int32) {
	switch {
	case t.n > 0 && (seq < t.seq || (seq == t.seq && index <= t.index)):
		return
	case t.n > 0 && seq == t.seq:
		t.steps = append(t.steps, 0)
		t.steps = binary.AppendUvarint(t.steps, uint64(index-t.index))
	default:
		t.steps = binary.AppendUvarint(t.steps, seq-t.seq)
		t.steps = binary.AppendUvarint(t.steps, uint64(index))
	}
	t.seq, t.index = seq, index
	t.n++
}

// walk gives the positions of a tally one after another.
type walk struct {
	steps []byte
	seq   uint64
	index int32
	ended bool
}

func (t *tally) walk() *walk {
	w := &walk{ended: true}
	if t != nil {
		w.steps, w.ended = t.steps, false
		w.next()
	}
	return w
}

func (w *walk) next() {
	if len(w.steps) == 0 {
		w.ended = true
		return
	}
	step, n := binary.Uvarint(w.steps)
	index, m := binary.Uvarint(w.steps[n:])
	w.steps = w.steps[n+m:]
	if step == 0 {
		w.index += int32(index)
	} else {
		w.seq, w.index = w.seq+step, int32(index)
	}
}

// reaches moves the walk forward to a position and says whether it stands there.
func (w *walk) reaches(seq uint64, index int32) bool {
	for !w.ended && (w.seq < seq || (w.seq == seq && w.index < index)) {
		w.next()
	}
	return !w.ended && w.seq == seq && w.index == index
}

// without counts the positions that stand in none of the others; the first of them become examples, up to most in all.
func (t *tally) without(others []*tally, stream string, examples *[]Position, most int) (n uint64) {
	walks := make([]*walk, len(others))
	for i, o := range others {
		walks[i] = o.walk()
	}
	for w := t.walk(); !w.ended; w.next() {
		found := false
		for _, o := range walks {
			found = o.reaches(w.seq, w.index) || found
		}
		if found {
			continue
		}
		n++
		if len(*examples) < most {
			*examples = append(*examples, Position{Stream: stream, Seq: w.seq, Index: w.index})
		}
	}
	return n
}
