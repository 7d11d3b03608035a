package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/pipeline/ledger"
)

// BackfillRange says of which part of the streams a backfill is, and how fast it may go.
type BackfillRange struct {
	Since, Until time.Time // when the entries were stored; zero: from the first message held; up to where the route stands
	Rate         int64     // bytes of delivered entries a second; 0: no bound
	Why          string    // a person's reason, for the ledger
}

// Backfill delivers to a route, on all streams, the entries of a range that its present decision settings keep and that no plan of
// the route has kept before, each exactly once. What the route itself has still to read is not touched, nor what a quota took: that
// was matched. A backfill that was begun before is finished first, as it was begun. report is told how each fares, several times a second,
// and at its end with Done. Backfill returns nil when all are done; an error when one needs a person, or ctx ends: what was begun goes
// on nevertheless, also at a next Run.
func (r *Router) Backfill(ctx context.Context, route string, span BackfillRange, report func(SideStatus)) error {
	if route == Unreadable {
		return fmt.Errorf("%s has no filter that could have changed", Unreadable)
	}
	if err := r.awaitStart(ctx); err != nil {
		return err
	}
	for _, rs := range r.readers {
		for again := true; again; {
			l, begun, err := rs.beginBackfill(ctx, route, span)
			if err != nil {
				return fmt.Errorf("stream %s: %w", rs.stream.Name(), err)
			}
			if l == nil {
				break
			}
			err = l.awaitSide(ctx, report)
			if err != nil && (begun || !errors.Is(err, errClosedShort)) {
				return fmt.Errorf("lane %s: %w", l.name, err)
			}
			again = !begun // that was an older one
		}
	}
	return nil
}

// beginBackfill runs the route's backfill that was begun and is not finished, else begins one (begun); nil when there is nothing in
// the range.
func (rs *readers) beginBackfill(ctx context.Context, name string, span BackfillRange) (l *lane, begun bool, err error) {
	r := rs.router
	route, err := r.active(name)
	if err != nil {
		return nil, false, err
	}
	for {
		n, last, err := ledger.LastBackfill(ctx, r.opts.Ledger, name, rs.stream.Name())
		if err != nil {
			return nil, false, err
		}
		if n > 0 && last.Kind != ledger.KindClosed {
			return rs.startSide(route, ledger.BackfillSide(n), &backfillSource{number: n, backfill: *last.Backfill}), false, nil
		}
		first, err := rs.firstOfBackfill(ctx, route, span)
		if err != nil || first.Backfill == nil {
			return nil, false, err
		}
		side := ledger.BackfillSide(n + 1)
		c := chain{ledger: r.opts.Ledger, lane: ledger.LaneName(name, rs.stream.Name(), side), nonce: r.opts.Nonce}
		if err := c.append(ctx, first); errors.Is(err, ledger.ErrFenced) { // somebody else has begun it
			continue
		} else if err != nil {
			r.failFor(err)
			return nil, false, err
		}
		return rs.startSide(route, side, &backfillSource{number: n + 1, backfill: *first.Backfill}), true, nil
	}
}

// firstOfBackfill gives the record that opens a backfill: from the span's beginning to its end, or to what the route's lane has
// settled. Without Backfill there is nothing in between.
func (rs *readers) firstOfBackfill(ctx context.Context, route *Route, span BackfillRange) (ledger.Record, error) {
	rec, rev, err := rs.router.opts.Ledger.Last(ctx, LaneName(route.Name, rs.stream.Name()))
	if err != nil {
		return ledger.Record{}, fmt.Errorf("read the route's lane: %w", err)
	}
	if _, epoch := rs.control.present(); rev == 0 || max(rec.StreamEp, 1) != epoch {
		return ledger.Record{}, nil // it has settled nothing of this stream
	}
	info, err := rs.ask(ctx)
	if err != nil {
		return ledger.Record{}, err
	}
	from, to := max(info.First, 1), rec.Committed
	if !span.Since.IsZero() {
		if from, err = rs.firstSince(ctx, span.Since, info); err != nil {
			return ledger.Record{}, fmt.Errorf("find the first entry: %w", err)
		}
	}
	if !span.Until.IsZero() {
		behind, err := rs.firstSince(ctx, span.Until, info)
		if err != nil {
			return ledger.Record{}, fmt.Errorf("find the last entry: %w", err)
		}
		to = min(to, behind-1)
	}
	if from > to {
		return ledger.Record{}, nil
	}
	hash := hashOf(route.Decision)
	if err := rs.router.opts.Ledger.PutConfig(ctx, hash, route.Decision); err != nil {
		return ledger.Record{}, fmt.Errorf("store the decision settings: %w", err)
	}
	return ledger.Record{
		Kind: ledger.KindOpen, Epoch: rec.Epoch, StreamEp: rec.StreamEp, Committed: from - 1,
		Backfill: &ledger.Backfill{From: from, To: to, Decision: hash, Rate: span.Rate, Why: span.Why},
	}, nil
}
