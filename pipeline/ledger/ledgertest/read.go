package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/ledger"
)

func testManyLanes(t *testing.T, open Open) {
	const lanes, each = 80, 5
	l, reopen := open(t)
	name := func(i int) string { return fmt.Sprintf("route-%02d/LOGS", i) }
	var group sync.WaitGroup
	for i := range lanes {
		group.Go(func() {
			if _, err := NewWriter(l, name(i)).Fill(context.WithoutCancel(t.Context()), each); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	l = reopen()
	got, err := l.Lanes(t.Context())
	if err != nil || len(got) != lanes {
		t.Fatalf("%d lanes, %v, want %d", len(got), err, lanes)
	}
	for i := range lanes {
		if account := audit(t, l, name(i)); account.Rev != each {
			t.Errorf("lane %s stands at %d, want %d", name(i), account.Rev, each)
		}
	}
}

// Lanes whose names look alike are apart.
func testLanes(t *testing.T, open Open) {
	names := []string{"a/LOGS", "a/LOGS/b1", "a/LOGS/b10", "a/logs", "a@LOGS", "a%2FLOGS", "a.b/LOGS", ".a/LOGS", "..", "a//LOGS", "_stream/LOGS", "ä b/LOGS", "a"}
	l, reopen := open(t)
	for i, name := range names {
		mustFill(t, NewWriter(l, name), i+1)
	}
	if _, _, err := l.Last(t.Context(), "nobody/LOGS"); err != nil {
		t.Error(err)
	}
	want := slices.Sorted(slices.Values(names))
	for range 2 {
		got, err := l.Lanes(t.Context())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Lanes: %v (-want +got):\n%s", err, diff)
		}
		for i, name := range names {
			if account := audit(t, l, name); account.Rev != ledger.Rev(i+1) {
				t.Errorf("lane %s stands at %d, want %d", name, account.Rev, i+1)
			}
		}
		l = reopen()
	}
}

func testScan(t *testing.T, open Open) {
	const n = 20
	l, _ := open(t)
	w := NewWriter(l, lane)
	for range n {
		mustFill(t, w, 1)
		w.At = w.At.Add(7 * time.Hour)
	}
	for from := ledger.Rev(0); from <= n+1; from++ {
		want := []uint64{}
		for i := uint64(from) + 1; i <= n; i++ {
			want = append(want, i)
		}
		got := []uint64{}
		for _, r := range scan(t, l, lane, from) {
			if r.N <= uint64(from) {
				t.Errorf("Scan after %d yields %s %d", from, r.Kind, r.N)
			}
			if r.Kind != ledger.KindCheckpoint {
				got = append(got, r.N)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Scan after %d (-want +got):\n%s", from, diff)
		}
	}
	stop := errors.New("stop")
	seen := 0
	err := l.Scan(t.Context(), lane, 0, func(ledger.Rev, ledger.Record) error {
		seen++
		return stop
	})
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("Scan goes on to %d records after yield's error, and gives %v", seen, err)
	}
}

// A scan sees what was there when it began, however long its reader takes and whatever it does.
func testScanAndAppend(t *testing.T, open Open) {
	l, _ := open(t)
	w := NewWriter(l, lane)
	mustFill(t, w, 3)
	seen := 0
	err := l.Scan(t.Context(), lane, 0, func(_ ledger.Rev, r ledger.Record) error {
		seen++
		w.At = w.At.Add(5 * time.Hour)
		_, err := w.Fill(t.Context(), 3)
		return err
	})
	if err != nil || seen != 3 {
		t.Errorf("Scan yields %d records, %v, want 3", seen, err)
	}
	if account := audit(t, l, lane); account.Rev != 12 {
		t.Errorf("the lane stands at %d, want 12", account.Rev)
	}
}

// Over days, and over restarts in between, the chain is one chain. Where an implementation writes checkpoints, each says what the
// records before it say (the audit compares).
func testDays(t *testing.T, open Open) {
	l, reopen := open(t)
	w := NewWriter(l, lane)
	steps := []struct {
		advance time.Duration
		reopen  bool
	}{{0, false}, {30 * time.Hour, false}, {time.Hour, true}, {24 * time.Hour, false}, {24 * time.Hour, true}, {-72 * time.Hour, false},
		{time.Minute, true}, {100 * time.Hour, true}}
	var want []ledger.Record
	for _, step := range steps {
		w.At = w.At.Add(step.advance)
		if step.reopen {
			l = reopen()
			w.Ledger = l
		}
		want = append(want, mustFill(t, w, 5)...)
	}
	if diff := cmp.Diff(encode(t, want), encode(t, plain(scan(t, l, lane, 0)))); diff != "" {
		t.Errorf("Scan (-want +got):\n%s", diff)
	}
	account := audit(t, l, lane)
	if account.Rev != 40 || account.Tally.Counts.Kept == 0 || account.Tally.Lost == 0 || account.Tally.Objects == 0 {
		t.Errorf("the account is %+v", account)
	}
}

func testReopen(t *testing.T, open Open) {
	l, reopen := open(t)
	w := NewWriter(l, lane)
	for i := range 9 {
		if _, rev := last(t, l, lane); rev != ledger.Rev(i) {
			t.Fatalf("after a reopen the lane stands at %d, want %d", rev, i)
		}
		mustFill(t, w, 1)
		l = reopen()
		w = NewWriter(l, lane)
		if err := w.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	audit(t, l, lane)
}

func testConfigs(t *testing.T, open Open) {
	l, reopen := open(t)
	b := []byte(`{"filter":"severity>=ERROR"}`)
	hash := ledger.ConfigHash(b)
	if _, err := l.Config(t.Context(), hash); !errors.Is(err, ledger.ErrNoConfig) {
		t.Errorf("Config before PutConfig gives %v, want ErrNoConfig", err)
	}
	for range 2 {
		if err := l.PutConfig(t.Context(), hash, b); err != nil {
			t.Fatal(err)
		}
	}
	want := string(b)
	b[2] = 'X'
	if err := l.PutConfig(t.Context(), hash, b); err == nil {
		t.Error("PutConfig takes a content with another hash")
	}
	for range 2 {
		got, err := l.Config(t.Context(), hash)
		if err != nil || string(got) != want {
			t.Errorf("Config gives %q, %v", got, err)
		}
		if err := l.PutConfig(t.Context(), hash, []byte(want)); err != nil {
			t.Error(err)
		}
		l = reopen()
	}
	for _, hash := range []string{"", "../lock", ledger.ConfigHash(nil)} {
		if _, err := l.Config(t.Context(), hash); !errors.Is(err, ledger.ErrNoConfig) {
			t.Errorf("Config(%q) gives %v, want ErrNoConfig", hash, err)
		}
	}
}
