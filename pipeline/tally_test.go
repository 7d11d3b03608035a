package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

// TestTally: what a lane records is counted once, the plan that was open when the program started with it.
func TestTally(t *testing.T) {
	plan := func(missing ...ledger.Gap) []ledger.Plan {
		return []ledger.Plan{{Missing: missing, Units: []driver.Unit{{}, {To: driver.ToDeadLetter}}}}
	}
	commits := func(kept uint64, exclusion string) *ledger.Range {
		return &ledger.Range{Counts: ledger.Counts{Examined: kept + 2, Kept: kept, Dead: 1, Excluded: map[string]uint64{exclusion: 1}}}
	}
	receipts := []driver.Receipt{{Bytes: 100}, {Bytes: 7}} // the second is of the dead letters
	var sum tally
	before := plan(ledger.Gap{From: 3, To: 4}) // of the process before
	for _, r := range []ledger.Record{
		{Kind: ledger.KindPlan, Epoch: 1, Commits: commits(5, "a"), Receipts: receipts, Open: plan()},
		{Kind: ledger.KindAmend, Epoch: 1, Open: plan(ledger.Gap{From: 20, To: 20}), Loss: &ledger.Loss{Count: 1}},
		{Kind: ledger.KindCommit, Epoch: 1, Commits: commits(6, "b"), Receipts: receipts},
		{Kind: ledger.KindSkip, Epoch: 1, Skip: &ledger.Skip{Range: ledger.Range{Counts: ledger.Counts{Examined: 9, NotMatched: 9}}, Missing: []ledger.Gap{{From: 30, To: 39}}}},
		{Kind: ledger.KindLoss, Epoch: 2, Loss: &ledger.Loss{Count: 50}},
	} {
		sum.add(before, r)
		before = r.Open
	}
	want := Tally{
		Counts: ledger.Counts{Examined: 24, NotMatched: 9, Kept: 11, Dead: 2, Excluded: map[string]uint64{"a": 1, "b": 1}},
		Plans:  2, Units: 2, Bytes: 200, Gaps: 2 + 1 + 10, Losses: 2, Epoch: 2,
	}
	got := sum.read()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.Counts.Balanced() {
		t.Error("examined is not the sum of the rest")
	}
	got.Counts.Excluded["a"] = 100
	if sum.read().Counts.Excluded["a"] != 1 {
		t.Error("what was read is not a copy")
	}
}
