package ledger

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// The built-in names beside those of routes.
const (
	ControlRoute    = "_stream"     // lanes of this "route" are the control lanes, one a stream
	UnreadableRoute = "_unreadable" // keeps what is no entry
)

// Balance is the account of routes, as `balance` and `demo` print it.
type Balance struct {
	Routes []RouteBalance `json:"routes"`
	Broken []error        `json:"-"` // where chains do not hold, of all lanes read
}

// RouteBalance is the account of one route, over all its lanes.
type RouteBalance struct {
	Route         string            `json:"route"`
	Examined      uint64            `json:"examined"`
	Delivered     uint64            `json:"delivered"`
	NotMatched    uint64            `json:"notMatched"`
	Excluded      map[string]uint64 `json:"excluded"`                // by exclusion; never nil
	ExcludedBytes map[string]uint64 `json:"excludedBytes,omitempty"` // likewise, in bytes
	Intercepted   uint64            `json:"intercepted"`
	Sampled       uint64            `json:"sampled"`
	OverQuota     uint64            `json:"overQuota"`
	Duplicates    uint64            `json:"duplicates"`
	DeadLetters   uint64            `json:"deadLetters"`          // those that are dead still
	Replayed      uint64            `json:"replayed,omitempty"`   // of Delivered: so many were dead letters before
	Backfilled    uint64            `json:"backfilled,omitempty"` // of Examined: so many for a second time, by a backfill that took them up
	Objects       uint64            `json:"objects"`
	Bytes         uint64            `json:"bytes"`
	Balanced      bool              `json:"balanced"` // every lane's chain holds, and every entry is accounted for
}

// RouteOf gives the route of a lane: what stands before its first slash.
func RouteOf(lane string) string {
	route, _, _ := SplitLane(lane)
	return route
}

// LanesOf gives the lanes of a route, sorted; none is no error.
func LanesOf(ctx context.Context, l Reader, route string) ([]string, error) {
	lanes, err := l.Lanes(ctx)
	return slices.DeleteFunc(lanes, func(lane string) bool { return RouteOf(lane) != route }), err
}

// TakeBalance audits every lane of the routes, or of all when none is named, and sums up by route, sorted by name. Control lanes are
// audited with all routes and are no row; _unreadable is one only when it has anything or is named. A chain that does not hold is
// no error: its route is not balanced, and Broken says where.
func TakeBalance(ctx context.Context, l Reader, routes ...string) (Balance, error) {
	lanes, err := l.Lanes(ctx)
	if err != nil {
		return Balance{}, err
	}
	b := Balance{Routes: []RouteBalance{}}
	for _, lane := range lanes {
		if len(routes) > 0 && !slices.Contains(routes, RouteOf(lane)) {
			continue
		}
		account, err := Audit(ctx, l, lane)
		if _, broken := errors.AsType[*Break](err); broken || errors.Is(err, ErrDamaged) {
			b.Broken = append(b.Broken, err)
		} else if err != nil {
			return Balance{}, err
		}
		route, _, side := SplitLane(lane)
		if route == ControlRoute {
			continue
		}
		row := b.route(route)
		if _, replay := ReplayOf(side); replay {
			row.addReplay(account.Tally, err == nil)
		} else if _, backfill := BackfillOf(side); backfill {
			row.addBackfill(account.Tally, err == nil)
		} else {
			row.add(account.Tally, err == nil)
		}
	}
	slices.SortFunc(b.Routes, func(x, y RouteBalance) int { return strings.Compare(x.Route, y.Route) })
	b.Routes = slices.DeleteFunc(b.Routes, func(r RouteBalance) bool {
		return r.Route == UnreadableRoute && len(routes) == 0 && r.Balanced && r.Delivered+r.DeadLetters+r.Objects == 0
	})
	return b, nil
}

// Balanced says whether all routes balance and all chains hold.
func (b Balance) Balanced() bool {
	return len(b.Broken) == 0 && !slices.ContainsFunc(b.Routes, func(r RouteBalance) bool { return !r.Balanced })
}

// Since gives what has come on top of an earlier balance of the same ledger.
func (b Balance) Since(earlier Balance) Balance {
	since := Balance{Routes: slices.Clone(b.Routes), Broken: b.Broken}
	for i := range since.Routes {
		r := &since.Routes[i]
		r.Excluded, r.ExcludedBytes = maps.Clone(r.Excluded), maps.Clone(r.ExcludedBytes)
		for _, e := range earlier.Routes {
			if e.Route == r.Route {
				r.subtract(e)
			}
		}
	}
	return since
}

// route gives the row of a route, which is added when it is missing.
func (b *Balance) route(name string) *RouteBalance {
	for i := range b.Routes {
		if b.Routes[i].Route == name {
			return &b.Routes[i]
		}
	}
	b.Routes = append(b.Routes, RouteBalance{Route: name, Excluded: map[string]uint64{}, Balanced: true})
	return &b.Routes[len(b.Routes)-1]
}

func (r *RouteBalance) add(t Tally, holds bool) {
	c := t.Counts
	r.Examined += c.Examined
	r.Delivered += c.Kept
	r.NotMatched += c.NotMatched
	r.Intercepted += c.Intercepted
	r.Sampled += c.Sampled
	r.OverQuota += c.OverQuota
	r.Duplicates += c.Duplicates
	r.DeadLetters += c.Dead
	r.Objects += t.Objects
	r.Bytes += t.Bytes
	addTo(&r.Excluded, c.Excluded)
	addTo(&r.ExcludedBytes, c.ExcludedBytes)
	r.Balanced = r.Balanced && holds && c.Balanced()
}

// addReplay takes in the account of a replay: what it delivered had been counted as dead. Lanes come sorted, a route's own before
// its replays.
func (r *RouteBalance) addReplay(t Tally, holds bool) {
	r.Balanced = r.Balanced && holds && t.Counts.Balanced() && t.Counts.Kept <= r.DeadLetters
	r.Delivered += t.Counts.Kept
	r.DeadLetters -= min(t.Counts.Kept, r.DeadLetters)
	r.Replayed += t.Counts.Kept
	r.Objects += t.Objects
	r.Bytes += t.Bytes
}

// addBackfill takes in the account of a backfill: of what it examined a second time, only what it took up counts.
func (r *RouteBalance) addBackfill(t Tally, holds bool) {
	r.Balanced = r.Balanced && holds && t.Counts.Balanced()
	r.Examined += t.Counts.Kept + t.Counts.Dead
	r.Backfilled += t.Counts.Kept + t.Counts.Dead
	r.Delivered += t.Counts.Kept
	r.DeadLetters += t.Counts.Dead
	r.Objects += t.Objects
	r.Bytes += t.Bytes
}

func (r *RouteBalance) subtract(e RouteBalance) {
	r.Examined -= e.Examined
	r.Delivered -= e.Delivered
	r.NotMatched -= e.NotMatched
	r.Intercepted -= e.Intercepted
	r.Sampled -= e.Sampled
	r.OverQuota -= e.OverQuota
	r.Duplicates -= e.Duplicates
	r.DeadLetters -= min(e.DeadLetters, r.DeadLetters) // replays take away
	r.Replayed -= e.Replayed
	r.Backfilled -= e.Backfilled
	r.Objects -= e.Objects
	r.Bytes -= e.Bytes
	subtractFrom(r.Excluded, e.Excluded)
	subtractFrom(r.ExcludedBytes, e.ExcludedBytes)
}

func subtractFrom(sum, less map[string]uint64) {
	for rule, n := range less {
		if sum[rule] -= n; sum[rule] == 0 {
			delete(sum, rule)
		}
	}
}
