package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/logentry"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/sinks/driver"
)

// backfillSource is the source of a backfill: it reads a range of the stream once more, and takes what its decision keeps and no
// recorded one did. Its numbers are the stream's sequences.
type backfillSource struct {
	number   int // which of the route's backfills it is
	backfill ledger.Backfill
	given    []ledger.Span // what was delivered before, by the route's lane and by earlier backfills
	due      time.Time     // when the rate allows the next batch
}

var _ source = (*backfillSource)(nil)

func (s *backfillSource) prepare(ctx context.Context, l *lane) (err error) {
	epoch := max(l.chain.rec.StreamEp, 1)
	if _, err := l.readers.ask(ctx); err != nil {
		return err
	}
	if _, present := l.readers.control.present(); present != epoch {
		return fmt.Errorf("the stream has begun anew since this backfill began: what it had still to read is %w", errGone)
	}
	s.given, err = ledger.Delivered(ctx, l.chain.ledger, l.routeName, l.readers.stream.Name(), s.number, epoch, s.backfill.From, s.backfill.To)
	if errors.Is(err, ledger.ErrDamaged) {
		err = &haltError{err}
	}
	return err
}

func (s *backfillSource) before() uint64 { return s.backfill.From - 1 }

func (s *backfillSource) end() uint64 { return s.backfill.To }

func (s *backfillSource) decision(*Route) string { return s.backfill.Decision }

// gather reads on from first until the batch is full, the range ends, or so many messages were empty that it should be recorded.
func (s *backfillSource) gather(ctx context.Context, l *lane, dest *destination, rev revision, first, last uint64) (*batch, error) {
	b := newBatch(l.router.memory, first, rev, l.current())
	if last == 0 {
		if err := s.pace(ctx, l); err != nil {
			return b, err
		}
	}
	r, err := s.seat(ctx, l, dest, rev, first)
	if err != nil {
		return b, err
	}
	end := last
	if last == 0 {
		end = s.backfill.To
	}
	src, err := l.readers.stream.Read(ctx, first)
	if err != nil {
		return b, fmt.Errorf("read from sequence %d: %w", first, err)
	}
	defer src.Close()
	for b.next <= end {
		if last == 0 {
			if err := l.mayGatherOn(ctx); err != nil {
				b.drop()
				return newBatch(l.router.memory, first, rev, l.current()), err
			}
		}
		buf, err := nextWithin(ctx, src, min(blockMessages, end-b.next+1), silence)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = l.provenEnd(ctx, b.next, ledger.Anchor{Seq: end})
			buf = []stream.Message{{Seq: ^uint64(0)}}
		}
		if err != nil {
			b.drop()
			return newBatch(l.router.memory, first, rev, l.current()), fmt.Errorf("read after sequence %d: %w", b.next-1, err)
		}
		for len(buf) > 0 && buf[0].Seq <= end {
			blk, n := gather(l.readers.stream.Name(), b.next, end, buf)
			if r.take(b, blk, last == 0) {
				s.count(b)
				return b, nil
			}
			buf = buf[n:]
		}
		if len(buf) > 0 {
			break
		}
	}
	if b.next <= end {
		b.addMissing(ledger.Gap{From: b.next, To: end})
		b.next = end + 1
	}
	s.count(b)
	return b, nil
}

// pace waits until the rate allows another batch. What is written does not wait for its commit as long.
func (s *backfillSource) pace(ctx context.Context, l *lane) error {
	for wait := time.Until(s.due); wait > 0; wait = time.Until(s.due) {
		if l.written != nil && wait > commitIdle {
			if err := l.commit(ctx); err != nil {
				return err
			}
		}
		if err := l.sleep(ctx, wait); err != nil {
			return err
		}
		if err := l.mayGoOn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// count charges a batch to the rate.
func (s *backfillSource) count(b *batch) {
	if s.backfill.Rate > 0 {
		s.due = time.Now().Add(time.Duration(float64(b.bytes) / float64(s.backfill.Rate) * float64(time.Second)))
	}
}

// review is the courts of a backfill: one for what it would keep, and one for each decision under which entries were kept before.
type review struct {
	now   *court
	given []ledger.Span
	past  map[string]*court // by hash of the decision
	most  int64             // bytes of a batch
	kept  map[position]bool // of the block at hand, what was kept before
}

func (s *backfillSource) seat(ctx context.Context, l *lane, dest *destination, rev revision, first uint64) (*review, error) {
	r := &review{past: make(map[string]*court), kept: make(map[position]bool)}
	r.now = newCourt([]question{{decision: rev.decision, key: dest.sink.Key, reads: dest.sink.Properties().Fields}}, rev.decision.Limits, nil)
	r.most = min(l.current().Batch.Bytes, l.router.memory.limit/memoryShare)
	for _, span := range s.given {
		if span.Last < first {
			continue
		}
		r.given = append(r.given, span)
		if r.past[span.Decision] != nil {
			continue
		}
		d, err := l.readers.control.decision(ctx, l.routeName, span.Decision)
		if err != nil {
			return nil, fmt.Errorf("read a revision that delivered: %w", err)
		}
		past := *d
		past.Redact, past.failures = nil, nil // only what was kept is asked, and that was counted
		r.past[span.Decision] = newCourt([]question{{decision: &past, key: noKey}}, d.Limits, nil)
	}
	return r, nil
}

func noKey(dst []byte, _ *logentry.Entry) []byte { return dst }

// take adds the block's messages to the batch and tells whether it is full then: not at a redo, which knows its end.
func (r *review) take(b *batch, blk *block, mayEnd bool) (full bool) {
	r.remember(blk)
	verdicts := r.now.decide(blk, everybody)[0]
	for i := range blk.msgs {
		n := 0
		for n < len(verdicts) && int(verdicts[n].msg) == i {
			n++
		}
		fresh := verdicts[:0:0]
		for _, v := range verdicts[:n] {
			if !v.kept() || !r.kept[position{blk.msgs[i].Seq, v.index}] {
				fresh = append(fresh, v)
			}
		}
		b.add(blk, i, i, fresh, time.Now())
		verdicts = verdicts[n:]
		if mayEnd && (b.full(r.most, b.route.Batch.Entries, 1) || b.messages >= skipMessages) {
			return true
		}
	}
	return false
}

// remember finds out what was kept before of the block's entries.
func (r *review) remember(blk *block) {
	clear(r.kept)
	asked := make(map[string]bool)
	for _, span := range r.given {
		if span.First > blk.last() || span.Last < blk.msgs[0].Seq {
			continue
		}
		court := r.past[span.Decision]
		if !asked[span.Decision] {
			court.decide(blk, everybody)
			asked[span.Decision] = true
		}
		for _, v := range court.verdicts(0) {
			seq := blk.msgs[v.msg].Seq
			if at := (position{seq, v.index}); v.kept() && seq >= span.First && seq <= span.Last && !refused(span, at) {
				r.kept[at] = true
			}
		}
	}
}

// refused says whether the destination refused the entry. A span has few of those.
func refused(span ledger.Span, at position) bool {
	return slices.ContainsFunc(span.Refused, func(r driver.Reject) bool { return r.Seq == at.seq && r.Index == at.index })
}

func everybody(int) bool { return true }
