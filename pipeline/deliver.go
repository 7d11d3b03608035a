package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

const (
	unitsAtOnce  = 8    // units of one plan written at the same time
	rejectsMost  = 1000 // refused entries in one batch above which it is the schema, not the entry
	rejectsShare = 20   // likewise: more than one in so many,
	rejectsFew   = 10   // unless there are fewer than these
	preparesMost = 4    // times that a destination is prepared for one batch
	movesMost    = 3    // times that a plan is moved before its lane pauses
)

var errNoAnswer = errors.New("the destination does not answer and memory is short")

// deliverCut plans, writes and keeps for the commit what was cut.
func (l *lane) deliverCut(ctx context.Context) error {
	l.mu.Lock()
	b := l.cut
	l.cut, l.writing, l.answered, l.underway = nil, time.Now(), time.Now(), b.used()
	l.mu.Unlock()
	defer b.drop()
	if err := l.boardAhead(ctx); err != nil {
		return err
	}
	d, err := l.plan(ctx, b)
	if err != nil {
		return err
	}
	return l.write(ctx, b, d)
}

// plan makes the batch's plan and records it, with the commit of the plan before it.
func (l *lane) plan(ctx context.Context, b *batch) (draft, error) {
	if err := l.confirm(ctx); err != nil {
		return draft{}, err
	}
	dest, err := l.router.opened.get(ctx, l.routeName, b.route.Delivery)
	if err != nil {
		return draft{}, err
	}
	t := terms{dest: dest, delivery: hashOf(b.route.Delivery), epoch: l.epoch()}
	if t.delivery != l.pinned { // the states were another destination's
		l.state, l.dead, l.pinned = nil, nil, t.delivery
	}
	if err := l.storeDelivery(ctx, t.delivery, b.route.Delivery); err != nil {
		return draft{}, err
	}
	d, err := l.prepared(ctx, b, t)
	if err != nil {
		return draft{}, err
	}
	if err := l.mayRefuse(d.plan.Rejects, b.entries); err != nil {
		return draft{}, err
	}
	r := l.settled(ledger.KindPlan)
	l.logMissing(d.plan.Missing)
	r.Open = []ledger.Plan{d.record()}
	if err := l.append(ctx, r); err != nil {
		return draft{}, err
	}
	l.tellRefused(b, d.plan.Rejects)
	return d, nil
}

// confirm makes sure that the stream is the one that the lane has read, before that is recorded.
func (l *lane) confirm(ctx context.Context) error {
	if l.chain.rec.Replay != nil { // its entries outlive the stream
		return nil
	}
	if _, err := l.readers.ask(ctx); err != nil {
		return err
	}
	if _, epoch := l.readers.control.present(); l.source != nil && max(l.chain.rec.StreamEp, 1) != epoch {
		return errEpoch
	}
	return nil
}

// logMissing tells of messages that the stream does not hold between others that it does.
func (l *lane) logMissing(missing []ledger.Gap) {
	if len(missing) > 0 {
		l.log.Warn("messages are missing in the stream", "from", missing[0].From, "to", missing[len(missing)-1].To, "messages", countOf(missing))
	}
}

func countOf(gaps []ledger.Gap) (n uint64) {
	for _, g := range gaps {
		n += g.To - g.From + 1
	}
	return n
}

// prepared makes the plan of a batch when the destinations are ready for it, asking again for what only the batch shows to be missing.
func (l *lane) prepared(ctx context.Context, b *batch, t terms) (d draft, err error) {
	state := l.state
	for range preparesMost {
		if err := l.prepare(ctx, t.dest, state, &t); err != nil {
			return draft{}, err
		}
		d, err = l.draft(b, t)
		var wants *wantsError
		if !errors.As(err, &wants) {
			return d, err
		}
		state = wants.state
	}
	return draft{}, err
}

// prepare makes the destinations ready for what the terms will be used for.
func (l *lane) prepare(ctx context.Context, dest *destination, state driver.State, t *terms) (err error) {
	ctx, cancel := l.owed(ctx)
	defer cancel(nil)
	defer func() { l.notePrepared(err) }()
	if t.state, err = dest.sink.Prepare(ctx, state); err != nil {
		err = fmt.Errorf("prepare the destination: %w", err)
	} else if dest.dead != nil {
		if t.dead, err = dest.dead.Prepare(ctx, l.dead); err != nil {
			err = fmt.Errorf("prepare the dead letters: %w", err)
		}
	}
	return whyEnded(ctx, err)
}

func (l *lane) storeDelivery(ctx context.Context, hash string, delivery []byte) error {
	if l.stored == hash {
		return nil
	}
	if err := l.chain.ledger.PutConfig(ctx, hash, delivery); err != nil {
		return fmt.Errorf("store the delivery settings: %w", err)
	}
	l.stored = hash
	return nil
}

