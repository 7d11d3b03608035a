package pipeline

import (
	"context"
	"slices"
	"time"
)

const (
	noAnswer    = 2 * time.Second        // a destination that takes nothing for so long, while memory is short, is given up for now,
	slowAnswer  = 30 * time.Second       // and so is one that has not taken all of a plan after this time
	relievePoll = 100 * time.Millisecond // how long to wait for memory before looking again
)

// relieve brings pending bytes below their bound before a reader goes on. First the lane with most is cut early; lanes that have
// been writing for a while then drop what they have gathered since, and read it again later; lanes whose destination does not
// answer drop the bodies of their plan too, which are rebuilt later; else it waits for what is being written. So a reader waits for
// a destination that hangs no longer than noAnswer.
func (r *Router) relieve(ctx context.Context) error {
	for r.memory.over() {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := time.Now()
		if r.heaviest(func(l *lane) int64 { return l.cuttable() }, (*lane).cutEarly) ||
			r.heaviest(func(l *lane) int64 { return l.sheddable(now) }, (*lane).shed) ||
			r.heaviest(func(l *lane) int64 { return l.unanswered(now) }, (*lane).giveUp) {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, relievePoll)
		r.memory.await(wait)
		cancel()
	}
	return nil
}

// heaviest does act to the lane for which weigh gives most; false when it gives 0 for all.
func (r *Router) heaviest(weigh func(*lane) int64, act func(*lane)) bool {
	var most int64
	var lane *lane
	for _, rs := range r.readers {
		for _, l := range append(slices.Clip(rs.all()), rs.besides()...) {
			if w := weigh(l); w > most {
				most, lane = w, l
			}
		}
	}
	if lane == nil {
		return false
	}
	act(lane)
	return true
}

// cuttable is what the lane has gathered that could be cut now.
func (l *lane) cuttable() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil || l.early || l.pending.entries == 0 || l.cut != nil || !l.writing.IsZero() {
		return 0
	}
	return l.pending.held()
}

func (l *lane) cutEarly() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.early = true
	l.wakeUp()
}

// sheddable is what the lane has gathered while a plan is being written for too long.
func (l *lane) sheddable(now time.Time) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil || l.pending.entries == 0 || l.barrier != nil || l.writing.IsZero() || now.Sub(l.writing) < noAnswer {
		return 0
	}
	return l.pending.held()
}

// shed drops what the lane has gathered, of which nothing is recorded. The lane boards again at its beginning once its plan is
// written.
func (l *lane) shed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil || l.barrier != nil || l.writing.IsZero() {
		return
	}
	b := l.pending
	l.rewind()
	l.pending = l.newBatch(b.first, b.revision, b.route)
	b.drop()
	l.waiting = false
	l.leave()
}

// unanswered is what the lane holds while its destination owes an answer for too long; at least 1 then.
func (l *lane) unanswered(now time.Time) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.relieve == nil || l.writing.IsZero() || now.Sub(l.answered) < noAnswer && now.Sub(l.writing) < slowAnswer {
		return 0
	}
	if l.pending == nil {
		return 1
	}
	return 1 + l.pending.held()
}

// owed gives the context of a write to the destination: one that giveUp may end, with errNoAnswer as its cause, and ask, with
// errAsked.
func (l *lane) owed(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.relieve = cancel
	l.status.LastAttempt = time.Now()
	if len(l.asks) > 0 {
		cancel(errAsked)
	}
	return ctx, cancel
}

// whyEnded puts the reason why the lane ended a write in the place of the error that came of it.
func whyEnded(owed context.Context, err error) error {
	if cause := context.Cause(owed); err != nil && (cause == errNoAnswer || cause == errAsked) {
		return cause
	}
	return err
}

// giveUp ends the lane's write for now. Its goroutine then forgets what it holds, and redoes the plan later from the stream.
func (l *lane) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.relieve == nil { // it has just answered, or somebody else was quicker
		return
	}
	l.relieve(errNoAnswer)
	l.relieve = nil
	l.leave()
}

// heard notes that the destination has taken a unit.
func (l *lane) heard(err error) {
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = time.Now()
}
