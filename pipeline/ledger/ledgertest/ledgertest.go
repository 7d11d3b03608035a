// Package ledgertest is what every ledger must pass.
package ledgertest

import (
	"context"
	"testing"

	"sluice/pipeline/ledger"
)

// Open opens an empty ledger of its own for each call. reopen closes what is open of it and opens the same storage again; it may
// be called more than once.
type Open func(t *testing.T) (l ledger.Ledger, reopen func() ledger.Ledger)

// Run runs the suite. It needs nothing but the directory and the time of the records.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"empty", testEmpty},
		{"round trip", testRoundTrip},
		{"caller's memory", testCallersMemory},
		{"compare and set", testCompareAndSet},
		{"mistakes", testMistakes},
		{"canceled", testCanceled},
		{"lost reply", testLostReply},
		{"two writers", testTwoWriters},
		{"many writers", testManyWriters},
		{"many lanes", testManyLanes},
		{"lanes", testLanes},
		{"scan", testScan},
		{"scan and append", testScanAndAppend},
		{"days", testDays},
		{"reopen", testReopen},
		{"configurations", testConfigs},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// last is Last, which must succeed.
func last(t *testing.T, l ledger.Ledger, lane string) (ledger.Record, ledger.Rev) {
	t.Helper()
	r, rev, err := l.Last(t.Context(), lane)
	if err != nil {
		t.Fatalf("Last(%s): %v", lane, err)
	}
	return r, rev
}

// scan gives all that Scan yields after from.
func scan(t *testing.T, l ledger.Reader, lane string, from ledger.Rev) (all []ledger.Record) {
	t.Helper()
	err := l.Scan(t.Context(), lane, from, func(rev ledger.Rev, r ledger.Record) error {
		if rev != ledger.Rev(r.N) {
			t.Errorf("Scan(%s) yields rev %d with record %d", lane, rev, r.N)
		}
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatalf("Scan(%s, %d): %v", lane, from, err)
	}
	return all
}

// plain leaves the checkpoints away.
func plain(records []ledger.Record) (out []ledger.Record) {
	for _, r := range records {
		if r.Kind != ledger.KindCheckpoint {
			out = append(out, r)
		}
	}
	return out
}

// audit is ledger.Audit, which must find nothing.
func audit(t *testing.T, l ledger.Reader, lane string) ledger.Account {
	t.Helper()
	account, err := ledger.Audit(context.WithoutCancel(t.Context()), l, lane)
	if err != nil {
		t.Fatal(err)
	}
	return account
}
