package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

const lane = "audit/LOGS"

func testEmpty(t *testing.T, open Open) {
	l, _ := open(t)
	if r, rev := last(t, l, lane); rev != 0 || !cmp.Equal(r, ledger.Record{}) {
		t.Errorf("Last of an empty lane is %+v at %d", r, rev)
	}
	if all := scan(t, l, lane, 0); len(all) > 0 {
		t.Errorf("Scan of an empty lane yields %+v", all)
	}
	if lanes, err := l.Lanes(t.Context()); err != nil || len(lanes) > 0 {
		t.Errorf("lanes of an empty ledger: %q, %v", lanes, err)
	}
}

// Whatever a record holds comes back such that its canonical JSON, and so its hash, is the same.
func testRoundTrip(t *testing.T, open Open) {
	l, reopen := open(t)
	w := NewWriter(l, lane)
	want := mustFill(t, w, 12)
	for round := range 2 {
		got := plain(scan(t, l, lane, 0))
		if diff := cmp.Diff(encode(t, want), encode(t, got)); diff != "" {
			t.Errorf("round %d: Scan (-want +got):\n%s", round, diff)
		}
		r, rev := last(t, l, lane)
		if diff := cmp.Diff(encode(t, want[11:]), encode(t, []ledger.Record{r})); diff != "" || rev != 12 {
			t.Errorf("round %d: Last, rev %d (-want +got):\n%s", round, rev, diff)
		}
		l = reopen()
	}
}

// What the caller does with a record afterwards does not reach the ledger, and what units point at is not kept.
func testCallersMemory(t *testing.T, open Open) {
	l, _ := open(t)
	w := NewWriter(l, lane)
	mustFill(t, w, 1)
	r := w.Link(w.Next())
	r.Open[0].Units[0].Refs = []driver.Ref{{Seq: 1, Raw: []byte("{}")}}
	if _, err := l.Append(t.Context(), lane, r, 1); err != nil {
		t.Fatal(err)
	}
	r.Open[0].Units[0].Name = "changed"
	r.Open[0].Counts.Excluded["thin"] = 99
	got, _ := last(t, l, lane)
	want := MakePlan(1)
	if u := got.Open[0].Units[0]; u.Name != want.Units[0].Name || u.Refs != nil || got.Open[0].Counts.Excluded["thin"] != 1 {
		t.Errorf("the ledger shares memory with its caller: %+v", got.Open[0])
	}
	got.Open[0].Units[0].Name = "changed"
	if again, _ := last(t, l, lane); again.Open[0].Units[0].Name != want.Units[0].Name {
		t.Error("two callers of Last share memory")
	}
}

func testCompareAndSet(t *testing.T, open Open) {
	l, _ := open(t)
	w := NewWriter(l, lane)
	records := mustFill(t, w, 5)
	link := func(prev ledger.Rev, hash string) ledger.Record {
		r := w.Link(ledger.Record{Kind: ledger.KindAct, Committed: 1})
		r.N, r.Prev = uint64(prev)+1, hash
		return r
	}
	hash := func(r ledger.Record) string {
		h, err := r.Hash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	tests := []struct {
		name string
		prev ledger.Rev
		hash string
	}{
		{"at the beginning", 0, ""},
		{"after an old record", 4, hash(records[3])},
		{"after a record that is not there", 6, hash(records[4])},
		{"after another record with the same rev", 5, ledger.HashOf([]byte("another"))},
	}
	for _, test := range tests {
		if _, err := l.Append(t.Context(), lane, link(test.prev, test.hash), test.prev); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("%s: Append gives %v, want ErrFenced", test.name, err)
		}
	}
	if _, err := l.Append(t.Context(), "empty/LOGS", relane(link(3, hash(records[2])), "empty/LOGS"), 3); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("on an empty lane: Append gives %v, want ErrFenced", err)
	}
	if got := plain(scan(t, l, lane, 0)); len(got) != 5 {
		t.Errorf("a fenced append left %d records, want 5", len(got))
	}
	mustFill(t, w, 1)
	audit(t, l, lane)
}

