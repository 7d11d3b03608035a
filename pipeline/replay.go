package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/pipeline/ledger"
)

// replayMost is how many fresh dead letters a replay takes in; those behind them are the next one's.
const replayMost = 100_000

// ReplayStatus says how a replay fares.
type ReplayStatus struct {
	Lane      string `json:"lane"`
	Entries   uint64 `json:"entries"`           // dead letters that it takes up
	Settled   uint64 `json:"settled"`           // of them delivered or refused again, durably
	Delivered uint64 `json:"delivered"`         // once Done
	Refused   uint64 `json:"refused"`           // once Done: they stay dead letters, with the new reason
	State     State  `json:"state"`             // as of a lane
	Message   string `json:"message,omitempty"` // what keeps it from going on
	Done      bool   `json:"done"`
}

// Replay delivers the dead letters of a route to where it delivers now, on all streams, each exactly once and under the identity
// that it had; a replay that was begun before is finished first. report is told how each fares, several times a second, and at
// the end of each with Done. Replay returns nil once no dead letter is left but those that were refused again; an error when a
// replay needs a person, or ctx ends: what was begun goes on nevertheless, also at a next Run. why is for the ledger.
func (r *Router) Replay(ctx context.Context, route, why string, report func(ReplayStatus)) error {
	if route == Unreadable {
		return fmt.Errorf("what %s keeps is no entry, and no setting makes it one: mend it where it comes from and publish it again", Unreadable)
	}
	select {
	case <-r.started:
	case <-r.ended:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, rs := range r.readers {
		// What is refused again waits for the next call, unless there are more that were never replayed.
		for more := true; more; {
			l, fresh, err := rs.beginReplay(ctx, route, why)
			if err != nil {
				return fmt.Errorf("stream %s: %w", rs.stream.Name(), err)
			}
			if l == nil {
				break
			}
			if err := l.awaitReplay(ctx, report); err != nil {
				return fmt.Errorf("lane %s: %w", l.name, err)
			}
			more = fresh >= replayMost
		}
	}
	return nil
}

// RunReplay is Replay without Run, where no other process routes: no route reads or delivers anything else.
func (r *Router) RunReplay(ctx context.Context, route, why string, report func(ReplayStatus)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer close(r.ended)
	defer r.opened.close()
	r.ctx = ctx
	err := r.prepare(ctx)
	if err == nil {
		close(r.started)
		go func() {
			select {
			case fatal := <-r.fatal:
				cancel(fatal)
			case <-r.finished:
			}
		}()
		err = r.Replay(ctx, route, why, report)
	}
	cancel(nil)
	r.stopped()
	<-r.finished
	return err
}

// beginReplay runs the route's next replay on the stream, and tells how many fresh dead letters it takes up; nil when nothing is dead.
func (rs *readers) beginReplay(ctx context.Context, name, why string) (l *lane, fresh uint64, err error) {
	r := rs.router
	route, err := r.active(name)
	if err != nil {
		return nil, 0, err
	}
	if err := rs.mayDeliver(ctx, name); err != nil {
		return nil, 0, err
	}
	for {
		next, err := ledger.FindReplay(ctx, r.opts.Ledger, name, rs.stream.Name(), replayMost)
		if err != nil {
			return nil, 0, err
		}
		if !next.Begun && len(next.Units) == 0 {
			return nil, 0, nil
		}
		_, _, side := ledger.SplitLane(next.Lane)
		if !next.Begun {
			next.Why = why
			c := chain{ledger: r.opts.Ledger, lane: next.Lane, nonce: r.opts.Nonce}
			err := c.append(ctx, ledger.Record{Kind: ledger.KindOpen, Epoch: 1, Replay: &next.Replay})
			if errors.Is(err, ledger.ErrFenced) { // somebody else has begun it
				continue
			}
			if err != nil {
				r.failFor(err)
				return nil, 0, err
			}
		}
		return rs.startSide(route, side, &deadSource{replay: next.Replay}), next.Fresh, nil
	}
}

// active gives a route that is in force and not disabled.
func (r *Router) active(name string) (*Route, error) {
	for _, route := range r.inForce() {
		if route.Name == name && route.Disabled {
			return nil, fmt.Errorf("route %s is disabled", name)
		}
		if route.Name == name {
			return &route, nil
		}
	}
	return nil, fmt.Errorf("no route %q", name)
}

// resumeReplays runs the replays that were begun and are not finished.
func (rs *readers) resumeReplays(ctx context.Context) error {
	r := rs.router
	lanes, err := r.opts.Ledger.Lanes(ctx)
	if err != nil {
		return fmt.Errorf("list the ledger's lanes: %w", err)
	}
	for _, name := range lanes {
		routeName, on, side := ledger.SplitLane(name)
		if _, ok := ledger.ReplayOf(side); !ok || on != rs.stream.Name() {
			continue
		}
		route, err := r.active(routeName)
		if err != nil {
			continue // it waits for its route
		}
		rec, _, err := r.opts.Ledger.Last(ctx, name)
		switch {
		case err != nil:
			rs.log.Error("replay cannot be finished", "lane", name, "error", err) // and keeps nobody else from running
		case rec.Kind != ledger.KindClosed && rec.Replay != nil:
			rs.startSide(route, side, &deadSource{replay: *rec.Replay})
		}
	}
	return nil
}

// awaitReplay reports until the replay is done, or needs a person.
func (l *lane) awaitReplay(ctx context.Context, report func(ReplayStatus)) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		finished := l.isFinished()
		at := l.statusAt(l.source.end())
		s := ReplayStatus{Lane: l.name, Entries: at.Last, Settled: at.Cursor, State: at.State, Message: at.Message}
		if finished {
			return l.concludeReplay(ctx, s, report)
		}
		report(s)
		if s.State == Halted || s.State == Paused {
			return fmt.Errorf("%s: %s", s.State, s.Message)
		}
		select {
		case <-tick.C:
		case <-l.router.ended:
			return errStopped
		case <-l.router.draining:
			return errStopped
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// concludeReplay reports what the ledger says of a replay whose lane has ended.
func (l *lane) concludeReplay(ctx context.Context, s ReplayStatus, report func(ReplayStatus)) error {
	account, err := ledger.Audit(ctx, l.router.opts.Ledger, l.name)
	if err != nil {
		return err
	}
	s.Settled, s.Delivered, s.Refused = account.Committed, account.Tally.Counts.Kept, account.Tally.Counts.Dead
	s.Done = s.Settled == s.Entries
	report(s)
	if !s.Done {
		return errStopped
	}
	return nil
}
