package pubsub

import (
	"sync"

	"sluice/sinks/driver"
)

// acked remembers which requests of each lane's open plan were acknowledged, so that a plan of which one request failed is not
// published again as a whole. It is memory of this driver only: after a crash, or once the destination is
// opened anew, nothing is known.
type acked struct {
	mu    sync.Mutex
	lanes map[lane]*progress
}

type lane struct {
	route, stream, side string
	epoch               uint32
}

// progress is what was acknowledged of one plan.
type progress struct {
	first, last uint64
	requests    map[request]bool
}

// request names a request of a plan by what it holds, which an amend of the plan leaves as it is.
type request struct {
	from, to           uint64
	fromIndex, toIndex int32
	count              int
}

func requestOf(refs []driver.Ref) request {
	last := len(refs) - 1
	return request{refs[0].Seq, refs[last].Seq, refs[0].Index, refs[last].Index, len(refs)}
}

// holds says whether a request was acknowledged.
func (a *acked) holds(o *driver.Origin, refs []driver.Ref) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plan(o).requests[requestOf(refs)]
}

// add says that it was.
func (a *acked) add(o *driver.Origin, refs []driver.Ref) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan(o).requests[requestOf(refs)] = true
}

// plan gives what is known of a plan, and forgets the lane's earlier one.
func (a *acked) plan(o *driver.Origin) *progress {
	of := lane{o.Route, o.Stream, o.Side, o.Epoch}
	p := a.lanes[of]
	if p == nil || p.first != o.First || p.last != o.Last {
		p = &progress{o.First, o.Last, make(map[request]bool)}
		if a.lanes == nil {
			a.lanes = make(map[lane]*progress)
		}
		a.lanes[of] = p
	}
	return p
}
