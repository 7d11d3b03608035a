package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"time"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

const (
	commitIdle   = time.Second     // a written plan is committed after this long without a next plan
	skipAge      = 5 * time.Minute // a range in which nothing was kept is recorded after this long,
	skipMessages = 1_000_000       // or after so many messages
	defaultAge   = 60 * time.Second
	defaultBytes = 16 << 20
	defaultCount = 50_000
)

// lane is one route on one stream. Its goroutine (run) alone speaks to the ledger and to the destination; readers hand it what
// they decided by take, which never waits.
type lane struct {
	router    *Router
	readers   *readers
	routeName string
	name      string // of the ledger's lane
	side      string // of a side lane: see ledger.SplitLane
	source    source // of a side lane; nil: the stream, by its readers
	ordinal   int    // among the stream's lanes: its question in every court
	log       *slog.Logger

	// Only run's goroutine, between forget and forget.
	chain  chain
	state  driver.State // the sink's, after the last written plan
	dead   driver.State
	pinned string // hash of the delivery settings that the states belong to
	stored string // hash of the delivery settings that stand in the ledger

	mu           sync.Mutex
	route        *Route // as it is in force now
	changed      bool   // the route is another than at the last recover
	retiring     bool   // the route is gone: flush and end
	closing      bool   // and write the closed record
	finished     bool
	abandon      string      // a person's reason to abandon the open plan
	held         *ledger.Act // by which a person holds the lane, as its last record says
	asks         []*ask      // acts that wait to be recorded
	unready      bool        // the destination could not be prepared when it was last asked
	blocked      time.Time   // since when the destination has been misconfigured
	wake         chan struct{}
	reader       *reader    // aboard which the lane is
	waiting      bool       // wants to board at pending.next
	coming       time.Time  // since when it recovers, to board then; zero = it does not
	pending      *batch     // being gathered; nil until recovered
	window       *hindsight // what the next entries may repeat; nil: not known, or not asked
	cut          *batch     // to be delivered next
	written      *written
	writing      time.Time // since when a plan is being made and written; zero = none is
	answered     time.Time // when the destination last answered for a unit of it, or when it was begun
	relieve      context.CancelCauseFunc
	barrier      *barrier
	settledUsage ledger.Usage      // of the quotas, as the last record has it
	usage        *ledger.Usage     // with all that is gathered
	underway     *ledger.Usage     // what the plan changes of it that is being written
	restUntil    time.Time         // when the quota that makes the route rest has room again
	activeNow    []string          // the conditional exclusions that are active
	activations  map[string]uint64 // how often each became so, since the program started
	cause        error             // why the lane must stop, found by a reader
	early        bool              // memory is short: cut what is there
	recorded     time.Time
	oldest       bool // the cursor lies in the oldest quarter of the stream
	status       LaneStatus
	committed    uint64
	lost         uint64 // messages, in all
	tally        tally
	lossIn       time.Duration // until retention overtakes the lane; 0: not foreseen
}

// written is a plan whose units all stand at the destination, not yet committed in the ledger.
type written struct {
	plan     ledger.Plan
	receipts []driver.Receipt
	used     *ledger.Usage // what it changed of the quotas' use; nil: no quotas
	at       time.Time
}

// barrier is a sequence that no batch of the lane may cross: what lies before is flushed, then pass is recorded.
type barrier struct {
	loss *ledger.Loss // the stream no longer holds this range; nil: a revision begins
}

func newLane(r *Router, rs *readers, route *Route, ordinal int) *lane {
	return &lane{
		router: r, readers: rs, route: route, routeName: route.Name, name: LaneName(route.Name, rs.stream.Name()), ordinal: ordinal,
		log:    r.log.With("route", route.Name, "stream", rs.stream.Name()),
		wake:   make(chan struct{}, 1),
		status: LaneStatus{Route: route.Name, Stream: rs.stream.Name(), State: Running},
	}
}

// LaneName is the ledger's name of a route on a stream.
func LaneName(route, streamName string) string { return ledger.LaneName(route, streamName, "") }

// take hands the lane what was decided of a block by the reader it is aboard. It tells whether the lane stays aboard: not when
// it has left meanwhile, or cannot take the whole block. It never waits for ledger or destination.
func (l *lane) take(r *reader, blk *block, verdicts []verdict) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader != r {
		return false
	}
	if blk.first != l.pending.next { // would lose or double entries
		l.cause = &haltError{fmt.Errorf("the reader stands at sequence %d, the lane at %d: this is a bug", blk.first, l.pending.next)}
		l.leave()
		return false
	}
	now := time.Now()
	had := l.pending.entries
	for from, v := 0, 0; from < len(blk.msgs); {
		if !l.begin(blk, from) {
			return false
		}
		to, w := l.reach(blk, verdicts, from, v)
		if to < from { // the next message opens too many partitions
			if !l.cutPending() {
				l.leave()
				return false
			}
			continue
		}
		if stop, until := l.pending.meter.rests(blk, from, to, verdicts[v:w]); stop == from {
			l.restTill(until)
			return false
		} else if stop <= to {
			to, w = stop-1, v+sort.Search(w-v, func(i int) bool { return int(verdicts[v+i].msg) >= stop })
		}
		if !l.windowFits() { // it looks back before it boards again
			l.leave()
			return false
		}
		if d := l.pending.revision.decision; d != nil && d.Window > 0 {
			l.window.sift(blk, to, verdicts[v:w])
		}
		l.pending.add(blk, from, to, verdicts[v:w], now)
		from, v = to+1, w
		if l.full(1) && !l.cutPending() && (l.full(growth) || l.router.memory.tight()) {
			l.leave()
			return false
		}
	}
	if (had == 0 && l.pending.entries > 0) || l.pending.messages >= skipMessages {
		l.wakeUp()
	}
	return true
}

