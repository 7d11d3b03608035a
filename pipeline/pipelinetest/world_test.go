package pipelinetest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
)

// seeds is how many random worlds a test tries: few in the ordinary run, many in `make soak`.
func seeds() uint64 {
	if os.Getenv("SLUICE_SOAK") != "" {
		return 1500
	}
	return fewSeeds
}

// finish lives until all is routed and drained without a fault, and reports what is wrong then.
func (w *World) finish() []string {
	for _, r := range w.Routes {
		r.Off = false
	}
	life := w.Live(NewGate(0, false))
	life.Await(w.Patience)
	var wrong []string
	for _, s := range life.Router.Status() {
		if s.State != pipeline.Running {
			wrong = append(wrong, fmt.Sprintf("%s/%s is %s: %s", s.Route, s.Stream, s.State, s.Message))
		}
	}
	life.Drain()
	led, err := w.OpenLedger()
	if err != nil {
		w.T.Fatal(err)
	}
	defer led.Close()
	wrong = append(wrong, w.Violations(led)...)
	for _, name := range append(w.names(), pipeline.Unreadable) {
		r, _, err := led.Last(context.Background(), pipeline.LaneName(name, w.Stream.Name()))
		info, _ := w.Stream.Info(context.Background())
		if err != nil || r.Committed != info.Last || len(r.Open) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: ends at %d of %d, %d open (%v)", name, r.Committed, info.Last, len(r.Open), err))
		}
	}
	return wrong
}

func check(t *testing.T, seed uint64, wrong []string) {
	t.Helper()
	if len(wrong) > 0 {
		t.Fatalf("seed %d: %d violations:\n%s", seed, len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
	}
}

func TestNoFaults(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			w.Publish(60)
			check(t, seed, w.finish())
			w.Publish(60)
			check(t, seed, w.finish())
		})
	}
}

// TestCrashAtEveryStep crashes at the i-th durable operation for every i until none is left, before it and after it took effect.
func TestCrashAtEveryStep(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, seed := range []uint64{1, 2, 3} {
			for i, crashed := 1, true; crashed; i += crashStep {
				synctest.Test(t, func(t *testing.T) {
					w := NewWorld(t, seed, NewMemoryPlaces())
					w.Publish(25)
					crashed = w.oneLife(NewGate(i, after))
					w.Publish(5)
					check(t, seed, w.finish())
				})
			}
		}
	}
}

// oneLife lives until the gate crashes it or all is done.
func (w *World) oneLife(gate *Gate) (crashed bool) {
	life := w.Live(gate)
	return life.Await(w.Patience) || life.Drain()
}

// TestFileCrashes is the same over the file ledger and file sinks.
func TestFileCrashes(t *testing.T) {
	for i, crashed := 1, true; crashed; i += crashStep {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, 4, FilePlaces{dir})
			w.OpenLedger = func() (ledger.Ledger, error) { return file.Open(dir+"/ledger", quiet) }
			w.Publish(8)
			crashed = w.oneLife(NewGate(i, i%2 == 0))
			check(t, 4, w.finish())
		})
	}
}

// TestRandomLives crashes at random places, loses replies, refuses operations, changes rules and deletes messages.
func TestRandomLives(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			w.randomLives(6)
			check(t, seed, w.finish())
		})
	}
}

func (w *World) randomLives(n int) {
	for range n {
		w.Publish(1 + w.Rand.IntN(40))
		gate := NewGate(1+w.Rand.IntN(30), w.Rand.IntN(2) == 0)
		faults := w.faults(gate)
		gate.Fault = faults
		w.oneLife(gate)
		w.ChangeRules()
		w.ChangePolicies()
	}
}

// faults loses one reply in ten and refuses one operation in ten, at random by the seed.
func (w *World) faults(gate *Gate) func(string) (lose, fail bool) {
	dice := newDice(w.Rand.Uint64())
	return func(string) (bool, bool) {
		switch dice(10) {
		case 0:
			return true, false
		case 1:
			return false, true
		}
		return false, false
	}
}

// TestTwoWriters lets two routers live over one ledger at once, both with faults and crashes.
func TestTwoWriters(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			w.twoWriters(4)
			check(t, seed, w.finish())
		})
	}
}

func (w *World) twoWriters(n int) {
	for range n {
		w.Publish(10 + w.Rand.IntN(40))
		a := w.Live(NewGate(5+w.Rand.IntN(60), w.Rand.IntN(2) == 0))
		b := w.Live(NewGate(5+w.Rand.IntN(60), w.Rand.IntN(2) == 0))
		for _, life := range []*Life{a, b} {
			if !life.Await(w.Patience) {
				life.Drain()
			}
		}
	}
}

// TestTrimmed lets retention overtake stalled lanes: what is gone is recorded as lost, once, and nothing else is missing.
func TestTrimmed(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			w.Publish(30)
			check(t, seed, w.finish())
			w.Publish(40)
			w.oneLife(NewGate(1+w.Rand.IntN(30), w.Rand.IntN(2) == 0)) // plans are open
			w.Delete(35)
			w.Trim(31 + uint64(w.Rand.IntN(30)))
			check(t, seed, w.finish())
		})
	}
}
