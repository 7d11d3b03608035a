package memory

import (
	"errors"
	"slices"
	"testing"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/ledgertest"
)

func TestConformance(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) (ledger.Ledger, func() ledger.Ledger) {
		l := New()
		return l, func() ledger.Ledger {
			l = l.Copy()
			return l
		}
	})
}

func TestFaults(t *testing.T) {
	crash := errors.New("crash")
	tests := []struct {
		name    string
		before  bool
		want    error
		stored  ledger.Rev
		unknown bool
	}{
		{"before: nothing is stored", true, crash, 1, false},
		{"after: it is stored, and the outcome unknown", false, crash, 2, true},
	}
	for _, test := range tests {
		l := New()
		fault := func(_ string, r ledger.Record) error {
			if r.N < 2 {
				return nil
			}
			if _, _, err := l.Last(t.Context(), r.Lane); err != nil { // a hook may call the ledger
				t.Error(err)
			}
			return crash
		}
		if test.before {
			l.Faults.Before = fault
		} else {
			l.Faults.After = fault
		}
		_, err := ledgertest.NewWriter(l, "a/LOGS").Fill(t.Context(), 2)
		if !errors.Is(err, crash) || errors.Is(err, ledger.ErrUnknown) != test.unknown {
			t.Errorf("%s: Append gives %v", test.name, err)
		}
		if _, rev, err := l.Last(t.Context(), "a/LOGS"); err != nil || rev != test.stored {
			t.Errorf("%s: the lane stands at %d, %v, want %d", test.name, rev, err, test.stored)
		}
	}
}

// A ledger that is set back to an older copy has forgotten what came after, and goes on apart from what it was.
func TestRestore(t *testing.T) {
	l := New()
	w := ledgertest.NewWriter(l, "a/LOGS")
	fill := func(w *ledgertest.Writer, n int) {
		if _, err := w.Fill(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	fill(w, 3)
	old := l.Copy()
	fill(w, 1) // as many as fit behind the third without a new array
	newer := l.Copy()
	l.Restore(old)
	if _, err := w.Append(t.Context(), w.Next()); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("a writer of the lost records gets %v, want ErrFenced", err)
	}
	other := ledgertest.NewWriter(l, "a/LOGS")
	other.Name = "other"
	if err := other.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(other, 1)
	if _, err := w.Append(t.Context(), w.Next()); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("after as many other records a writer of the lost ones gets %v, want ErrFenced", err)
	}
	for _, test := range []struct {
		l    *Ledger
		want []string
	}{{l, []string{"w-1", "w-2", "w-3", "other-4"}}, {old, []string{"w-1", "w-2", "w-3"}}, {newer, []string{"w-1", "w-2", "w-3", "w-4"}}} {
		var nonces []string
		err := test.l.Scan(t.Context(), "a/LOGS", 0, func(_ ledger.Rev, r ledger.Record) error {
			nonces = append(nonces, r.Nonce)
			return nil
		})
		if err != nil || !slices.Equal(nonces, test.want) {
			t.Errorf("the chain is %q, %v, want %q", nonces, err, test.want)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	w := ledgertest.NewWriter(New(), "a/LOGS")
	for b.Loop() {
		if _, err := w.Append(b.Context(), w.Next()); err != nil {
			b.Fatal(err)
		}
	}
}