// reach tells how far the pending batch can take the block's messages from `from` on before it is full: up to message to,
// which has the verdicts before w. to < from means that not even the first fits beside what is there. A batch that cannot be cut
// takes the whole block when it can, so that lanes that must get off do so at the same place.
func (l *lane) reach(blk *block, verdicts []verdict, from, v int) (to, w int) {
	grows := l.cut != nil || !l.writing.IsZero()
	b, batch := l.pending, l.pending.route.Batch
	bytes, entries, room := b.bytes, b.entries, b.roomFor(verdicts[v:])
	last := len(blk.msgs) - 1
	for w = v; w < len(verdicts); {
		msg := int(verdicts[w].msg)
		end, fits := w, true
		for ; end < len(verdicts) && int(verdicts[end].msg) == msg; end++ {
			if verdicts[end].kept() {
				entries++
				bytes += int64(len(verdicts[end].raw))
			}
			fits = room.takes(&verdicts[end]) && fits
		}
		if !fits && (w > v || b.entries > 0) { // else one message alone has too many
			return msg - 1, w
		}
		w = end
		if !grows && (bytes >= batch.Bytes || entries >= batch.Entries) {
			return msg, w
		}
	}
	return last, w
}

func (l *lane) full(n int) bool {
	return l.pending.full(l.pending.route.Batch.Bytes, l.pending.route.Batch.Entries, n)
}

// cutPending makes the pending batch the next to be delivered; false when one is in the way.
func (l *lane) cutPending() bool {
	if l.cut != nil || !l.writing.IsZero() {
		return false
	}
	l.cut = l.pending
	l.pending = l.newBatch(l.cut.next, l.cut.revision, l.cut.route)
	l.early = false
	l.wakeUp()
	return true
}

// leave gets the lane off its reader. It boards again when its goroutine has made room.
func (l *lane) leave() {
	l.reader = nil
	l.wakeUp()
}

// stopAt gets the lane off its reader r at a sequence that its batches must not cross.
func (l *lane) stopAt(r *reader, b *barrier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader == r {
		l.barrier = b
		l.leave()
	}
}

func (l *lane) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run works the lane until ctx ends or it is drained. recovered is called once, when the lane has redone its open plan, or has
// found that it cannot for now.
func (l *lane) run(ctx context.Context, recovered func()) {
	once := sync.OnceFunc(recovered)
	defer once()
	defer l.refuse()
	wait := newBackoff()
	var adopted uint64 // 1 + where the ledger stood at the last adoption
	for {
		l.forget()
		err := l.work(ctx, once, wait.reset)
		l.forget()
		once()
		if ctx.Err() != nil || errors.Is(err, errStopped) || (errors.Is(err, errRetired) && l.finish()) {
			return
		}
		if errors.Is(err, errRetired) { // its route came back meanwhile
			continue
		}
		if stands := l.stands() + 1; errors.Is(err, errAdopted) && adopted < stands {
			adopted = stands // on at once, also in a drain: the adopted plan stands already
			continue
		}
		if l.router.failFor(err) {
			return
		}
		if !errors.Is(err, errAsked) && !l.rest(ctx, err, wait) {
			return
		}
	}
}

// rest keeps the lane where it is after an error, for as long as that calls for; false when the router ends.
func (l *lane) rest(ctx context.Context, err error, wait *backoff) bool {
	var held *heldError
	var halt *haltError
	switch {
	case errors.As(err, &held):
		return l.standStill(ctx, held)
	case errors.As(err, &halt):
		l.setState(Halted, err.Error())
		l.tellTrouble(err)
		l.log.Error("route halted", "error", err)
		return l.untilChanged(ctx, true)
	case errors.Is(err, errEpoch):
		l.log.Info("the stream has begun anew; reading the ledger again")
	case errors.Is(err, ledger.ErrFenced):
		l.log.Info("another writer appended; reading the ledger again")
	default:
		l.setState(stateOf(err), err.Error())
		l.noteBlocked(err)
		l.tellTrouble(err)
		l.log.Warn("route waits", "error", err)
	}
	select {
	case <-l.wake: // of before: it does not cut the pause short
	default:
	}
	return l.isAsked() || wait.pause(ctx, l.router.draining, l.wake)
}

