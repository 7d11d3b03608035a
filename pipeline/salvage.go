package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/configs"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/sinks/driver"
)

// errUnlike says that the open plan cannot be made again from the stream as it was.
var errUnlike = errors.New("the open plan cannot be made again from the stream")

// errFewer says, beside errUnlike, that messages of the plan are gone.
var errFewer = errors.New("messages are gone")

// loss is why some of an open plan's messages may be gone, and what that means for the rest.
type loss struct {
	reason string
	until  int64 // messages stored later than this (Unix nanoseconds) are not the plan's; 0: all are
}

// redoOrSalvage redoes the open plan. When retention or an operator has taken some of its messages, the plan shrinks to the
// others; any other difference halts the lane: nothing is written that was not planned.
func (l *lane) redoOrSalvage(ctx context.Context, p ledger.Plan) error {
	err := l.redo(ctx, p, nil)
	if !errors.Is(err, errUnlike) {
		return err
	}
	if !errors.Is(err, errFewer) {
		return &haltError{fmt.Errorf("sequences %d to %d: %w", p.First, p.Last, err)}
	}
	info, err := l.readers.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("ask for the stream's first sequence: %w", err)
	}
	if info.First > p.First {
		return l.redo(ctx, p, &loss{reason: "retention"})
	}
	return l.redo(ctx, p, &loss{reason: "deleted from the stream"})
}

// salvage settles the open plan of a stream that stepped back: as it was if the stream still holds its messages, else shrunk to
// those of them that it holds.
func (l *lane) salvage(ctx context.Context, p ledger.Plan, reason string) error {
	err := l.redo(ctx, p, nil)
	if errors.Is(err, errUnlike) {
		err = l.redo(ctx, p, &loss{reason: reason, until: p.Anchor.Stored})
	}
	if err != nil {
		return err
	}
	return l.commit(ctx)
}

// shrink amends the open plan to what the stream still holds of it. The units keep their names: where one stands already, whole,
// as it was planned before, nothing of it is lost and it stays; where none does, the smaller one is written.
func (l *lane) shrink(ctx context.Context, b *batch, t terms, p ledger.Plan, why loss) (draft, error) {
	if err := l.stillSame(ctx, why); err != nil {
		return draft{}, err
	}
	t.amends, t.until = p.Amends+1, why.until
	if err := l.supersede(ctx, &t, p); err != nil {
		return draft{}, err
	}
	d, err := l.draft(b, t)
	if err != nil {
		return draft{}, err
	}
	r := l.settled(ledger.KindAmend)
	r.Open = []ledger.Plan{d.record()}
	r.Amend = &ledger.Amend{Excluded: []driver.Reject{}, Reason: why.reason}
	r.Loss = newlyMissing(p, d.plan, why.reason)
	if r.Loss != nil && l.current().OnLoss == configs.HaltOnLoss {
		return draft{}, &haltError{fmt.Errorf("%d messages of the open plan are lost: %s (onLoss: halt)", r.Loss.Count, why.reason)}
	}
	if r.Loss != nil {
		l.log.Error("messages of the open plan lost", "from", r.Loss.From, "to", r.Loss.To, "messages", r.Loss.Count, "reason", why.reason)
	}
	return d, l.append(ctx, r)
}

// supersede says on what terms the rest of an open plan is planned, of which some may stand. Where units are appended, a smaller
// one in the same place would be taken for the one that was planned: the destination closes the places first and says what stands.
func (l *lane) supersede(ctx context.Context, t *terms, p ledger.Plan) error {
	appends := t.dest.sink.Properties().Appends
	closed := draft{dest: t.dest}
	t.superseded = slices.Clone(p.Superseded)
	for _, u := range p.Units {
		if appends && u.To == driver.ToSink {
			u.Redo = true
			closed.plan.Units = append(closed.plan.Units, u)
		} else {
			t.superseded = append(t.superseded, ledger.Superseded{Name: u.Name, Digest: u.Digest})
		}
	}
	if len(closed.plan.Units) == 0 {
		return nil
	}
	_, c, err := l.writeUnits(ctx, closed)
	if err == nil {
		t.state, err = c.restate(t.state)
	}
	return err
}

// stillSame makes sure that what is left was read from the stream that was planned: it may have been replaced meanwhile.
func (l *lane) stillSame(ctx context.Context, why loss) error {
	if why.until > 0 { // it stepped back, so anchors do not hold; but it must not have been re-created since
		_, err := l.readers.ask(ctx)
		return err
	}
	return l.checkAnchor(ctx, l.chain.rec)
}

// newlyMissing is the loss between a plan and what is left of it. The gaps of both are in order.
func newlyMissing(before, after ledger.Plan, reason string) *ledger.Loss {
	var l *ledger.Loss
	known := before.Missing
	for _, g := range after.Missing {
		for from := g.From; from <= g.To; {
			for len(known) > 0 && known[0].To < from {
				known = known[1:]
			}
			to := g.To
			if len(known) > 0 && known[0].From <= to {
				if known[0].From <= from {
					from = known[0].To + 1
					continue
				}
				to = known[0].From - 1
			}
			if l == nil {
				l = &ledger.Loss{From: from, Reason: reason}
			}
			l.To = to
			l.Count += to - from + 1
			from = to + 1
		}
	}
	return l
}

// superseded says whether a conflict is only that a unit stands as it was planned before an amend. A destination that does not
// say what stands there can hold nothing else under the name: only this lane's plans have it.
func (d *draft) superseded(u *driver.Unit, err error) bool {
	var de *driver.Error
	if !errors.As(err, &de) || de.Code != driver.Conflict {
		return false
	}
	found, known := foundOf(de)
	for _, s := range d.plan.Superseded {
		if s.Name == u.Name && (!known || found.Digest == s.Digest) {
			return true
		}
	}
	return false
}

// storedUntil gives the messages at the head of msgs that were stored at t or before.
func storedUntil(msgs []stream.Message, t int64) []stream.Message {
	for i := range msgs {
		if msgs[i].Stored.After(time.Unix(0, t)) {
			return msgs[:i]
		}
	}
	return msgs
}
