package pipeline

import (
	"context"
	"time"

	"sluice/pipeline/ledger"
)

// board asks for a place on a reader at the lane's position. A lane whose destination cannot be opened stays behind.
func (l *lane) board(ctx context.Context) error {
	if _, err := l.router.opened.get(ctx, l.routeName, l.current().Delivery); err != nil {
		l.interrupt(err) // what is written is committed first
		return nil
	}
	if err := l.undecided(); err != nil {
		l.interrupt(err)
		return nil
	}
	if err := l.lookBack(ctx); err != nil {
		l.interrupt(err)
		return nil
	}
	l.mu.Lock()
	l.waiting, l.coming = true, time.Time{}
	l.mu.Unlock()
	l.readers.schedule(l)
	return nil
}

// undecided says what is missing to decide by the revision that begins what the lane gathers next: no reader could serve it there.
func (l *lane) undecided() error {
	l.mu.Lock()
	next, covers := l.pending.next, l.pending.covers()
	l.mu.Unlock()
	if covers { // it is flushed first, at the revision's boundary
		return nil
	}
	if rev, ok := l.readers.control.at(l.routeName, next); ok {
		return rev.decision.ready()
	}
	return nil
}

// boardAhead lets a lane that got off board again while it delivers: there is room now in what it gathers.
func (l *lane) boardAhead(ctx context.Context) error {
	l.mu.Lock()
	off := l.reader == nil && !l.waiting && l.pending != nil && !l.full(1) &&
		l.barrier == nil && l.restUntil.IsZero() && l.cause == nil && !l.retiring && !l.router.isDraining()
	l.mu.Unlock()
	if !off {
		return nil
	}
	return l.board(ctx)
}

// interrupt makes the lane forget what it believes and begin again; its goroutine finds it.
func (l *lane) interrupt(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cause = err
	l.leave()
}

// waitsAt gives the position at which the lane wants to board; false when it does not want to.
func (l *lane) waitsAt() (uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.waiting || l.pending == nil {
		return 0, false
	}
	return l.pending.next, true
}

// boardOn puts the lane aboard r, which stands at pos, if the lane still wants to board there.
func (l *lane) boardOn(r *reader, pos uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.waiting || l.pending == nil || l.pending.next != pos {
		return false
	}
	l.waiting, l.reader = false, r
	return true
}

// changeOver puts a lane that is aboard from onto to, which stands at the same position.
func (l *lane) changeOver(from, to *reader) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader != from {
		return false
	}
	l.reader = to
	return true
}

// aboardOf says whether the lane is still aboard r.
func (l *lane) aboardOf(r *reader) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reader == r
}

// meet tells the lane which revision and which delivery settings are in force at the position of its reader r. When they differ
// from those of what the lane has gathered, the lane gets off to flush that first.
func (l *lane) meet(r *reader, rev revision, route *Route) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader != r {
		return false
	}
	if route == nil && rev.decision == nil { // recover sees to that, or says why not
		l.cause = errUnserved
		l.leave()
		return false
	}
	if route == nil && !l.pending.covers() { // board opens the destination, or says why not
		l.leave()
		return false
	}
	if l.pending.revision.hash == rev.hash && l.pending.route == route {
		return true
	}
	if !l.pending.covers() {
		l.rewind()
		l.pending = l.newBatch(l.pending.next, rev, route)
		if !l.windowFits() { // board looks back under the new revision
			l.leave()
			return false
		}
		return true
	}
	l.barrier = &barrier{}
	l.leave()
	return false
}

// takeGap tells the lane that the stream does not hold the sequences from the lane's position to to.
func (l *lane) takeGap(r *reader, to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader == r {
		l.pending.addMissing(ledger.Gap{From: l.pending.next, To: to})
		if l.window != nil && l.window.next == l.pending.next {
			l.window.next = to + 1
		}
		l.pending.next = to + 1
	}
}