// untilChanged keeps a lane where it is until a person wants something of it or its route is gone, or, with changes, its route
// changes; false when the router ends.
func (l *lane) untilChanged(ctx context.Context, changes bool) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-l.router.draining:
			return false
		case <-l.wake:
		}
		l.mu.Lock()
		proceed := l.changed && changes || l.retiring || l.abandon != "" || len(l.asks) > 0
		l.mu.Unlock()
		if proceed {
			return true
		}
	}
}

// stands is the last sequence that the ledger has committed, as far as the lane has heard.
func (l *lane) stands() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed
}

// finish marks the lane as ended, unless its route has come back.
func (l *lane) finish() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = l.retiring
	return l.finished
}

// noteBlocked remembers since when the destination has been misconfigured.
func (l *lane) noteBlocked(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if stateOf(err) != Paused {
		l.blocked = time.Time{}
	} else if l.blocked.IsZero() {
		l.blocked = time.Now()
	}
}

// forget drops everything that the lane believes and holds: after any error the ledger is asked again.
func (l *lane) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range []*batch{l.pending, l.cut} {
		if b != nil {
			b.drop()
		}
	}
	l.pending, l.cut, l.written, l.barrier, l.window = nil, nil, nil, nil, nil
	l.reader, l.waiting, l.early, l.cause, l.coming = nil, false, false, nil, time.Time{}
	l.writing, l.answered, l.relieve = time.Time{}, time.Time{}, nil
	l.settledUsage, l.usage, l.underway, l.restUntil = ledger.Usage{}, nil, nil, time.Time{}
	l.state, l.dead, l.pinned = nil, nil, ""
	l.chain = chain{ledger: l.router.opts.Ledger, lane: l.name, nonce: l.router.opts.Nonce}
}

// work reads the ledger, redoes what is open, boards a reader and delivers until something goes wrong or the drain is done.
// healthy is called whenever the ledger has grown by it.
func (l *lane) work(ctx context.Context, recovered, healthy func()) error {
	if l.source != nil {
		return l.workSide(ctx, healthy)
	}
	l.mu.Lock()
	l.coming = time.Now()
	l.mu.Unlock()
	if err := l.recover(ctx); err != nil {
		return err
	}
	if before := l.setRunning(); before != Running && l.written != nil { // the destination has taken the open plan
		l.readers.encourage()
	}
	recovered()
	for {
		do, wait := l.todo(time.Now())
		if do == nil {
			if err := l.sleep(ctx, wait); err != nil {
				return err
			}
			continue
		}
		before := l.chain.rev
		if err := do(ctx); err != nil {
			return err
		}
		if l.chain.rev != before {
			healthy()
		}
	}
}

func (l *lane) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.wake:
		return nil
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errStopped
	}
}

// todo chooses what the lane does next, or how long it may sleep unless woken.
func (l *lane) todo(now time.Time) (do func(context.Context) error, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	draining := l.router.isDraining() || l.retiring || l.held != nil
	if draining {
		l.reader, l.waiting = nil, false
	}
	p := l.pending
	switch {
	case l.cause != nil && l.written != nil:
		return l.commit, 0
	case l.cause != nil:
		cause := l.cause
		return func(context.Context) error { return cause }, 0
	case l.cut != nil:
		return l.deliverCut, 0
	case p.entries > 0 && (draining || l.barrier != nil || !l.restUntil.IsZero() || l.early || l.full(1) || !now.Before(p.born.Add(p.route.Batch.Age))):
		l.cutPending()
		return l.deliverCut, 0
	case p.entries == 0 && p.covers() && (draining || l.barrier != nil || !l.restUntil.IsZero() || l.oldest || p.messages >= skipMessages ||
		!now.Before(l.recorded.Add(skipAge))):
		return l.skip, 0
	case l.barrier != nil && !draining:
		return l.pass, 0
	case l.written != nil && (draining || !now.Before(l.written.at.Add(commitIdle))):
		return l.commit, 0
	case l.retiring:
		return l.close, 0
	case l.held != nil:
		held := &heldError{*l.held}
		return func(context.Context) error { return held }, 0
	case draining:
		return func(context.Context) error { return errStopped }, 0
	case now.Before(l.restUntil):
	case l.reader == nil && !l.waiting:
		l.endRest()
		return l.board, 0
	}
	return nil, l.patience(now)
}

// patience is how long nothing will fall due.
func (l *lane) patience(now time.Time) time.Duration {
	due := now.Add(skipAge)
	if l.pending.entries > 0 {
		due = earlier(due, l.pending.born.Add(l.pending.route.Batch.Age))
	} else if l.pending.covers() {
		due = earlier(due, l.recorded.Add(skipAge))
	}
	if l.written != nil {
		due = earlier(due, l.written.at.Add(commitIdle))
	}
	if !l.restUntil.IsZero() {
		due = earlier(due, l.restUntil)
	}
	return due.Sub(now)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
