package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/configs"
)

// abandonAfter is how long the old destination of a route that has a new one may answer Misconfigured before its open plan is
// given up there.
const abandonAfter = 60 * time.Second

// Abandon gives up the open plans of a route, on all streams: delivery goes on from each plan's first sequence where the route
// now delivers, under a new epoch of the lane. What may stand of the plan in the old place is listed in the ledger. It returns
// once the lanes know; it is an error when the route has no lane that stands still. A replay or a backfill that is halted and has no
// open plan is closed short of its end instead: what a replay has not delivered stays dead for good, and a next backfill takes up what
// this one has not.
func (r *Router) Abandon(route, reason string) error {
	found, still := false, false
	for _, rs := range r.readers {
		for _, l := range append(slices.Clip(rs.all()), rs.besides()...) {
			if l.routeName == route && !l.isFinished() {
				found = true
				still = l.askAbandon(reason) || still
			}
		}
	}
	switch {
	case !found:
		return fmt.Errorf("no route %q", route)
	case !still:
		return fmt.Errorf("route %s delivers: only the plan of a route that is waiting, paused or halted can be abandoned", route)
	}
	return nil
}

func (l *lane) askAbandon(reason string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status.State == Running {
		return false
	}
	if reason == "" {
		reason = "a person asked for it"
	}
	l.abandon = reason
	l.wakeUp()
	return true
}

// abandonIfDue gives the open plan up when a person asked for it, or when its destination is not the route's any more and has
// answered Misconfigured for long enough.
func (l *lane) abandonIfDue(ctx context.Context) error {
	rec := l.chain.rec
	l.mu.Lock()
	reason := l.abandon
	l.abandon = ""
	blocked, now := l.blocked, l.route.Delivery
	l.mu.Unlock()
	if len(rec.Open) == 0 {
		return nil
	}
	if reason == "" && !blocked.IsZero() && time.Since(blocked) >= abandonAfter {
		old, err := l.chain.ledger.Config(ctx, rec.Open[0].Delivery)
		if err != nil {
			return fmt.Errorf("read the open plan's delivery settings: %w", err)
		}
		if configs.SameDestination(old, now) {
			return nil
		}
		reason = fmt.Sprintf("the old destination has been misconfigured since %s, and the route has another", blocked.UTC().Format(time.RFC3339))
	}
	if reason == "" {
		return nil
	}
	return l.giveUpPlan(ctx, rec.Open[0], reason)
}