// settled begins a record with what is settled before it: the commit of the written plan, if there is one.
func (l *lane) settled(kind ledger.Kind) ledger.Record {
	r := ledger.Record{
		Kind: kind, Epoch: l.epoch(), StreamEp: l.chain.rec.StreamEp, Committed: l.chain.rec.Committed, Lost: l.chain.rec.Lost,
		State: l.state, DeadSt: l.dead, Pinned: l.pinned, Anchor: l.chain.rec.Anchor, Held: l.chain.rec.Held,
		Replay: l.chain.rec.Replay, Backfill: l.chain.rec.Backfill,
	}
	if w := l.written; w != nil {
		r.Committed, r.Receipts = w.plan.Last, w.receipts
		r.Commits = &ledger.Range{First: w.plan.First, Last: w.plan.Last, Counts: w.plan.Counts}
		r.Lost += countOf(w.plan.Missing)
		if w.plan.Anchor.Seq != 0 {
			r.Anchor = &w.plan.Anchor
		}
	}
	r.Quota = l.quotaAfter(l.written.changes())
	return r
}

// append puts a record into the ledger. What was written is committed with it.
func (l *lane) append(ctx context.Context, r ledger.Record) error {
	before := l.chain.rec.Open
	if err := l.chain.append(ctx, r); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written, l.recorded, l.oldest = nil, time.Now(), false
	l.committed, l.lost = r.Committed, r.Lost
	if r.Quota != nil {
		l.settledUsage.Apply(*r.Quota)
	}
	l.tally.add(before, r)
	return nil
}

// write makes the plan's units visible. Entries that the destination refuses are taken out of the plan and go to the dead
// letters; what it has lost the place for is planned anew. On return without error the plan waits for its commit.
func (l *lane) write(ctx context.Context, b *batch, d draft) error {
	for moves := 0; ; {
		if err := l.writeManifest(ctx, d); err != nil {
			return err
		}
		receipts, change, err := l.writeUnits(ctx, d)
		if err != nil {
			return err
		}
		if change.cause == nil {
			l.wrote(d, receipts)
			return nil
		}
		if len(change.rejects) == 0 {
			if moves++; moves > movesMost {
				return change.cause
			}
		}
		if d, err = l.amend(ctx, b, d, change); err != nil {
			return err
		}
	}
}

// change is what the destination wants to be otherwise in a plan before it takes it.
type change struct {
	rejects  []driver.Reject
	restates []func(driver.State) (driver.State, error)
	cause    error // the first of it; nil: nothing
}

func (l *lane) wrote(d draft, receipts []driver.Receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = &written{plan: d.record(), receipts: receipts, used: l.underway, at: time.Now()}
	l.underway = nil
	l.state, l.dead = d.next, d.dead
	l.writing, l.answered, l.relieve, l.blocked = time.Time{}, time.Time{}, nil, time.Time{}
	l.status.LastSuccess = time.Now()
	if l.pending != nil && l.full(1) {
		l.wakeUp()
	}
}

// writeUnits writes all units, some at once, and gathers what was refused. A plan with an error is written again as a whole:
// units that stand already are found to.
func (l *lane) writeUnits(ctx context.Context, d draft) ([]driver.Receipt, change, error) {
	ctx, cancel := l.owed(ctx)
	defer cancel(nil)
	units := d.plan.Units
	receipts, errs := make([]driver.Receipt, len(units)), make([]error, len(units))
	slots := make(chan struct{}, unitsAtOnce)
	var all sync.WaitGroup
	for i := range units {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			sink := d.dest.sink
			if units[i].To == driver.ToDeadLetter {
				sink = d.dest.dead
			}
			receipts[i], errs[i] = sink.Write(ctx, &units[i])
			l.heard(errs[i])
		})
	}
	all.Wait()
	for i := range units {
		if errs[i] != nil && d.superseded(&units[i], errs[i]) {
			receipts[i], errs[i] = driver.Receipt{Existed: true}, nil
		}
	}
	change, err := judgeErrors(units, errs)
	return receipts, change, whyEnded(ctx, err)
}

// judgeErrors sorts the errors of a plan's units: what is to change is gathered; of the others the gravest is returned, as a halt
// where only a person can help.
func judgeErrors(units []driver.Unit, errs []error) (c change, err error) {
	for i, e := range errs {
		if e == nil {
			continue
		}
		switch code := driver.CodeOf(e); {
		case code == driver.Conflict:
			return change{}, &haltError{e}
		case code == driver.Rejected && units[i].To == driver.ToDeadLetter:
			return change{}, &haltError{fmt.Errorf("the dead letters refuse entries: %w", e)}
		case code == driver.Rejected, code == driver.Moved:
			var de *driver.Error
			if errors.As(e, &de); code == driver.Rejected && len(de.Rejects) == 0 {
				return change{}, &haltError{fmt.Errorf("the destination refuses a unit and does not say which entries: %w", e)}
			}
			c.add(de)
		case err == nil || code == driver.Misconfigured:
			err = e
		}
	}
	return c, err
}

func (c *change) add(e *driver.Error) {
	c.rejects = append(c.rejects, e.Rejects...)
	if e.Restate != nil {
		c.restates = append(c.restates, e.Restate)
	}
	if c.cause == nil {
		c.cause = e
	}
}

