package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/ledgertest"
	"sluice/pipeline/ledger/memory"
	"sluice/sinks/driver"
)

// chain gives n records of a lane: open, plan, plan, commit, skip, loss, plan, …
func chain(t *testing.T, lane string, n int) []ledger.Record {
	t.Helper()
	l := memory.New()
	if _, err := ledgertest.NewWriter(l, lane).Fill(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return read(t, l, lane)
}

func read(t *testing.T, l ledger.Reader, lane string) (records []ledger.Record) {
	t.Helper()
	err := l.Scan(t.Context(), lane, 0, func(_ ledger.Rev, r ledger.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// relink makes the hashes of a changed chain right again, as whoever forges a ledger would. Checkpoints keep their N.
func relink(t *testing.T, records []ledger.Record) {
	t.Helper()
	head, n := "", uint64(0)
	for i := range records {
		r := &records[i]
		r.Prev = head
		if r.Kind == ledger.KindCheckpoint {
			continue
		}
		n++
		r.N = n
		var err error
		if head, err = r.Hash(); err != nil {
			t.Fatal(err)
		}
	}
}

func add(records []ledger.Record) (ledger.Account, error) {
	a := ledger.NewAuditor("a/LOGS")
	for _, r := range records {
		if err := a.Add(ledger.Rev(r.N), r); err != nil {
			return a.Account(), err
		}
	}
	return a.Account(), nil
}

// checkpointed puts a checkpoint behind the record at i.
func checkpointed(t *testing.T, records []ledger.Record, i int) []ledger.Record {
	t.Helper()
	var tally ledger.Tally
	for _, r := range records[:i+1] {
		tally.Add(r)
	}
	hash, err := records[i].Hash()
	if err != nil {
		t.Fatal(err)
	}
	checkpoint := ledger.Record{V: ledger.Version, Lane: "a/LOGS", N: records[i].N, Kind: ledger.KindCheckpoint, Prev: hash,
		Committed: records[i].Committed, Last: &records[i], Tally: &tally}
	out := append([]ledger.Record(nil), records[:i+1]...)
	return append(append(out, checkpoint), records[i+1:]...)
}

func TestAudit(t *testing.T) {
	// Of 8 records: open, plan 1–10, plan 11–20, plan 21–30, commit, skip 31–33, loss 34–35, plan 36–45.
	account, err := add(chain(t, "a/LOGS", 8))
	if err != nil {
		t.Fatal(err)
	}
	counts := ledger.Counts{Messages: 30, Examined: 46, NotMatched: 10, Intercepted: 3, Excluded: map[string]uint64{"thin": 3, "<a&b>": 6},
		Duplicates: 3, Sampled: 3, OverQuota: 3, Dead: 3, Kept: 12}
	want := ledger.Tally{Counts: counts, Objects: 6, Bytes: 3 * 201, Lost: 2, Plans: 3}
	if diff := cmp.Diff(want, account.Tally, cmpopts.IgnoreUnexported(ledger.Tally{})); diff != "" {
		t.Errorf("tally (-want +got):\n%s", diff)
	}
	if account.Rev != 8 || account.Committed != 35 || !account.Open || account.Lane != "a/LOGS" || len(account.Head) != 64 {
		t.Errorf("account is %+v", account)
	}
}

func TestAuditFindsBreaks(t *testing.T) {
	tests := []struct {
		name   string
		change func(records []ledger.Record) []ledger.Record
		forged bool // the hashes are made right afterwards
		rev    ledger.Rev
		want   string
	}{
		{"an edited record", func(r []ledger.Record) []ledger.Record { r[2].Nonce = "x"; return r }, false, 4, "chain: the prev hash"},
		{"a record taken out", func(r []ledger.Record) []ledger.Record { return append(r[:5], r[6:]...) }, false, 7, "chain: record 7 follows record 5"},
		{"a record twice", func(r []ledger.Record) []ledger.Record { return append(r[:6:6], r[5:]...) }, false, 6, "chain: record 6 follows record 6"},
		{"another lane's record", func(r []ledger.Record) []ledger.Record { r[3].Lane = "b/LOGS"; return r }, false, 4, "chain: it is a record of lane b/LOGS"},
		{"no beginning", func(r []ledger.Record) []ledger.Record { return r[1:] }, false, 2, "chain: record 2 follows record 0"},
		{"a beginning that is no open", func(r []ledger.Record) []ledger.Record { return r[1:] }, true, 1, "tiling: the lane begins with a record of kind plan"},
		{"a plan taken out", func(r []ledger.Record) []ledger.Record { return append(r[:2], r[3:]...) }, true, 3, "tiling: it commits 11 to 20"},
		{"a skip taken out", func(r []ledger.Record) []ledger.Record { return append(r[:5], r[6:]...) }, true, 6, "tiling: loss from 34 to 35, after 30"},
		{"a gap before a plan", func(r []ledger.Record) []ledger.Record { r[1].Open[0].First++; return r }, true, 2, "tiling: the open plan goes from 2 to 10, after 0"},
		{"an overlapping skip", func(r []ledger.Record) []ledger.Record { r[5].Skip.First--; return r }, true, 6, "tiling: skip from 30 to 33, after 30"},
		{"a skip backwards", func(r []ledger.Record) []ledger.Record { r[5].Skip.Last = 30; return r }, true, 6, "tiling: skip from 31 to 30"},
		{"a cursor too far", func(r []ledger.Record) []ledger.Record { r[4].Committed = 31; return r }, true, 5, "tiling: committed is 31, and what is settled reaches 30"},
		{"a cursor behind", func(r []ledger.Record) []ledger.Record { r[4].Committed = 20; return r }, true, 5, "tiling: committed is 20"},
		{"a plan that vanishes", func(r []ledger.Record) []ledger.Record {
			r[4] = ledger.Record{V: 1, Lane: "a/LOGS", Kind: ledger.KindAct, Committed: 20}
			return r
		}, true, 5, "tiling: the open plan from 21 is neither committed nor carried on"},
		{"a commit of nothing", func(r []ledger.Record) []ledger.Record { r[5].Commits = r[4].Commits; return r }, true, 6, "tiling: it commits, and no plan is open"},
		{"other counts at the commit", func(r []ledger.Record) []ledger.Record {
			r[2].Commits.Counts.Kept++
			r[2].Commits.Counts.NotMatched--
			return r
		}, true, 3, "tiling: it commits 1 to 10, with other bounds or counts"},
		{"two open plans", func(r []ledger.Record) []ledger.Record { r[7].Open = append(r[7].Open, r[7].Open[0]); return r }, true, 8, "tiling: 2 plans are open"},
		{"an amend of nothing", func(r []ledger.Record) []ledger.Record { r[7].Kind = ledger.KindAmend; return r }, true, 8, "tiling: an amend without"},
		{"an older epoch", func(r []ledger.Record) []ledger.Record {
			for i := range r[:6] {
				r[i].Epoch = 2
			}
			return r
		}, true, 7, "tiling: a record of kind loss goes from epoch 2 to 0"},
		{"a newer epoch in passing", func(r []ledger.Record) []ledger.Record { r[3].Epoch = 1; return r }, true, 4, "tiling: a record of kind plan goes from epoch 0 to 1"},
		{"a receipt too few", func(r []ledger.Record) []ledger.Record { r[2].Receipts = r[2].Receipts[1:]; return r }, true, 3, "accounting: 2 receipts for 3 units"},
		{"an entry without a verdict", func(r []ledger.Record) []ledger.Record { r[7].Open[0].Counts.Examined++; return r }, true, 8, "accounting: plan: of 15 entries examined"},
		{"an entry in no unit", func(r []ledger.Record) []ledger.Record { r[7].Open[0].Units[1].Count = 0; return r }, true, 8, "accounting: plan: 4 entries kept and 1 dead, and the units hold 3 and 1"},
		{"an entry in the wrong unit", func(r []ledger.Record) []ledger.Record { r[7].Open[0].Units[1].To = driver.ToDeadLetter; return r }, true, 8, "and the units hold 3 and 2"},
		{"a message too many", func(r []ledger.Record) []ledger.Record { r[7].Open[0].Missing = nil; return r }, true, 8, "accounting: plan: 9 messages counted, 36 to 45 holds 10"},
		{"missing what is not in it", func(r []ledger.Record) []ledger.Record {
			r[7].Open[0].Missing[0] = ledger.Gap{From: 46, To: 46}
			return r
		}, true, 8, "accounting: plan: missing 46 to 46 in 36 to 45"},
		{"missing twice", func(r []ledger.Record) []ledger.Record {
			p := &r[7].Open[0]
			p.Missing = append(p.Missing, p.Missing[0])
			return r
		}, true, 8, "accounting: plan: missing 40 to 40"},
		{"a skip that keeps", func(r []ledger.Record) []ledger.Record {
			r[5].Skip.Counts.Kept, r[5].Skip.Counts.NotMatched = 1, 3
			return r
		}, true, 6, "accounting: skip: it keeps entries"},
		{"more lost than there was", func(r []ledger.Record) []ledger.Record { r[6].Loss.Count = 3; return r }, true, 7, "accounting: loss: 3 messages in 34 to 35"},
		{"a forged checkpoint", func(r []ledger.Record) []ledger.Record {
			r = checkpointed(t, r, 4)
			r[5].Tally.Counts.Kept++
			return r
		}, false, 5, "accounting: the checkpoint's account is"},
		{"a checkpoint in the wrong place", func(r []ledger.Record) []ledger.Record {
			r = checkpointed(t, r, 4)
			r[5], r[6] = r[6], r[5]
			return r
		}, false, 5, "chain: the checkpoint follows another record"},
		{"a checkpoint of another record", func(r []ledger.Record) []ledger.Record {
			r = checkpointed(t, r, 4)
			r[5].Last = &r[3]
			return r
		}, false, 5, "chain: the checkpoint's last record is not the one it follows"},
		{"half a checkpoint", func(r []ledger.Record) []ledger.Record {
			r = checkpointed(t, r, 4)
			r[5].Tally = nil
			return r
		}, false, 5, "chain: the checkpoint is not whole"},
	}
	for _, test := range tests {
		records := test.change(chain(t, "a/LOGS", 8))
		if test.forged {
			relink(t, records)
		}
		_, err := add(records)
		b, ok := errors.AsType[*ledger.Break](err)
		if !ok || b.Rev != test.rev || b.Lane != "a/LOGS" || !strings.Contains(b.Reason, test.want) {
			t.Errorf("%s: %v, want record %d: …%s…", test.name, err, test.rev, test.want)
		}
	}
}

// What pipelines do besides planning and committing holds.
func TestAuditHolds(t *testing.T) {
	plan := ledgertest.MakePlan(11)
	shorter := ledgertest.MakePlan(11)
	shorter.Units[0].Count, shorter.Units[2].Count, shorter.Counts.Kept, shorter.Counts.Dead, shorter.Amends = 2, 2, 3, 2, 1
	holed := ledgertest.MakePlan(11)
	holed.Missing, holed.Counts.Messages = []ledger.Gap{{From: 11, To: 12}, {From: 15, To: 15}}, 7
	late := ledgertest.MakePlan(13)
	commit := func(p ledger.Plan, kind ledger.Kind, committed uint64) ledger.Record {
		return ledger.Record{Kind: kind, Epoch: 1, Committed: committed, Receipts: make([]driver.Receipt, 3),
			Commits: &ledger.Range{First: p.First, Last: p.Last, Counts: p.Counts}}
	}
	opened := ledger.Record{Kind: ledger.KindOpen, Epoch: 1, Committed: 10}
	planned := ledger.Record{Kind: ledger.KindPlan, Epoch: 1, Committed: 10, Open: []ledger.Plan{plan}}
	loss := func(from, to, committed uint64, open ...ledger.Plan) ledger.Record {
		return ledger.Record{Kind: ledger.KindLoss, Epoch: 1, Committed: committed, Open: open,
			Loss: &ledger.Loss{From: from, To: to, Count: to - from + 1, Reason: "retention"}}
	}
	skipping := commit(plan, ledger.KindSkip, 25)
	skipping.Skip = &ledger.Skip{Range: ledger.Range{First: 21, Last: 25, Counts: ledger.Counts{Messages: 4}}, Missing: []ledger.Gap{{From: 22, To: 22}}}
	tests := map[string][]ledger.Record{
		"an amend": {opened, planned, {Kind: ledger.KindAmend, Epoch: 1, Committed: 10, Open: []ledger.Plan{shorter}},
			commit(shorter, ledger.KindCommit, 20)},
		"an act beside an open plan": {opened, planned, {Kind: ledger.KindAct, Epoch: 1, Committed: 10, Open: []ledger.Plan{plan}},
			commit(plan, ledger.KindCommit, 20)},
		"an abandoned plan": {opened, planned, {Kind: ledger.KindAbandon, Epoch: 2, Committed: 10},
			{Kind: ledger.KindPlan, Epoch: 2, Committed: 10, Open: []ledger.Plan{plan}}},
		"a new epoch with an open plan": {opened, planned, {Kind: ledger.KindEpoch, Epoch: 2, Committed: 3},
			{Kind: ledger.KindSkip, Epoch: 2, Committed: 4, Skip: &ledger.Skip{Range: ledger.Range{First: 4, Last: 4, Counts: ledger.Counts{Messages: 1}}}}},
		"a commit and a skip in one": {opened, planned, skipping, {Kind: ledger.KindClosed, Epoch: 1, Committed: 25}},
		"a loss inside the open plan": {opened, planned, loss(11, 12, 10, plan), {Kind: ledger.KindAmend, Epoch: 1, Committed: 10, Open: []ledger.Plan{holed}},
			commit(holed, ledger.KindCommit, 20)},
		"a loss before the open plan": {opened, planned, {Kind: ledger.KindAmend, Epoch: 1, Committed: 12, Open: []ledger.Plan{late},
			Loss: &ledger.Loss{From: 11, To: 12, Count: 2}}, commit(late, ledger.KindCommit, 22)},
	}
	for name, records := range tests {
		l := memory.New()
		w := ledgertest.NewWriter(l, "a/LOGS")
		for _, r := range records {
			if _, err := w.Append(t.Context(), r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := ledger.Audit(t.Context(), l, "a/LOGS"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// From wherever the oldest records are gone, a checkpoint gives the same account.
func TestAuditFromCheckpoint(t *testing.T) {
	records := chain(t, "a/LOGS", 20)
	want, err := add(records)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		whole := checkpointed(t, records, i)
		for _, from := range []int{0, i + 1} {
			got, err := add(whole[from:])
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(ledger.Tally{})); err != nil || diff != "" {
				t.Errorf("checkpoint after %d, from %d: %v (-want +got):\n%s", i+1, from, err, diff)
			}
		}
	}
}

func TestTakeBalance(t *testing.T) {
	l := memory.New()
	fill := func(lane string, n int) {
		t.Helper()
		w := ledgertest.NewWriter(l, lane)
		if err := w.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.At = w.At.Add(time.Hour)
		if _, err := w.Fill(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	take := func(routes ...string) ledger.Balance {
		t.Helper()
		b, err := ledger.TakeBalance(t.Context(), l, routes...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	fill("b/LOGS", 3)
	fill("a/LOGS", 3)
	fill("a/MORE", 3)
	fill("a/LOGS/b1", 3)
	fill("_unreadable/LOGS", 1)
	fill("_stream/LOGS", 1)
	one := ledger.RouteBalance{Route: "b", Examined: 14, Delivered: 4, NotMatched: 2, Excluded: map[string]uint64{"thin": 1, "<a&b>": 2},
		Intercepted: 1, Sampled: 1, OverQuota: 1, Duplicates: 1, DeadLetters: 1, Objects: 2, Bytes: 201, Balanced: true}
	two := ledger.RouteBalance{Route: "a", Examined: 33, Delivered: 12, NotMatched: 4, Excluded: map[string]uint64{"thin": 2, "<a&b>": 4},
		Intercepted: 2, Sampled: 2, OverQuota: 2, Duplicates: 2, DeadLetters: 3, Backfilled: 5, Objects: 6, Bytes: 603, Balanced: true}
	before := take()
	if diff := cmp.Diff(ledger.Balance{Routes: []ledger.RouteBalance{two, one}}, before); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ledger.Balance{Routes: []ledger.RouteBalance{one}}, take("b")); diff != "" {
		t.Errorf("of one route (-want +got):\n%s", diff)
	}
	fill("b/LOGS", 1)
	fill("_unreadable/LOGS", 2)
	unreadable := one
	unreadable.Route = ledger.UnreadableRoute
	nothing := ledger.RouteBalance{Route: "a", Excluded: map[string]uint64{}, Balanced: true}
	if diff := cmp.Diff([]ledger.RouteBalance{unreadable, nothing, one}, take().Since(before).Routes); diff != "" {
		t.Errorf("since (-want +got):\n%s", diff)
	}
	if !take().Balanced() {
		t.Error("it does not balance")
	}
}

// A chain that does not hold makes its route unbalanced and no other; one of a control lane is told too.
func TestTakeBalanceBroken(t *testing.T) {
	l := memory.New()
	for _, lane := range []string{"a/LOGS", "b/LOGS", "_stream/LOGS"} {
		w := ledgertest.NewWriter(l, lane)
		if _, err := w.Fill(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if lane == "b/LOGS" {
			continue
		}
		r := w.Next()
		r.Committed += 5
		if _, err := w.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	b, err := ledger.TakeBalance(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	balanced := map[string]bool{}
	for _, r := range b.Routes {
		balanced[r.Route] = r.Balanced
	}
	if diff := cmp.Diff(map[string]bool{"a": false, "b": true}, balanced); diff != "" || b.Balanced() || len(b.Broken) != 2 {
		t.Errorf("broken: %v (-want +got):\n%s", b.Broken, diff)
	}
}
