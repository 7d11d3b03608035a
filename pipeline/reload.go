package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sluice/pipeline/ledger"
)

// Reload puts other routes into force while the router runs. Decision settings change at one recorded sequence of each stream,
// durable before anything behind it is decided; delivery settings from a lane's next plan. New routes start; removed ones are
// drained and closed, disabled ones are drained. Destinations are opened anew, for what plans do not pin. On an error of one stream the streams after it keep the routes they have, and
// the next Reload or start brings them along. Reloads wait for each other, and for Run to have read the control lanes.
func (r *Router) Reload(ctx context.Context, routes []Route) error {
	select {
	case <-r.started:
	case <-r.ended:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.reloading.Lock()
	defer r.reloading.Unlock()
	next := make([]Route, len(routes))
	for i := range routes {
		next[i] = routes[i].withDefaults()
	}
	r.opened.renew()
	for _, rs := range r.readers {
		if err := rs.reload(ctx, next); err != nil {
			r.failFor(err)
			return fmt.Errorf("stream %s: %w", rs.stream.Name(), err)
		}
	}
	r.mu.Lock()
	r.routes, r.acknowledged = next, Acknowledgement{}
	r.mu.Unlock()
	r.resumeSides(ctx)
	return nil
}

func (rs *readers) reload(ctx context.Context, routes []Route) error {
	var started []*lane
	err := rs.quiesce(func() error {
		for {
			from, err := rs.frontier(ctx)
			if err != nil {
				return err
			}
			err = rs.control.record(ctx, routes, from)
			if errors.Is(err, ledger.ErrFenced) {
				err = rs.control.replay(ctx)
				if err == nil {
					continue
				}
			}
			if err != nil {
				return err
			}
			started = rs.apply(routes)
			rs.applySides(routes)
			rs.version++
			rs.log.Info("routes in force", "routes", len(routes), "from", from)
			return nil
		}
	})
	for _, l := range started {
		rs.router.start(l, func() {})
	}
	return err
}

// quiesce does a change while no block is being decided; rs.mu is held meanwhile.
func (rs *readers) quiesce(change func() error) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for rs.paused {
		rs.moved.Wait()
	}
	rs.paused = true
	defer func() {
		rs.paused = false
		rs.moved.Broadcast()
	}()
	for rs.deciding() && rs.ctx.Err() == nil {
		rs.moved.Wait()
	}
	if err := rs.ctx.Err(); err != nil {
		return err
	}
	return change()
}

func (rs *readers) deciding() bool {
	for _, r := range rs.active {
		if r.processing {
			return true
		}
	}
	return false
}

// frontier is the first sequence that nobody has decided: what changes there changes for nobody in the middle.
func (rs *readers) frontier(ctx context.Context) (uint64, error) {
	highest, err := rs.control.highest(ctx)
	if err != nil {
		return 0, err
	}
	from := highest + 1
	for _, r := range rs.active {
		if len(r.aboard) > 0 {
			from = max(from, r.pos)
		}
	}
	for _, l := range rs.all() {
		if next, ok := l.stoppedAt(); ok {
			from = max(from, next)
		}
	}
	return from, nil
}

// apply makes the stream's lanes those of the routes and returns the new ones, which nobody has started.
func (rs *readers) apply(routes []Route) []*lane {
	live := make(map[string]*lane)
	for _, l := range rs.all() {
		if !l.isFinished() {
			live[l.routeName] = l
		}
	}
	lanes := append([]*lane(nil), rs.all()...)
	var started []*lane
	for i := range routes {
		route := &routes[i]
		l := live[route.Name]
		switch {
		case route.Disabled && l != nil:
			l.retire(false)
		case route.Disabled:
		case l == nil || !l.setRoute(route):
			l = newLane(rs.router, rs, route, len(lanes))
			lanes = append(lanes, l)
			started = append(started, l)
		}
		delete(live, route.Name)
	}
	for _, l := range live {
		l.retire(true)
	}
	rs.lanes.Store(&lanes)
	return started
}

// setRoute gives the lane its route's present settings; false when the lane has finished meanwhile.
func (l *lane) setRoute(route *Route) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished {
		return false
	}
	l.retiring, l.closing = false, false
	if !bytes.Equal(l.route.Delivery, route.Delivery) || !bytes.Equal(l.route.Decision, route.Decision) || l.route.OnLoss != route.OnLoss {
		l.route, l.changed = route, true
		l.wakeUp() // it may be halted, or wait for a destination that now is another
	}
	return true
}

// retire lets the lane deliver what is pending and then end; with closing it writes its closed record.
func (l *lane) retire(closing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retiring, l.closing = true, closing
	l.leave()
}

// isFinished says whether the lane's goroutine has ended since its route is gone.
func (l *lane) isFinished() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finished
}

// current gives the lane's route as it is now.
func (l *lane) current() *Route {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.route
}