// restate gives the state to plan from instead.
func (c *change) restate(s driver.State) (driver.State, error) {
	for _, f := range c.restates {
		var err error
		if s, err = f(s); err != nil {
			return nil, fmt.Errorf("restate the open plan: %w", err)
		}
	}
	return s, nil
}

// amend takes refused entries out of the open plan: they go to the dead letters instead. Too many of them, and it is the schema.
// What was moved is planned from where it is now.
func (l *lane) amend(ctx context.Context, b *batch, d draft, c change) (draft, error) {
	amends := d.plan.Amends + 1
	for i := range c.rejects {
		c.rejects[i].Amend = amends
	}
	refused, _ := pick(b.groups, c.rejects)
	if len(refused) == 0 && len(c.rejects) > 0 {
		return draft{}, &haltError{errors.New("the destination refuses entries that the plan does not hold")}
	}
	state, err := c.restate(d.plan.State)
	if err != nil {
		return draft{}, err
	}
	if len(refused) > 0 {
		err = l.mayRefuse(append(slices.Clip(refused), d.plan.Rejects...), b.entries)
	}
	if err != nil {
		return draft{}, err
	}
	t := terms{
		dest: d.dest, delivery: d.plan.Delivery, epoch: l.epoch(), state: state, dead: d.plan.DeadState,
		rejects: append(append([]driver.Reject(nil), d.plan.Rejects...), refused...), amends: amends,
		named: d.plan.Named, superseded: d.plan.Superseded, until: d.plan.Until,
	}
	amended, err := l.draft(b, t)
	if err != nil {
		return draft{}, err
	}
	r := l.settled(ledger.KindAmend)
	r.Open = []ledger.Plan{amended.record()}
	r.Amend = &ledger.Amend{Excluded: refused, Reason: "rejected"}
	if len(refused) == 0 {
		r.Amend = &ledger.Amend{Excluded: []driver.Reject{}, Reason: "moved"}
	}
	if err := l.append(ctx, r); err != nil {
		return draft{}, err
	}
	l.tellRefused(b, refused)
	return amended, nil
}

// mayRefuse halts the lane when so many entries of a batch are refused that it is the schema and not the entries. A replay asks
// about each of its entries: all may be refused again.
func (l *lane) mayRefuse(refused []driver.Reject, of int) error {
	n := len(refused)
	if _, replay := l.source.(*deadSource); replay || n <= rejectsMost && (n < rejectsFew || n*rejectsShare <= of) {
		return nil
	}
	return &haltError{fmt.Errorf("the destination refuses %d of %d entries (first: sequence %d.%d: %s): mend the route, then start again",
		n, of, refused[0].Seq, refused[0].Index, refused[0].Reason)}
}

// commit records that the written plan stands.
func (l *lane) commit(ctx context.Context) error {
	return l.append(ctx, l.settled(ledger.KindCommit))
}

// skip records a range in which the route kept nothing.
func (l *lane) skip(ctx context.Context) error {
	if _, err := l.readers.ask(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	b := l.pending
	if b.entries > 0 { // kept while the stream was asked: it goes with a plan now
		l.mu.Unlock()
		return nil
	}
	l.pending = l.newBatch(b.next, b.revision, b.route)
	l.mu.Unlock()
	return l.skipBatch(ctx, b)
}

// skipBatch records the range of a batch in which nothing was kept.
func (l *lane) skipBatch(ctx context.Context, b *batch) error {
	r := l.settled(ledger.KindSkip)
	counts := b.counts(b.revision.decision.Exclusions)
	r.Skip = &ledger.Skip{Range: ledger.Range{First: b.first, Last: b.next - 1, Counts: counts}, Missing: b.missing, Active: b.active()}
	r.Quota = l.quotaAfter(l.written.changes(), b.used())
	r.Committed = b.next - 1
	r.Lost += countOf(b.missing)
	l.logMissing(b.missing)
	if b.end != nil {
		anchor := anchorOf(&b.end.Message)
		r.Anchor = &anchor
	}
	return l.append(ctx, r)
}

// pass takes the lane over a barrier once all that lies before it is settled.
func (l *lane) pass(ctx context.Context) error {
	l.mu.Lock()
	loss := l.barrier.loss
	next := l.pending.next
	l.mu.Unlock()
	if loss != nil {
		if err := l.lose(ctx, loss); err != nil {
			return err
		}
		next = loss.To + 1
	}
	rev, _ := l.readers.control.at(l.routeName, next)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.barrier = nil
	l.pending = l.newBatch(next, rev, l.route)
	return nil
}

// close ends a lane whose route is gone: everything before it is settled.
func (l *lane) close(ctx context.Context) error {
	l.mu.Lock()
	closing := l.closing
	l.mu.Unlock()
	if closing && l.chain.rec.Kind != ledger.KindClosed {
		r := l.settled(ledger.KindClosed)
		r.Held = nil // a route that comes back is another's doing
		if err := l.append(ctx, r); err != nil {
			return err
		}
	}
	return errRetired
}

// epoch is the lane's: part of every identity that it delivers under.
func (l *lane) epoch() uint32 { return max(l.chain.rec.Epoch, 1) }

func (l *lane) isUnreadable() bool { return l.routeName == Unreadable }
