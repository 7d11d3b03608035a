package ledger

import (
	"context"
	"strings"
	"testing"

	"sluice/sinks/driver"
)

func TestSplitLane(t *testing.T) {
	for lane, want := range map[string][3]string{
		"audit/LOGS":     {"audit", "LOGS", ""},
		"audit/r1":       {"audit", "r1", ""},
		"audit/LOGS/r12": {"audit", "LOGS", "r12"},
		"_stream/LOGS":   {"_stream", "LOGS", ""},
	} {
		route, stream, side := SplitLane(lane)
		if got := [3]string{route, stream, side}; got != want || LaneName(route, stream, side) != lane {
			t.Errorf("%s: %q", lane, got)
		}
	}
	for side, want := range map[string]int{"r1": 1, "r12": 12, "r0": 0, "r01": 0, "r-1": 0, "r": 0, "": 0, "b1": 0} {
		if n, ok := ReplayOf(side); n != want && ok || ok != (want > 0) {
			t.Errorf("%q: %d, %v", side, n, ok)
		}
	}
}

// chain is a lane whose records stand in memory; a reader of nothing else.
type chain []Record

func (c chain) Last(_ context.Context, lane string) (Record, Rev, error) {
	if lane != "audit/LOGS" {
		return Record{}, 0, nil
	}
	r := c[len(c)-1]
	return r, Rev(r.N), nil
}

func (c chain) Scan(_ context.Context, _ string, from Rev, yield func(Rev, Record) error) error {
	for _, r := range c {
		if Rev(r.N) <= from {
			continue
		}
		if err := yield(Rev(r.N), r); err != nil {
			return err
		}
	}
	return nil
}

func (c chain) Lanes(context.Context) ([]string, error)        { return []string{"audit/LOGS"}, nil }
func (c chain) Config(context.Context, string) ([]byte, error) { return nil, ErrNoConfig }

// TestReplayKnowsWhatIsArchived: dead letters named only in archived segments are not silently left out.
func TestReplayKnowsWhatIsArchived(t *testing.T) {
	plan := Plan{
		First: 5, Last: 9, Delivery: "d", Anchor: Anchor{Seq: 9, Stored: 7}, Amends: 1,
		Units:   []driver.Unit{{Name: "a"}, {Name: "dead", To: driver.ToDeadLetter, Count: 1}, {Name: "dead-a1", To: driver.ToDeadLetter, Count: 2}},
		Rejects: []driver.Reject{{Seq: 6, Reason: "by plan"}, {Seq: 7, Reason: "x", Amend: 1}, {Seq: 7, Index: 2, Reason: "y", Amend: 1}},
	}
	for dead, refused := range map[uint64]bool{0: false, 3: true} {
		last := Record{N: 10, Lane: "audit/LOGS", Kind: KindCommit, Epoch: 2, Committed: 4}
		open := Record{N: 11, Lane: "audit/LOGS", Kind: KindPlan, Epoch: 2, Open: []Plan{plan}}
		c := chain{
			{N: 10, Kind: KindCheckpoint, Last: &last, Tally: &Tally{Counts: Counts{Dead: dead}}},
			open,
			{N: 12, Lane: "audit/LOGS", Kind: KindCommit, Epoch: 2, Commits: &Range{First: 5, Last: 9}},
		}
		next, err := FindReplay(t.Context(), c, "audit", "LOGS", 0)
		if refused {
			if err == nil || !strings.Contains(err.Error(), "archived") {
				t.Errorf("dead letters in the archive give %+v, %v", next, err)
			}
			continue
		}
		if err != nil || next.Lane != "audit/LOGS/r1" || next.Through != 12 || next.Fresh != 3 || len(next.Units) != 2 {
			t.Fatalf("%+v, %v", next, err)
		}
		u := next.Units[1]
		if u.Unit.Name != "dead-a1" || u.Epoch != 2 || u.Rev != 12 || u.Stored != 7 || len(u.Entries) != 2 || u.Entries[1].Reason != "y" {
			t.Errorf("%+v", u)
		}
	}
}
