package pipelinetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// backfilled is a world with one route whose rule was narrow, then another, and then wide: everything before stands in its place.
func backfilled(t *testing.T, seed uint64) *World {
	w := NewWorld(t, seed, NewMemoryPlaces())
	w.Routes = w.Routes[:1]
	for _, rule := range []int{1, 2, 0} {
		w.Routes[0].Rule = rule
		w.Publish(40)
		w.oneLife(NewGate(0, false))
	}
	return w
}

// backfill runs the route's backfill in a life of its own behind a gate, and tells whether the life ended before it was done.
func (w *World) backfill(gate *Gate, span pipeline.BackfillRange) (crashed bool) {
	w.T.Helper()
	life := w.Live(gate)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	err := life.Router.Backfill(ctx, w.Routes[0].Name, span, func(pipeline.SideStatus) {})
	if life.Drain() {
		return true
	}
	if err != nil {
		w.T.Errorf("seed %d: backfill: %v", w.Seed, err)
	}
	return false
}

// onceEach says what is wrong with the places of the first route when they should hold exactly the entries that keeps chooses.
func (w *World) onceEach(t *testing.T, keeps func(s sent) bool) {
	t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for _, s := range w.sent {
		if s.n >= 0 && keeps(s) {
			want[s.line]++
		}
	}
	for _, lines := range w.Places.Contents(t, w.Routes[0].Name, false) {
		for _, line := range lines {
			got[line]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seed %d: delivered (-want +got):\n%s", w.Seed, diff)
	}
}

// TestBackfillCrashes crashes a backfill at every step, before and after it took effect, goes on, and runs it again: live and
// backfill together are exact, without overlap.
func TestBackfillCrashes(t *testing.T) {
	for _, after := range []bool{false, true} {
		for i, crashed := 1, true; crashed; i += crashStep {
			synctest.Test(t, func(t *testing.T) {
				w := backfilled(t, uint64(i%7))
				crashed = w.backfill(NewGate(i, after), pipeline.BackfillRange{})
				w.backfill(NewGate(0, false), pipeline.BackfillRange{})
				w.backfill(NewGate(0, false), pipeline.BackfillRange{}) // nothing is left
				w.onceEach(t, func(sent) bool { return true })
				w.balanced(t)
			})
			if t.Failed() {
				t.Fatalf("crashed at step %d (after it: %v)", i, after)
			}
		}
	}
}

// balanced audits every lane.
func (w *World) balanced(t *testing.T) {
	t.Helper()
	b, err := ledger.TakeBalance(context.Background(), w.memory)
	if err != nil || !b.Balanced() {
		t.Errorf("seed %d: not balanced: %v %+v", w.Seed, err, b)
	}
}

// TestBackfillRange delivers no more than its range, under the settings of when it began, at the rate asked for; a narrower
// backfill before it is not delivered again.
func TestBackfillRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes = w.Routes[:1]
		w.Routes[0].Rule, w.Routes[0].Batch.Entries, w.Routes[0].Batch.Bytes = 4, 10, 1<<20 // keeps nothing
		var since, until time.Time
		for n := range 300 {
			if n == 100 {
				since = time.Now()
			}
			if n == 200 {
				until = time.Now()
			}
			w.put(n % 10)
		}
		w.oneLife(NewGate(0, false))
		w.Routes[0].Rule = 1 // n >= 5
		span := pipeline.BackfillRange{Since: since, Until: until, Rate: 500}
		began := time.Now()
		w.backfill(NewGate(0, false), span)
		if took := time.Since(began); took < 5*time.Second { // 50 entries of about 70 bytes
			t.Errorf("at 500 bytes a second it took %v", took)
		}
		inRange := func(s sent) bool { return s.seq >= 100 && s.seq < 200 } // the clock stands still between an entry and the next
		w.onceEach(t, func(s sent) bool { return inRange(s) && s.n >= 5 })
		w.Routes[0].Rule = 0
		w.backfill(NewGate(0, false), pipeline.BackfillRange{})
		w.onceEach(t, func(sent) bool { return true })
		w.balanced(t)
	})
}

// TestBackfillRefusals: what the destination refuses of a backfill is a dead letter, and the next backfill tries it again; what it
// refused of the route's own lane is a replay's.
func TestBackfillRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPickyPlaces()
		w := NewWorld(t, 1, p)
		w.Routes = w.Routes[:1]
		for _, rule := range []int{0, 4, 0} { // everything, then nothing; the last for the backfill
			w.Routes[0].Rule = rule
			for range 10 {
				w.put(7)
			}
			w.oneLife(NewGate(0, false))
		}
		w.backfill(NewGate(0, false), pipeline.BackfillRange{})
		if b := w.balance(t); b.DeadLetters != 6 || b.Backfilled != 10 || b.Delivered != 24 || !b.Balanced {
			t.Errorf("with the refusals: %+v", b)
		}
		p.mended.Store(true)
		w.backfill(NewGate(0, false), pipeline.BackfillRange{})
		if _, err := w.replay(t); err != nil {
			t.Error(err)
		}
		w.onceEach(t, func(sent) bool { return true })
		w.balanced(t)
	})
}

// TestBackfillRefused tells of routes that cannot be backfilled.
func TestBackfillRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := backfilled(t, 1)
		life := w.Live(NewGate(0, false))
		for _, name := range []string{"nobody", pipeline.Unreadable} {
			if err := life.Router.Backfill(t.Context(), name, pipeline.BackfillRange{}, nil); err == nil {
				t.Errorf("a backfill of %s was begun", name)
			}
		}
		life.Drain()
		lanes, err := w.memory.Lanes(t.Context())
		if err != nil || slices.ContainsFunc(lanes, func(l string) bool { _, _, side := ledger.SplitLane(l); return side != "" }) {
			t.Error(fmt.Sprint("lanes: ", lanes, err))
		}
	})
}
