package ledger

import (
	"context"
	"fmt"

	"sluice/sinks/driver"
)

// Backfill says what a backfill's lane delivers: of the entries in a range of the stream those that its decision settings keep and
// that no plan of the route has kept before. Its sequences are the stream's; the entries keep their identity.
type Backfill struct {
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`       // settled by the route's lane when the backfill began
	Decision string `json:"decision"` // hash of the route's decision settings when it began
	Rate     int64  `json:"rate,omitempty"`
	Why      string `json:"why,omitempty"` // a person's reason
}

// Span is a committed plan's range, and the settings under which its entries were kept, less those that the destination refused.
type Span struct {
	First, Last uint64
	Decision    string // hash
	Refused     []driver.Reject
}

// SpansOf lists the plans that a lane has committed in one epoch of the stream, as far as they lie in a range, oldest first. Where
// records of the range were archived that is an error: what they delivered is not known.
func SpansOf(ctx context.Context, l Reader, lane string, streamEpoch uint32, from, to uint64) ([]Span, error) {
	var spans []Span
	var before Record // the last one, for the plan that it has open
	err := l.Scan(ctx, lane, 0, func(rev Rev, r Record) error {
		if r.Kind == KindCheckpoint {
			if before.N == 0 && r.Last != nil && max(r.Last.StreamEp, 1) == streamEpoch && r.Last.Committed >= from {
				return fmt.Errorf("its records up to %d are archived, and they say what was delivered up to sequence %d: put the archived segments back", rev, r.Last.Committed)
			}
			if before.N == 0 && r.Last != nil {
				before = *r.Last
			}
			return nil
		}
		if r.Commits != nil && len(before.Open) > 0 && max(before.StreamEp, 1) == streamEpoch && r.Commits.Last >= from && r.Commits.First <= to {
			spans = append(spans, Span{First: r.Commits.First, Last: r.Commits.Last, Decision: before.Open[0].Decision, Refused: before.Open[0].Rejects})
		}
		before = r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read lane %s: %w", lane, err)
	}
	return spans, nil
}

// LastBackfill gives a route's latest backfill on a stream: its number and the last record of its lane; 0 when there was none.
func LastBackfill(ctx context.Context, l Reader, route, stream string) (number int, last Record, err error) {
	lanes, err := LanesOf(ctx, l, route)
	if err != nil {
		return 0, Record{}, err
	}
	for _, lane := range lanes {
		_, on, side := SplitLane(lane)
		n, ok := BackfillOf(side)
		if !ok || on != stream || n < number {
			continue
		}
		r, rev, err := l.Last(ctx, lane)
		switch {
		case err != nil:
			return 0, Record{}, fmt.Errorf("read the last record of lane %s: %w", lane, err)
		case rev == 0 || r.Backfill == nil:
			return 0, Record{}, fmt.Errorf("lane %s does not say what it delivers: %w", lane, ErrDamaged)
		}
		number, last = n, r
	}
	return number, last, nil
}

// Delivered gives what a route's own lane and its backfills before the n-th have delivered of a range of the stream. What the own
// lane's destination refused counts as delivered: a replay may have done so.
func Delivered(ctx context.Context, l Reader, route, stream string, n int, streamEpoch uint32, from, to uint64) ([]Span, error) {
	spans, err := SpansOf(ctx, l, LaneName(route, stream, ""), streamEpoch, from, to)
	if err != nil {
		return nil, err
	}
	for i := range spans {
		spans[i].Refused = nil
	}
	for i := 1; i < n; i++ {
		more, err := SpansOf(ctx, l, LaneName(route, stream, BackfillSide(i)), streamEpoch, from, to)
		if err != nil {
			return nil, err
		}
		spans = append(spans, more...)
	}
	return spans, nil
}
