package pipeline

import (
	"context"
	"errors"
	"fmt"

	"sluice/pipeline/ledger"
)

// replayMost is how many fresh dead letters a replay takes in; those behind them are the next one's.
const replayMost = 100_000

// Replay delivers the dead letters of a route to where it delivers now, on all streams, each exactly once and under the identity
// that it had; a replay that was begun before is finished first. report is told how each fares, several times a second, and at
// the end of each with Done. Replay returns nil once no dead letter is left but those that were refused again; an error when a
// replay needs a person, or ctx ends: what was begun goes on nevertheless, also at a next Run. why is for the ledger.
func (r *Router) Replay(ctx context.Context, route, why string, report func(SideStatus)) error {
	if route == Unreadable {
		return fmt.Errorf("what %s keeps is no entry, and no setting makes it one: mend it where it comes from and publish it again", Unreadable)
	}
	if err := r.awaitStart(ctx); err != nil {
		return err
	}
	for _, rs := range r.readers {
		// What is refused again waits for the next call, unless there are more that were never replayed.
		for more, again := true, true; more; again = false {
			var l *lane
			var err error
			l, more, err = rs.beginReplay(ctx, route, why, again)
			if err != nil {
				return fmt.Errorf("stream %s: %w", rs.stream.Name(), err)
			}
			if l == nil {
				break
			}
			if err := l.awaitSide(ctx, report); err != nil {
				return fmt.Errorf("lane %s: %w", l.name, err)
			}
		}
	}
	return nil
}

// beginReplay runs the route's next replay on the stream, and tells whether there may be more behind it; nil when nothing is dead, or,
// unless again, when all that is dead was refused again.
func (rs *readers) beginReplay(ctx context.Context, name, why string, again bool) (l *lane, more bool, err error) {
	r := rs.router
	route, err := r.active(name)
	if err != nil {
		return nil, false, err
	}
	if err := rs.mayDeliver(ctx, name); err != nil {
		return nil, false, err
	}
	for {
		next, err := ledger.FindReplay(ctx, r.opts.Ledger, name, rs.stream.Name(), replayMost)
		if err != nil {
			return nil, false, err
		}
		if !next.Begun && (len(next.Units) == 0 || next.Fresh == 0 && !again) {
			return nil, false, nil
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
				return nil, false, err
			}
		}
		return rs.startSide(route, side, &deadSource{replay: next.Replay}), next.Begun || next.Fresh >= replayMost, nil
	}
}