func testMistakes(t *testing.T, open Open) {
	l, _ := open(t)
	w := NewWriter(l, lane)
	mustFill(t, w, 2)
	tests := map[string]func(r *ledger.Record){
		"another lane":  func(r *ledger.Record) { r.Lane = "other/LOGS" },
		"no version":    func(r *ledger.Record) { r.V = 0 },
		"another N":     func(r *ledger.Record) { r.N++ },
		"no prev":       func(r *ledger.Record) { r.Prev = "" },
		"no kind":       func(r *ledger.Record) { r.Kind = "" },
		"a checkpoint":  func(r *ledger.Record) { r.Kind = ledger.KindCheckpoint },
		"a broken JSON": func(r *ledger.Record) { r.State = driver.State(`{`) },
	}
	for name, change := range tests {
		r := w.Link(w.Next())
		change(&r)
		_, err := l.Append(t.Context(), lane, r, 2)
		if err == nil || errors.Is(err, ledger.ErrFenced) || errors.Is(err, ledger.ErrUnknown) || errors.Is(err, ledger.ErrBroken) {
			t.Errorf("%s: Append gives %v, want an error of its own", name, err)
		}
	}
	if _, err := l.Append(t.Context(), "", relane(w.Link(w.Next()), ""), 2); err == nil {
		t.Error("a lane without a name is accepted")
	}
	if got := plain(scan(t, l, lane, 0)); len(got) != 2 {
		t.Errorf("a refused append left %d records, want 2", len(got))
	}
	mustFill(t, w, 1)
}

func testCanceled(t *testing.T, open Open) {
	l, _ := open(t)
	w := NewWriter(l, lane)
	mustFill(t, w, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Append(ctx, w.Next()); !errors.Is(err, context.Canceled) {
		t.Errorf("Append gives %v, want context.Canceled", err)
	}
	if _, rev := last(t, l, lane); rev != 2 {
		t.Errorf("a canceled append left the lane at %d, want 2", rev)
	}
	mustFill(t, w, 1)
}

// Whoever does not know whether an append took effect reads the lane, finds its nonce, and goes on from there.
func testLostReply(t *testing.T, open Open) {
	l, _ := open(t)
	w := NewWriter(l, lane)
	mustFill(t, w, 3)
	sent := w.Link(w.Next())
	if _, err := l.Append(t.Context(), lane, sent, 3); err != nil {
		t.Fatal(err)
	} // and the reply is lost: w knows nothing of it
	if _, err := l.Append(t.Context(), lane, sent, 3); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the same append again gives %v, want ErrFenced", err)
	}
	got, rev := last(t, l, lane)
	if got.Nonce != sent.Nonce || rev != 4 {
		t.Errorf("Last is %q at %d, want %q at 4", got.Nonce, rev, sent.Nonce)
	}
	if err := w.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustFill(t, w, 2)
	audit(t, l, lane)
}

func testTwoWriters(t *testing.T, open Open) {
	l, _ := open(t)
	a, b := NewWriter(l, lane), NewWriter(l, lane)
	b.Name = "other"
	mustFill(t, a, 3)
	if err := b.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustFill(t, b, 1)
	if _, err := a.Append(t.Context(), a.Next()); !errors.Is(err, ledger.ErrFenced) {
		t.Fatalf("the slower writer gets %v, want ErrFenced", err)
	}
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustFill(t, a, 3)
	if _, err := b.Append(t.Context(), b.Next()); !errors.Is(err, ledger.ErrFenced) {
		t.Fatalf("the writer left behind gets %v, want ErrFenced", err)
	}
	if account := audit(t, l, lane); account.Rev != 7 {
		t.Errorf("the lane stands at %d, want 7", account.Rev)
	}
}

// Of all that race for a place one wins it, and every record that was acknowledged is there once.
func testManyWriters(t *testing.T, open Open) {
	const writers, each = 4, 12
	l, _ := open(t)
	acked := make([][]string, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			w := NewWriter(l, lane)
			w.Name = fmt.Sprint("w", i)
			for len(acked[i]) < each {
				r, err := w.Append(t.Context(), w.Next())
				if errors.Is(err, ledger.ErrFenced) {
					err = w.Reload(t.Context())
				} else if err == nil {
					acked[i] = append(acked[i], r.Nonce)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	want := map[string]int{}
	for _, nonces := range acked {
		for _, nonce := range nonces {
			want[nonce]++
		}
	}
	got := map[string]int{}
	for _, r := range plain(scan(t, l, lane, 0)) {
		got[r.Nonce]++
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != writers*each {
		t.Errorf("%d records, want %d (-acknowledged +stored):\n%s", len(got), writers*each, diff)
	}
	audit(t, l, lane)
}

func mustFill(t *testing.T, w *Writer, n int) []ledger.Record {
	t.Helper()
	records, err := w.Fill(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func relane(r ledger.Record, lane string) ledger.Record {
	r.Lane = lane
	return r
}

func encode(t *testing.T, records []ledger.Record) (lines []string) {
	t.Helper()
	for _, r := range records {
		b, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	return lines
}
