package rehearsal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"sluice/logentry"
	"sluice/sinks"
	"sluice/sinks/driver"
)

// hall is where a rehearsal delivers to: nothing is kept of an entry but that it came.
type hall struct {
	mu      sync.Mutex
	tallies map[lane]*tally
}

func newHall() *hall { return &hall{tallies: make(map[lane]*tally)} }

func (h *hall) open(_ context.Context, route string, _ []byte) (sink, dead *sinks.Sink, err error) {
	return sinks.New(&nowhere{hall: h}, sinks.Options{}), sinks.New(&nowhere{}, sinks.Options{}), nil
}

// add notes that a route kept entries of a stream.
func (h *hall) add(l lane, refs []driver.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tallies[l]
	if t == nil {
		t = &tally{}
		h.tallies[l] = t
	}
	for i := range refs {
		t.add(refs[i].Seq, refs[i].Index)
	}
}

// nowhere is a destination that takes everything and keeps nothing; a nil hall: not even the tally.
type nowhere struct{ hall *hall }

// Properties are those of a destination without limits.
func (*nowhere) Properties() driver.Properties {
	return driver.Properties{Kind: "nowhere", Guarantee: driver.ExactlyOnce}
}

// Key puts everything into one group.
func (*nowhere) Key(dst []byte, _ *logentry.Entry) []byte { return dst }

// Prepare has nothing to do.
func (*nowhere) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }

// Plan makes one unit of the batch, in stream order.
func (*nowhere) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	var refs []driver.Ref
	for _, g := range b.Groups {
		refs = append(refs, g.Refs...)
	}
	if len(refs) == 0 {
		return driver.Plan{Next: s}, nil
	}
	slices.SortFunc(refs, func(x, y driver.Ref) int { return cmp.Or(cmp.Compare(x.Seq, y.Seq), cmp.Compare(x.Index, y.Index)) })
	name := fmt.Sprintf("%s/%s/%020d-a%d", b.Route, b.Stream, b.First, b.Amend)
	return driver.Plan{Units: []driver.Unit{{Name: name, Refs: refs}}, Next: s}, nil
}

// Write counts. A redo counts nothing again: a tally only grows forward.
func (d *nowhere) Write(_ context.Context, u *driver.Unit) (driver.Receipt, error) {
	var r driver.Receipt
	for i := range u.Refs {
		r.Bytes += int64(len(u.Refs[i].Raw))
	}
	if d.hall != nil {
		d.hall.add(lane{u.Origin.Route, u.Origin.Stream}, u.Refs)
	}
	return r, nil
}

// Close has nothing to free.
func (*nowhere) Close() error { return nil }
