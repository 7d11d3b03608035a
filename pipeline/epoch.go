package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
)

// The reasons of a new epoch, as the ledger records them.
const (
	reasonRecreated   = "the stream was re-created"
	reasonSteppedBack = "the stream stepped back"
)

// recreated says whether the stream that answers is another one than is believed, and what to believe then. last is the highest
// sequence that the one before was heard to have, 0 when that is not known.
func (c *control) recreated(info stream.Info, last uint64) (ledger.Identity, bool) {
	id, _ := c.present()
	if id.Created.IsZero() || info.Created.Equal(id.Created) {
		return id, false
	}
	next := ledger.Identity{Created: info.Created, From: max(info.First, 1), Reason: reasonRecreated}
	if last > 0 {
		next.Lost = &ledger.Loss{From: 1, To: last, Count: last, Reason: reasonRecreated}
	}
	return next, true
}

// begin records a new epoch; the routes' revisions are recorded anew for it.
func (c *control) begin(ctx context.Context, id ledger.Identity) error {
	if err := c.chain.append(ctx, ledger.Record{Kind: ledger.KindEpoch, Epoch: c.epoch + 1, Stream: &id}); err != nil {
		return fmt.Errorf("begin epoch %d of the stream: %w", c.epoch+1, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.identity, c.epoch = id, c.epoch+1
	c.revisions, c.boundaries = make(map[string][]revision), nil
	c.rs.log.Error("the stream has begun anew", "reason", id.Reason, "epoch", c.epoch, "created", id.Created, "from", id.From)
	return nil
}

// renew begins a new epoch after `epoch` and lets every lane and reader of the stream begin again. It returns errEpoch, also
// when somebody else has done it already.
func (rs *readers) renew(ctx context.Context, epoch uint32, id ledger.Identity) error {
	err := rs.quiesce(func() error {
		if _, now := rs.control.present(); now != epoch {
			return nil
		}
		err := rs.control.begin(ctx, id)
		if err == nil {
			err = rs.control.record(ctx, rs.router.inForce(), 1)
		}
		if errors.Is(err, ledger.ErrFenced) { // another writer has seen it too
			err = rs.control.replay(ctx)
		}
		rs.version++
		rs.seen = nil
		for _, r := range rs.active {
			r.ended = true
			r.stop()
		}
		rs.active = nil
		for _, l := range append(slices.Clip(rs.all()), rs.besides()...) {
			l.interrupt(errEpoch)
		}
		return err // what is not recorded yet, the first lane that recovers records
	})
	if err != nil {
		return err
	}
	return errEpoch
}

// ask makes sure that the stream is the one that is believed, and tells its state. What is believed is taken down before the
// question: the answer may be late, and others may have read on or begun a new epoch meanwhile.
func (rs *readers) ask(ctx context.Context) (stream.Info, error) {
	epoch, seen := rs.believed()
	info, err := rs.stream.Info(ctx)
	if err != nil {
		return info, fmt.Errorf("ask for the stream's state: %w", err)
	}
	_, heard := rs.bounds()
	if next, changed := rs.control.recreated(info, heard); changed {
		return info, rs.renew(ctx, epoch, next)
	}
	if seen != nil && info.Last < seen.Seq {
		return info, rs.steppedBack(ctx, epoch, info, max(heard, seen.Seq))
	}
	rs.heard(info)
	return info, nil
}

// believed gives the stream's epoch and the last message of it that was handed out. The epoch is never newer than the message.
func (rs *readers) believed() (epoch uint32, seen *stream.Message) {
	_, epoch = rs.control.present()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return epoch, rs.seen
}

// compare asks for the last message that was handed out, to see whether the stream still holds it as it was.
func (rs *readers) compare(ctx context.Context, info stream.Info) error {
	epoch, seen := rs.believed()
	if seen == nil || seen.Seq < info.First {
		return nil
	}
	m, err := rs.stream.Get(ctx, seen.Seq)
	switch {
	case errors.Is(err, stream.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read message %d again: %w", seen.Seq, err)
	case !m.Stored.Equal(seen.Stored) || string(m.Data) != string(seen.Data):
		return rs.steppedBack(ctx, epoch, info, seen.Seq)
	}
	return nil
}

// steppedBack begins a new epoch of a stream that gave sequences out again, or will. What it still holds of the epoch before are the
// messages stored no later than the furthest that anybody read of it: new ones may stand behind them already.
func (rs *readers) steppedBack(ctx context.Context, epoch uint32, info stream.Info, last uint64) error {
	far, err := rs.furthest(ctx, epoch)
	if err != nil {
		return err
	}
	id := ledger.Identity{Created: info.Created, From: max(info.First, 1), Reason: reasonSteppedBack, Kept: info.Last}
	if far.Seq > 0 {
		first, err := rs.firstSince(ctx, time.Unix(0, far.Stored).Add(1), info)
		if err != nil {
			return err
		}
		id.Kept = first - 1
	}
	if last = max(last, far.Seq); last > id.Kept {
		id.Lost = &ledger.Loss{From: id.Kept + 1, To: last, Count: last - id.Kept, Reason: reasonSteppedBack}
	}
	return rs.renew(ctx, epoch, id)
}

// furthest is the anchor of the furthest message that was handed out or that any lane's last record names; without a sequence when
// there is none.
func (rs *readers) furthest(ctx context.Context, epoch uint32) (ledger.Anchor, error) {
	var far ledger.Anchor
	if _, seen := rs.believed(); seen != nil {
		far = anchorOf(seen)
	}
	err := rs.control.eachLast(ctx, epoch, func(r ledger.Record) {
		if r.Anchor != nil && r.Anchor.Seq > far.Seq {
			far = *r.Anchor
		}
		for _, p := range r.Open {
			if p.Anchor.Seq > far.Seq {
				far = p.Anchor
			}
		}
	})
	return far, err
}

// enter takes the lane into the stream's present epoch: what was open or not read of the one before is given up on record.
func (l *lane) enter(ctx context.Context, id ledger.Identity, epoch uint32) error {
	rec := l.chain.rec
	if len(rec.Open) > 0 {
		settle := l.giveUpPlan
		if id.Reason == reasonSteppedBack {
			settle = l.salvage
		}
		if err := settle(ctx, rec.Open[0], id.Reason); err != nil {
			return err
		}
	}
	rec = l.chain.rec
	start, anchor, err := l.resume(ctx, id, rec)
	if err != nil {
		return err
	}
	r := l.settled(ledger.KindEpoch)
	r.Epoch, r.StreamEp, r.Committed, r.Anchor = max(rec.Epoch+1, epoch), epoch, start-1, anchor
	if r.Loss = unread(id, rec.Committed); r.Loss != nil {
		if err := l.mayLose(r.Loss); err != nil {
			return err
		}
		r.Lost += r.Loss.Count
	}
	if err := l.append(ctx, r); err != nil {
		return err
	}
	l.logLoss(r.Loss)
	return nil
}

// unread is what is gone of the epoch before that a lane had not settled: behind its cursor, and behind what the stream still holds.
func unread(id ledger.Identity, committed uint64) *ledger.Loss {
	from := committed + 1
	if id.Reason == reasonSteppedBack {
		from = max(committed, id.Kept) + 1
	}
	if id.Lost == nil || id.Lost.To < from {
		return nil
	}
	return &ledger.Loss{From: from, To: id.Lost.To, Count: id.Lost.To - from + 1, Reason: id.Reason}
}

// resume is where the lane goes on in a stream that has begun anew, and what anchors it there: at the first sequence of a
// re-created one, at the first message stored after the last delivered one in a stream that stepped back. An anchor without a
// sequence keeps only that instant.
func (l *lane) resume(ctx context.Context, id ledger.Identity, rec ledger.Record) (uint64, *ledger.Anchor, error) {
	if id.Reason != reasonSteppedBack || rec.Anchor == nil {
		return id.From, nil, nil
	}
	info, err := l.readers.stream.Info(ctx)
	if err != nil {
		return 0, nil, err
	}
	delivered := time.Unix(0, rec.Anchor.Stored)
	start, err := l.readers.firstSince(ctx, delivered.Add(1), info)
	if err != nil {
		return 0, nil, err
	}
	instant := &ledger.Anchor{Stored: rec.Anchor.Stored}
	if start <= info.First {
		return start, instant, nil
	}
	before, err := l.readers.stream.Get(ctx, start-1)
	if errors.Is(err, stream.ErrNotFound) {
		return start, instant, nil
	}
	if err != nil {
		return 0, nil, err
	}
	at := anchorOf(&before)
	if rec.Anchor.Seq > 0 && before.Stored.Equal(delivered) && at.Sum != rec.Anchor.Sum {
		return 0, nil, &haltError{fmt.Errorf("the stream stepped back, and sequence %d was stored at the same instant as the last delivered message: whether it was delivered cannot be shown", before.Seq)}
	}
	return start, &at, nil
}

// giveUpPlan records that the open plan cannot be made again: what stands of it at its destination is not known.
func (l *lane) giveUpPlan(ctx context.Context, p ledger.Plan, reason string) error {
	a := &ledger.Abandon{First: p.First, Last: p.Last, Outputs: "unknown", Reason: reason}
	for i := range p.Units {
		a.Units = append(a.Units, p.Units[i].Name)
	}
	r := l.settled(ledger.KindAbandon)
	r.Epoch++
	r.Abandon = a
	l.log.Warn("plan abandoned; what stands of it is not known", "first", p.First, "last", p.Last, "reason", reason)
	return l.append(ctx, r)
}

// lose records that a range of sequences is gone.
func (l *lane) lose(ctx context.Context, loss *ledger.Loss) error {
	if err := l.mayLose(loss); err != nil {
		return err
	}
	r := l.settled(ledger.KindLoss)
	r.Loss, r.Committed = loss, loss.To
	r.Lost += loss.Count
	if err := l.append(ctx, r); err != nil {
		return err
	}
	l.logLoss(loss)
	return nil
}

// mayLose is a halt where the route is to stop at a loss.
func (l *lane) mayLose(loss *ledger.Loss) error {
	if l.current().OnLoss == "halt" {
		return &haltError{fmt.Errorf("sequences %d to %d are lost: %s (onLoss: halt)", loss.From, loss.To, loss.Reason)}
	}
	return nil
}

func (l *lane) logLoss(loss *ledger.Loss) {
	if loss != nil {
		l.log.Error("messages lost", "from", loss.From, "to", loss.To, "messages", loss.Count, "reason", loss.Reason)
	}
}
