package pipeline

import "time"

const (
	boarding      = 500 * time.Millisecond // how long a reader that begins somewhere waits for lanes that are about to board,
	courtesy      = 2 * time.Second        // one that is behind, at each place, for lanes that got off there and will be back,
	courtesyMost  = 5 * time.Second        // and for such lanes in all,
	courtesyShare = 4                      // beside one part in so many of its time
)

// waits says whether a reader should stay where it is for lanes that will board here in a moment: who comes later must read
// everything again, with a reader of its own. A reader at the tail, or one that others wait for, only waits where it begins.
// rs.mu is held.
func (rs *readers) waits(r *reader) bool {
	now := time.Now()
	if r.fresh {
		if now.Sub(r.placed) < boarding && rs.anyComing(now) {
			return true
		}
		r.fresh = false
	}
	if !r.stopped.IsZero() && r.stoppedAt != r.pos {
		r.stopped = time.Time{}
	}
	if r.pos+window >= rs.last || rs.holdsUp(r) || !rs.anyBack(r.pos, now) {
		return r.goesOn(now)
	}
	if r.stopped.IsZero() {
		if r.spent >= courtesyMost+now.Sub(r.placed)/courtesyShare {
			return false
		}
		r.stopped, r.stoppedAt, r.counted = now, r.pos, false
		rs.lookAgain(courtesy)
	}
	if r.counted || now.Sub(r.stopped) >= courtesy {
		return r.goesOn(now)
	}
	return true
}

// goesOn ends a reader's stop, if it made one, and counts it once.
func (r *reader) goesOn(now time.Time) bool {
	if !r.stopped.IsZero() && !r.counted {
		r.spent += now.Sub(r.stopped)
		r.counted = true
	}
	return false
}

// place puts a reader at a position where it has not been reading.
func (rs *readers) place(r *reader, pos uint64) {
	r.pos, r.idle, r.placed, r.fresh, r.spent = pos, time.Time{}, time.Now(), true, 0
	rs.lookAgain(boarding)
}

// lookAgain lets the readers that wait look at the timetable after a time.
func (rs *readers) lookAgain(after time.Duration) {
	time.AfterFunc(after, func() { rs.mu.Lock(); rs.moved.Broadcast(); rs.mu.Unlock() })
}

// holdsUp says whether another reader waits for r.
func (rs *readers) holdsUp(r *reader) bool {
	for _, o := range rs.active {
		if o.heldBy == r {
			return true
		}
	}
	return false
}

func (rs *readers) anyComing(now time.Time) bool {
	for _, l := range rs.all() {
		if l.isComing(now) {
			return true
		}
	}
	return false
}

func (rs *readers) anyBack(pos uint64, now time.Time) bool {
	for _, l := range rs.all() {
		if l.isBack(pos, now) {
			return true
		}
	}
	return false
}

// isComing says whether the lane has begun to recover a moment ago, and will then board.
func (l *lane) isComing(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.coming.IsZero() && now.Sub(l.coming) < boarding
}

// isBack says whether the lane got off at pos and is likely to board there again soon.
func (l *lane) isBack(pos uint64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending != nil && l.pending.next == pos && l.reader == nil && !l.waiting && l.cause == nil &&
		(l.writing.IsZero() || now.Sub(l.writing) < courtesy)
}
