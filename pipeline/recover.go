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

// silence is how long a redo waits for a message that should be there.
const silence = 10 * time.Second

// recover reads the lane's last record, redoes its open plan and stands ready to board behind it. Nothing new is read before.
func (l *lane) recover(ctx context.Context) error {
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
	rec := l.chain.rec
	if rec.Kind == ledger.KindClosed {
		return &haltError{errors.New("the lane is closed")}
	}
	if err := l.checkAnchor(ctx, rec); err != nil {
		return err
	}
	l.state, l.dead = rec.State, rec.DeadSt
	next := rec.Committed + 1
	l.mu.Lock()
	l.committed, l.recorded = rec.Committed, time.Now()
	l.mu.Unlock()
	if len(rec.Open) > 0 {
		next = rec.Open[0].Last + 1
	}
	rev, ok := l.readers.control.at(l.route.Name, next)
	if !ok {
		return &haltError{errors.New("no revision of the route is recorded")}
	}
	l.mu.Lock()
	l.pending = newBatch(l.router.memory, next, rev)
	l.mu.Unlock()
	if len(rec.Open) > 0 {
		return l.redo(ctx, rec.Open[0])
	}
	return nil
}

// open writes a new lane's first record.
func (l *lane) open(ctx context.Context) error {
	start, err := l.start(ctx)
	if err != nil {
		return fmt.Errorf("find the route's start: %w", err)
	}
	return l.append(ctx, ledger.Record{Kind: ledger.KindOpen, Epoch: l.epoch(), Committed: start - 1})
}

// start is the first sequence of a new lane: as the route says, else the stream's first at a ledger's first start, else where
// the present configuration took effect.
func (l *lane) start(ctx context.Context) (uint64, error) {
	info, err := l.readers.stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	first := max(info.First, 1)
	switch s := l.route.Start; {
	case s.Earliest:
		return first, nil
	case s.Latest:
		return info.Last + 1, nil
	case s.Sequence > 0:
		return s.Sequence, nil
	case !s.Time.IsZero():
		return l.since(ctx, s.Time, info)
	case l.readers.control.fresh || l.isUnreadable():
		return first, nil
	default:
		return max(l.readers.control.from, 1), nil
	}
}

