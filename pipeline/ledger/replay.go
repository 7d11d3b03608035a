package ledger

import (
	"context"
	"fmt"
)

// Replay says what a replay's lane delivers: the dead letters of its route on its stream that no replay before it has delivered.
// They are numbered from 1: first those that the replay before it met with another refusal, then those of the route's lane, each
// in the order of the ledger. These numbers are the lane's sequences; the entries keep their identity.
type Replay struct {
	After   Rev    `json:"after"`           // the route's lane: dead letters committed behind this record,
	Through Rev    `json:"through"`         // up to this one:
	Fresh   uint64 `json:"fresh"`           // so many
	Again   uint64 `json:"again,omitempty"` // before them: so many that were refused again
	Why     string `json:"why,omitempty"`   // a person's reason
}

// Total is how many entries the replay delivers or finds refused again.
func (r Replay) Total() uint64 { return r.Fresh + r.Again }

// NextReplay is a replay that waits to be begun, or to be finished.
type NextReplay struct {
	Lane  string     // of the replay
	Begun bool       // its lane is open and not closed
	Done  uint64     // how many of its entries are settled
	Units []DeadUnit // what it delivers, in order; none: there is nothing to replay
	Replay
}

// FindReplay gives the replay of a route on a stream that comes next: the one that was begun and is not finished, else one of all
// that is dead now, of which the fresh ones are at most the plan's that bring them to most.
func FindReplay(ctx context.Context, l Reader, route, stream string, most int) (NextReplay, error) {
	last, known, err := replays(ctx, l, route, stream)
	if err != nil {
		return NextReplay{}, err
	}
	name := LaneName(route, stream, "")
	next := NextReplay{Lane: LaneName(route, stream, ReplaySide(last.number+1))}
	if last.number > 0 && last.record.Kind != KindClosed {
		next.Lane, next.Begun, next.Done, next.Replay = last.record.Lane, true, last.record.Committed, *last.record.Replay
		next.Units, err = replayed(ctx, l, next.Lane, next.Replay, known-next.Fresh)
		return next, err
	}
	var again []DeadUnit
	if last.number > 0 {
		next.After = last.record.Replay.Through
		if again, _, err = deadLetters(ctx, l, last.record.Lane, 0, 0, 0, 0); err != nil {
			return NextReplay{}, err
		}
	}
	fresh, reached, err := deadLetters(ctx, l, name, next.After, 0, known, most)
	if err != nil {
		return NextReplay{}, err
	}
	next.Through, next.Fresh, next.Again = reached, CountDead(fresh), CountDead(again)
	next.Units = append(again, fresh...)
	return next, nil
}

// ReplayedBy gives what a replay's lane delivers, in order.
func ReplayedBy(ctx context.Context, l Reader, lane string, r Replay) ([]DeadUnit, error) {
	route, stream, _ := SplitLane(lane)
	_, known, err := replays(ctx, l, route, stream)
	if err != nil {
		return nil, err
	}
	return replayed(ctx, l, lane, r, known-r.Fresh)
}

func replayed(ctx context.Context, l Reader, lane string, r Replay, known uint64) ([]DeadUnit, error) {
	route, stream, side := SplitLane(lane)
	n, ok := ReplayOf(side)
	if !ok {
		return nil, fmt.Errorf("lane %s is no replay's", lane)
	}
	var units []DeadUnit
	if n > 1 {
		again, _, err := deadLetters(ctx, l, LaneName(route, stream, ReplaySide(n-1)), 0, 0, 0, 0)
		if err != nil {
			return nil, err
		}
		units = again
	}
	fresh, _, err := deadLetters(ctx, l, LaneName(route, stream, ""), r.After, r.Through, known, 0)
	if err != nil {
		return nil, err
	}
	units = append(units, fresh...)
	if n := CountDead(units); n != r.Total() {
		return nil, fmt.Errorf("lane %s: it replays %d entries, and the ledger names %d: %w", lane, r.Total(), n, ErrDamaged)
	}
	return units, nil
}

// lastReplay is a route's latest replay on a stream; number 0: there was none.
type lastReplay struct {
	number int
	record Record // the last of its lane
}

// replays gives a route's latest replay on a stream, and how many dead letters of the route's lane all replays have taken in.
func replays(ctx context.Context, l Reader, route, stream string) (last lastReplay, known uint64, err error) {
	lanes, err := LanesOf(ctx, l, route)
	if err != nil {
		return last, 0, err
	}
	for _, lane := range lanes {
		_, on, side := SplitLane(lane)
		n, ok := ReplayOf(side)
		if !ok || on != stream {
			continue
		}
		r, rev, err := l.Last(ctx, lane)
		if err != nil {
			return last, 0, fmt.Errorf("read the last record of lane %s: %w", lane, err)
		}
		if rev == 0 || r.Replay == nil {
			return last, 0, fmt.Errorf("lane %s does not say what it replays: %w", lane, ErrDamaged)
		}
		known += r.Replay.Fresh
		if n > last.number {
			last = lastReplay{n, r}
		}
	}
	return last, known, nil
}
