package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/sinks/driver"
)

const (
	silence     = 10 * time.Second // how long a redo waits for a message that should be there
	holeSilence = 2 * time.Second  // how long a search waits for a message where there may be none
	redosAtOnce = 2                // plans read again at the same time: each reads ahead, and that is not counted as pending
)

// recover reads the lane's last record, redoes its open plan and stands ready to board behind it. Nothing new is read before.
func (l *lane) recover(ctx context.Context) error {
	if err := l.heed(ctx, l.load(ctx)); err != nil {
		return err
	}
	if err := l.paused(); err != nil {
		return err
	}
	if id, epoch := l.readers.control.present(); max(l.chain.rec.StreamEp, 1) < epoch {
		if err := l.enter(ctx, id, epoch); err != nil {
			return err
		}
	}
	if err := l.checkAnchor(ctx, l.chain.rec); err != nil {
		return err
	}
	if err := l.abandonIfDue(ctx); err != nil {
		return err
	}
	if err := l.paused(); err != nil { // it has just been abandoned
		return err
	}
	rec := l.chain.rec
	next := rec.Committed + 1
	if len(rec.Open) > 0 {
		next = rec.Open[0].Last + 1
	}
	rev, err := l.readers.revisionAt(ctx, l.routeName, next)
	if err != nil {
		return err
	}
	if err := rev.decision.ready(); err != nil && len(rec.Open) == 0 {
		return err
	}
	l.mu.Lock()
	l.pending = l.newBatch(next, rev, l.route)
	l.mu.Unlock()
	if len(rec.Open) > 0 {
		return l.redoOrSalvage(ctx, rec.Open[0])
	}
	return nil
}

// load reads the lane's last record and takes it in; a new lane writes its first.
func (l *lane) load(ctx context.Context) error {
	if err := l.chain.load(ctx); err != nil {
		if errors.Is(err, ledger.ErrDamaged) {
			return &haltError{err}
		}
		return err
	}
	if l.chain.rev == 0 {
		if err := l.open(ctx); err != nil {
			return err
		}
	}
	l.believe()
	return l.loadUsage(ctx)
}

// revisionAt gives the revision in force for a route at a sequence, recording the present ones where a new epoch has none yet.
func (rs *readers) revisionAt(ctx context.Context, route string, seq uint64) (revision, error) {
	rev, ok := rs.control.at(route, seq)
	if ok {
		return rev, nil
	}
	err := rs.quiesce(func() error { return rs.control.record(ctx, rs.router.inForce(), 1) })
	if err != nil {
		return revision{}, err
	}
	if rev, ok = rs.control.at(route, seq); !ok {
		return revision{}, &haltError{errors.New("no revision of the route is recorded")}
	}
	return rev, nil
}

// believe takes in what the last record says.
func (l *lane) believe() {
	rec := l.chain.rec
	l.state, l.dead, l.pinned = rec.State, rec.DeadSt, rec.Pinned
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unready = l.unready && !l.changed
	l.committed, l.recorded, l.lost, l.changed = rec.Committed, time.Now(), rec.Lost, false
	l.tally.epoch = rec.Epoch
}

// open writes a new lane's first record.
func (l *lane) open(ctx context.Context) error {
	_, epoch := l.readers.control.present() // before the sequences that it gives a meaning to
	start, err := l.start(ctx)
	if err != nil {
		return fmt.Errorf("find the route's start: %w", err)
	}
	return l.append(ctx, ledger.Record{Kind: ledger.KindOpen, Epoch: epoch, StreamEp: epoch, Committed: start - 1})
}

// start is the first sequence of a new lane: as the route says, else the stream's first at a ledger's first start, else where
// the configuration took effect that brought the route.
func (l *lane) start(ctx context.Context) (uint64, error) {
	info, err := l.readers.stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	first := max(info.First, 1)
	switch s := l.current().Start; {
	case s.Earliest:
		return first, nil
	case s.Latest:
		return info.Last + 1, nil
	case s.Sequence > 0:
		return s.Sequence, nil
	case !s.Time.IsZero():
		return l.readers.firstSince(ctx, s.Time, info)
	default:
		// Where its first revision took effect: sequence 1 at a ledger's first start. That is durable, so a crash before the lane
		// is opened changes nothing.
		from, ok := l.readers.control.firstOf(l.routeName)
		if !ok || from <= 1 {
			return first, nil
		}
		return from, nil
	}
}

