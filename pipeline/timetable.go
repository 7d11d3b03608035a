package pipeline

import (
	"context"
	"math"
	"time"
)

// enter is a reader's stop between two blocks: lanes get on, readers that met become one, a reader waits for one close behind,
// and one without lanes lingers and ends.
func (rs *readers) enter(ctx context.Context, r *reader) order {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for ctx.Err() == nil && !rs.router.isDraining() && !r.ended {
		rs.getOff(r)
		rs.pickUp(r)
		if rs.changeOver(r) {
			return order{end: true}
		}
		if rs.waits(r) {
			rs.moved.Wait()
			continue
		}
		if len(r.aboard) == 0 {
			if rs.lingered(r) {
				return order{end: true}
			}
			rs.moved.Wait()
			continue
		}
		if rs.held(r) {
			rs.moved.Wait()
			continue
		}
		return order{}
	}
	return order{end: true}
}

// begin marks that the reader decides a block now, and says for whom and how far.
func (rs *readers) begin(r *reader) order {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for rs.paused && rs.ctx.Err() == nil {
		rs.moved.Wait()
	}
	if r.ended {
		return order{}
	}
	rs.getOff(r)
	rs.pickUp(r)
	r.processing = true
	last := uint64(math.MaxUint64)
	for l := range rs.waiting {
		if pos, ok := l.waitsAt(); ok && pos > r.pos {
			last = min(last, pos-1)
		}
	}
	for _, o := range rs.active {
		if o != r && !o.ended && o.pos > r.pos {
			last = min(last, o.pos-1)
			if o.pos-r.pos <= window && o.idle.IsZero() {
				o.heldBy = r
			}
		}
	}
	last = min(last, rs.control.regimeEnd(r.pos))
	return order{aboard: append([]*lane(nil), r.aboard...), last: last}
}

// leave ends what begin began.
func (rs *readers) leave(r *reader) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.processing = false
	rs.getOff(r)
	rs.serve()
}

// advance moves a reader.
func (rs *readers) advance(r *reader, pos uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.pos = pos
}

// stand gives where a reader goes on after a block: behind it, or, when every lane has got off, where the hindmost one stopped.
func (rs *readers) stand(r *reader, blk *block) uint64 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	to := blk.last() + 1
	hindmost := to
	for _, l := range r.aboard {
		if l.aboardOf(r) {
			return to
		}
		if next, ok := l.stoppedAt(); ok && next >= blk.first {
			hindmost = min(hindmost, next)
		}
	}
	return hindmost
}

// getOff drops from the reader's list who has left it. rs.mu is held.
func (rs *readers) getOff(r *reader) {
	kept := r.aboard[:0]
	for _, l := range r.aboard {
		if l.aboardOf(r) {
			kept = append(kept, l)
		}
	}
	clear(r.aboard[len(kept):])
	r.aboard = kept
}

// changeOver puts r's lanes aboard another reader at the same position, if there is one; r has then nothing more to do.
func (rs *readers) changeOver(r *reader) bool {
	for _, o := range rs.active {
		if o == r || o.ended || o.processing || o.pos != r.pos {
			continue
		}
		for _, l := range r.aboard {
			if l.changeOver(r, o) {
				o.aboard = append(o.aboard, l)
			}
		}
		r.aboard = nil
		r.ended = true
		o.idle, o.heldBy = time.Time{}, nil
		rs.moved.Broadcast()
		return true
	}
	return false
}

// held says whether r must wait for a reader close behind it.
func (rs *readers) held(r *reader) bool {
	h := r.heldBy
	if h == nil {
		return false
	}
	if h.ended || h.pos >= r.pos || r.pos-h.pos > window+blockMessages || len(h.aboard) == 0 {
		r.heldBy = nil
		return false
	}
	return true
}

// lingered says whether a reader without lanes has waited long enough for one.
func (rs *readers) lingered(r *reader) bool {
	now := time.Now()
	if r.idle.IsZero() {
		r.idle = now
		rs.lookAgain(linger)
		return false
	}
	return now.Sub(r.idle) >= linger
}
