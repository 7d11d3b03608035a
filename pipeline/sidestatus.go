package pipeline

import (
	"context"
	"fmt"
	"time"

	"sluice/pipeline/ledger"
)

// SideStatus says how a replay or a backfill fares.
type SideStatus struct {
	Lane      string `json:"lane"`
	Total     uint64 `json:"total"`             // dead letters that a replay takes up; sequences that a backfill looks at
	Settled   uint64 `json:"settled"`           // so many of them, durably
	Delivered uint64 `json:"delivered"`         // entries, once Done
	Refused   uint64 `json:"refused"`           // entries, once Done: they are dead letters, with the reason
	State     State  `json:"state"`             // as of a lane
	Message   string `json:"message,omitempty"` // what keeps it from going on
	Done      bool   `json:"done"`
}

func (l *lane) sideStatus() SideStatus {
	at, before := l.statusAt(l.source.end()), l.source.before()
	return SideStatus{Lane: l.name, Total: l.source.end() - before, Settled: max(at.Cursor, before) - before, State: at.State, Message: at.Message}
}

// RunBeside lets do call Replay or Backfill without Run, where no other process routes: no route reads or delivers anything else.
func (r *Router) RunBeside(ctx context.Context, do func(context.Context) error) error {
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
		err = do(ctx)
	}
	cancel(nil)
	r.stopped()
	<-r.finished
	return err
}

// awaitStart returns once the lanes run.
func (r *Router) awaitStart(ctx context.Context) error {
	select {
	case <-r.started:
		return nil
	case <-r.ended:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
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

// resumeSides runs the replays and backfills that were begun and are not finished, of routes that are in force.
func (r *Router) resumeSides(ctx context.Context) {
	for _, rs := range r.readers {
		if err := rs.resumeSides(ctx); err != nil {
			r.log.Error("replays and backfills that were begun are not resumed", "stream", rs.stream.Name(), "error", err)
		}
	}
}

func (rs *readers) resumeSides(ctx context.Context) error {
	r := rs.router
	lanes, err := r.opts.Ledger.Lanes(ctx)
	if err != nil {
		return fmt.Errorf("list the ledger's lanes: %w", err)
	}
	for _, name := range lanes {
		routeName, on, side := ledger.SplitLane(name)
		if side == "" || on != rs.stream.Name() {
			continue
		}
		route, err := r.active(routeName)
		if err != nil {
			continue // it waits for its route
		}
		rec, _, err := r.opts.Ledger.Last(ctx, name)
		switch {
		case err != nil:
			rs.log.Error("side lane cannot be finished", "lane", name, "error", err) // and keeps nobody else from running
		case rec.Kind == ledger.KindClosed:
		case rec.Replay != nil:
			rs.startSide(route, side, &deadSource{replay: *rec.Replay})
		case rec.Backfill != nil:
			n, _ := ledger.BackfillOf(side)
			rs.startSide(route, side, &backfillSource{number: n, backfill: *rec.Backfill})
		}
	}
	return nil
}

// awaitSide reports until the side lane is done, or needs a person.
func (l *lane) awaitSide(ctx context.Context, report func(SideStatus)) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		finished := l.isFinished()
		s := l.sideStatus()
		if finished {
			return l.concludeSide(ctx, s, report)
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

// concludeSide reports what the ledger says of a side lane that has ended.
func (l *lane) concludeSide(ctx context.Context, s SideStatus, report func(SideStatus)) error {
	account, err := ledger.Audit(ctx, l.router.opts.Ledger, l.name)
	if err != nil {
		return err
	}
	s.Settled = account.Committed - l.source.before()
	s.Delivered, s.Refused = account.Tally.Counts.Kept, account.Tally.Counts.Dead
	s.Done = s.Settled == s.Total
	report(s)
	if s.Done {
		return nil
	}
	if last, _, err := l.router.opts.Ledger.Last(ctx, l.name); err != nil {
		return err
	} else if last.Kind == ledger.KindClosed && last.Abandon != nil {
		return fmt.Errorf("%w: %s", errClosedShort, last.Abandon.Reason)
	}
	return errStopped
}