// firstSince finds the first sequence stored at or after a time, by halving: the stored times grow with the sequences.
func (rs *readers) firstSince(ctx context.Context, t time.Time, info stream.Info) (uint64, error) {
	lo, hi := max(info.First, 1), info.Last+1
	for lo < hi {
		mid := lo + (hi-lo)/2
		m, err := rs.firstFrom(ctx, mid)
		if err != nil {
			return 0, err
		}
		if m != nil && m.Stored.Before(t) {
			lo = m.Seq + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}

// firstFrom gives the first message from seq on; nil when the end of the stream has been deleted from there.
func (rs *readers) firstFrom(ctx context.Context, seq uint64) (*stream.Message, error) {
	src, err := rs.stream.Read(ctx, seq)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	msgs, err := nextWithin(ctx, src, 1, holeSilence)
	if err == nil {
		return &msgs[0], nil
	}
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return nil, err
	}
	// Silence alone proves nothing.
	info, err := rs.stream.Info(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = rs.stream.Get(ctx, info.Last); errors.Is(err, stream.ErrNotFound) {
		return nil, nil
	}
	return nil, errors.Join(fmt.Errorf("the stream gives nothing from %d on, and ends at %d", seq, info.Last), err)
}

// checkAnchor begins a new epoch when the stream ends before the lane's cursor, or holds another message there than was delivered.
func (l *lane) checkAnchor(ctx context.Context, rec ledger.Record) error {
	info, err := l.readers.ask(ctx)
	if err != nil {
		return err
	}
	epoch := max(rec.StreamEp, 1)
	var anchors []ledger.Anchor
	if rec.Anchor != nil {
		anchors = append(anchors, *rec.Anchor)
	}
	for _, p := range rec.Open {
		anchors = append(anchors, p.Anchor)
	}
	if info.Last < rec.Committed {
		return l.readers.steppedBack(ctx, epoch, info, rec.Committed)
	}
	for _, a := range anchors {
		if info.Last < a.Seq {
			return l.readers.steppedBack(ctx, epoch, info, a.Seq)
		}
		if a.Seq < max(info.First, 1) {
			continue
		}
		m, err := l.readers.stream.Get(ctx, a.Seq)
		if errors.Is(err, stream.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the anchor %d: %w", a.Seq, err)
		}
		if anchorOf(&m) != a {
			return l.readers.steppedBack(ctx, epoch, info, a.Seq)
		}
	}
	return nil
}

// redo makes the open plan again from the stream, checks that it is the very same, and writes what may not stand yet. errUnlike
// says that it is not the same; with a loss, the plan is then amended to what the stream still holds.
func (l *lane) redo(ctx context.Context, p ledger.Plan, loss *loss) error {
	dest, decision, err := l.settings(ctx, p)
	if err != nil {
		return err
	}
	if loss != nil && loss.until > 0 {
		p.Until = loss.until
	}
	b, err := l.rebuild(ctx, p, revision{hash: p.Decision, decision: decision}, dest)
	defer b.drop()
	if err != nil {
		return err
	}
	l.pinned = p.Delivery
	t := l.termsOf(p, dest)
	d, err := l.draft(b, t)
	if err != nil {
		return err
	}
	if err := same(d.plan, p); err != nil {
		if loss == nil {
			if d.plan.Counts.Messages < p.Counts.Messages {
				return fmt.Errorf("%w: %w: %w", errUnlike, errFewer, err)
			}
			return fmt.Errorf("%w: %w", errUnlike, err)
		}
		if d, err = l.shrink(ctx, b, t, p, *loss); err != nil {
			return err
		}
	} else {
		d.plan = p.WithUnits(d.plan.Units) // the very record, for the manifest
	}
	for i := range d.plan.Units {
		d.plan.Units[i].Redo = true
	}
	l.mu.Lock()
	l.writing, l.answered, l.underway = time.Now(), time.Now(), b.used()
	if l.underway != nil {
		l.usage = b.meter.usage // what is gathered from now on comes on top
	}
	l.mu.Unlock()
	return l.write(ctx, b, d)
}

// settings opens the destination of a recorded plan and reads its revision.
func (l *lane) settings(ctx context.Context, p ledger.Plan) (*destination, *Decision, error) {
	delivery := l.current().Delivery
	if hashOf(delivery) != p.Delivery {
		old, err := l.chain.config(ctx, p.Delivery)
		if err != nil {
			return nil, nil, fmt.Errorf("read the open plan's delivery settings: %w", err)
		}
		delivery = old
	}
	dest, err := l.router.opened.get(ctx, l.routeName, delivery)
	if err != nil {
		return nil, nil, err
	}
	decision, err := l.readers.control.decision(ctx, l.routeName, p.Decision)
	if err != nil {
		return nil, nil, fmt.Errorf("read the open plan's revision: %w", err)
	}
	return dest, decision, decision.ready()
}

// termsOf are the terms under which a recorded plan was made.
func (l *lane) termsOf(p ledger.Plan, dest *destination) terms {
	return terms{
		dest: dest, delivery: p.Delivery, epoch: l.epoch(), state: p.State, dead: p.DeadState,
		rejects: p.Rejects, amends: p.Amends, named: p.Named, superseded: p.Superseded, until: p.Until,
	}
}

// rebuild reads the plan's messages again and decides them under its revision.
func (l *lane) rebuild(ctx context.Context, p ledger.Plan, rev revision, dest *destination) (*batch, error) {
	if l.source != nil {
		return l.source.gather(ctx, l, dest, rev, p.First, p.Last)
	}
	usage := l.settledUsage.Clone()
	b := l.meteredBatch(p.First, rev, l.current(), &usage)
	if b.meter != nil {
		b.meter.fix(p)
	}
	select {
	case l.router.redos <- struct{}{}:
		defer func() { <-l.router.redos }()
	case <-ctx.Done():
		return b, errStopped
	}
	c := newCourt([]question{{decision: rev.decision, key: dest.sink.Key, reads: dest.sink.Properties().Fields}}, rev.decision.Limits, nil)
	src, err := l.readers.stream.Read(ctx, p.First)
	if err != nil {
		return b, fmt.Errorf("read the open plan's messages: %w", err)
	}
	defer src.Close()
	for b.next <= p.Last {
		buf, err := nextWithin(ctx, src, min(blockMessages, p.Last-b.next+1), silence)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			if err := l.provenEnd(ctx, b.next, p.Anchor); err != nil {
				return b, err
			}
			break // what is missing shows in the comparison
		}
		if err != nil {
			return b, fmt.Errorf("read the open plan's messages: %w", err)
		}
		given := len(buf)
		if p.Until > 0 {
			buf = storedUntil(buf, p.Until)
		}
		ended := len(buf) < given
		for len(buf) > 0 && buf[0].Seq <= p.Last {
			blk, n := gather(l.readers.stream.Name(), b.next, p.Last, buf)
			verdicts := c.decide(blk, func(int) bool { return true })
			if b.meter != nil {
				b.meter.begin(&usage, blk.msgs[0].Stored)
			}
			repeats(rev, p.Repeats, blk, verdicts[0])
			b.add(blk, 0, len(blk.msgs)-1, verdicts[0], time.Now())
			buf = buf[n:]
		}
		if ended || len(buf) > 0 {
			break
		}
		if l.router.memory.over() && l.router.memory.used.Load()-b.held() > l.router.memory.limit/4 {
			return b, errNoAnswer
		}
	}
	if b.next <= p.Last {
		b.addMissing(ledger.Gap{From: b.next, To: p.Last})
		b.next = p.Last + 1
	}
	return b, nil
}

// provenEnd says whether a stream that gave nothing from next on has lost what a plan covers there: silence alone proves nothing.
func (l *lane) provenEnd(ctx context.Context, next uint64, last ledger.Anchor) error {
	if last.Seq < next {
		return nil
	}
	_, err := l.readers.stream.Get(ctx, last.Seq)
	switch {
	case errors.Is(err, stream.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read the open plan's last message: %w", err)
	}
	return fmt.Errorf("the stream holds message %d and gives nothing from %d on", last.Seq, next)
}

func nextWithin(ctx context.Context, src stream.Reader, most uint64, d time.Duration) ([]stream.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return src.Next(ctx, int(most))
}

// same says how a plan made again differs from the recorded one.
func same(made, recorded ledger.Plan) error {
	if recorded.Counts.ExcludedBytes == nil { // recorded before they were counted
		made.Counts.ExcludedBytes = nil
	}
	if !reflect.DeepEqual(made.Counts, recorded.Counts) {
		return fmt.Errorf("its counts were %+v and are now %+v", recorded.Counts, made.Counts)
	}
	return sameUnits(made.Units, recorded.Units)
}

func sameUnits(made, recorded []driver.Unit) error {
	if len(made) != len(recorded) {
		return fmt.Errorf("it had %d units and has now %d", len(recorded), len(made))
	}
	for i := range made {
		m, r := made[i], recorded[i]
		m.Refs, m.Origin, r.Refs, r.Origin = nil, driver.Origin{}, nil, driver.Origin{}
		if !reflect.DeepEqual(m, r) {
			return fmt.Errorf("unit %s (%d entries, digest %s) is now %s (%d entries, digest %s)", r.Name, r.Count, r.Digest, m.Name, m.Count, m.Digest)
		}
	}
	return nil
}