// since finds the first sequence stored at or after a time, by halving: the stored times grow with the sequences.
func (l *lane) since(ctx context.Context, t time.Time, info stream.Info) (uint64, error) {
	lo, hi := max(info.First, 1), info.Last+1
	for lo < hi {
		mid := lo + (hi-lo)/2
		m, err := l.firstFrom(ctx, mid)
		if err != nil {
			return 0, err
		}
		if m.Stored.Before(t) {
			lo = m.Seq + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}

func (l *lane) firstFrom(ctx context.Context, seq uint64) (stream.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	src, err := l.readers.stream.Read(ctx, seq)
	if err != nil {
		return stream.Message{}, err
	}
	defer src.Close()
	msgs, err := src.Next(ctx, 1)
	if err != nil {
		return stream.Message{}, err
	}
	return msgs[0], nil
}

// checkAnchor halts the lane when the stream ends before its cursor, or holds another message there than was delivered.
func (l *lane) checkAnchor(ctx context.Context, rec ledger.Record) error {
	info, err := l.readers.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("ask for the stream's state: %w", err)
	}
	cursor := rec.Committed
	for _, p := range rec.Open {
		cursor = max(cursor, p.Last)
	}
	if info.Last < cursor && rec.Kind != ledger.KindOpen {
		return &haltError{fmt.Errorf("the stream stepped back: its last sequence is %d, the lane has delivered up to %d", info.Last, cursor)}
	}
	if rec.Anchor == nil || rec.Anchor.Seq < info.First {
		return nil
	}
	m, err := l.readers.stream.Get(ctx, rec.Anchor.Seq)
	if errors.Is(err, stream.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the anchor %d: %w", rec.Anchor.Seq, err)
	}
	if now := anchorOf(&m); now != *rec.Anchor {
		return &haltError{fmt.Errorf("the stream stepped back: sequence %d holds another message than was delivered (stored %s, was %s)",
			m.Seq, m.Stored.UTC().Format(time.RFC3339Nano), time.Unix(0, rec.Anchor.Stored).UTC().Format(time.RFC3339Nano))}
	}
	return nil
}

// redo makes the open plan again from the stream, checks that it is the very same, and writes what may not stand yet.
func (l *lane) redo(ctx context.Context, p ledger.Plan) error {
	delivery := l.route.Delivery
	if hashOf(delivery) != p.Delivery {
		old, err := l.chain.ledger.Config(ctx, p.Delivery)
		if err != nil {
			return &haltError{fmt.Errorf("read the open plan's delivery settings: %w", err)}
		}
		delivery = old
	}
	dest, err := l.router.opened.get(ctx, l.route.Name, delivery)
	if err != nil {
		return err
	}
	decision, err := l.readers.control.decision(ctx, l.route.Name, p.Decision)
	if err != nil {
		return &haltError{fmt.Errorf("read the open plan's revision: %w", err)}
	}
	b, err := l.rebuild(ctx, p, revision{hash: p.Decision, decision: decision}, dest)
	if b != nil {
		defer b.drop()
	}
	if err != nil {
		return err
	}
	d, err := l.draft(b, terms{
		dest: dest, delivery: p.Delivery, epoch: l.epoch(), state: p.State, dead: p.DeadState, rejects: p.Rejects, amends: p.Amends,
	})
	if err != nil {
		return err
	}
	if err := same(d.plan, p); err != nil {
		return &haltError{fmt.Errorf("the open plan of sequences %d to %d cannot be made again from the stream: %w", p.First, p.Last, err)}
	}
	l.mu.Lock()
	l.writing = time.Now()
	l.mu.Unlock()
	return l.write(ctx, b, d)
}

// rebuild reads the plan's messages again and decides them under its revision.
func (l *lane) rebuild(ctx context.Context, p ledger.Plan, rev revision, dest *destination) (*batch, error) {
	b := newBatch(l.router.memory, p.First, rev)
	c := newCourt([]question{{decision: rev.decision, key: dest.sink.Key}}, rev.decision.Limits, dest.sink.Properties().Fields)
	src, err := l.readers.stream.Read(ctx, p.First)
	if err != nil {
		return b, fmt.Errorf("read the open plan's messages: %w", err)
	}
	defer src.Close()
	for b.next <= p.Last {
		buf, err := nextWithin(ctx, src, silence)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			break // the stream has no more: what is missing shows in the comparison
		}
		if err != nil {
			return b, fmt.Errorf("read the open plan's messages: %w", err)
		}
		for len(buf) > 0 && buf[0].Seq <= p.Last {
			blk, n := gather(l.readers.stream.Name(), b.next, p.Last, buf)
			verdicts := c.decide(blk, func(int) bool { return true })
			b.add(blk, 0, len(blk.msgs)-1, verdicts[0], time.Now())
			buf = buf[n:]
		}
		if len(buf) > 0 {
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

func nextWithin(ctx context.Context, src stream.Reader, d time.Duration) ([]stream.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return src.Next(ctx, blockMessages)
}

// same says how a plan made again differs from the recorded one.
func same(made, recorded ledger.Plan) error {
	if !reflect.DeepEqual(made.Counts, recorded.Counts) {
		return fmt.Errorf("its counts were %+v and are now %+v", recorded.Counts, made.Counts)
	}
	if len(made.Units) != len(recorded.Units) {
		return fmt.Errorf("it had %d units and has now %d", len(recorded.Units), len(made.Units))
	}
	for i := range made.Units {
		m, r := made.Units[i], recorded.Units[i]
		m.Refs, m.Origin, r.Refs, r.Origin = nil, driver.Origin{}, nil, driver.Origin{}
		if !reflect.DeepEqual(m, r) {
			return fmt.Errorf("unit %s (%d entries, digest %s) is now %s (%d entries, digest %s)", r.Name, r.Count, r.Digest, m.Name, m.Count, m.Digest)
		}
	}
	return nil
}
