package pipelinetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// TestReloads changes rules, adds and removes routes while entries flow, with crashes: each entry is decided by exactly one
// recorded revision.
func TestReloads(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			for range 3 {
				w.reloads(NewGate(20+w.Rand.IntN(200), w.Rand.IntN(2) == 0))
			}
			check(t, seed, w.finish())
		})
	}
}

// reloads lives with up to 10 reloads, or to a crash.
func (w *World) reloads(gate *Gate) {
	life := w.Live(gate)
	select {
	case <-life.Router.Ready():
	case <-gate.dead:
	}
	for range 10 {
		w.Publish(1 + w.Rand.IntN(10))
		w.ChangeRules()
		w.ChangePolicies()
		for _, r := range w.Routes[1:] { // the first stays, so that something always runs
			r.Off = w.Rand.IntN(4) == 0
		}
		select {
		case <-gate.dead:
		default:
			// An error leaves the old routes in force, here or there: the model reads what was recorded.
			_ = life.Router.Reload(context.Background(), w.pipelineRoutes())
			time.Sleep(time.Duration(w.Rand.IntN(300)) * time.Millisecond)
		}
	}
	if !life.Await(w.Patience) {
		life.Drain()
	}
}

// TestStreamsThatLie re-creates the stream, and lets it step back, between lives and under running ones: nothing that the stream
// still holds is missing, and nothing is there twice.
func TestStreamsThatLie(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			for range 4 {
				w.Publish(10 + w.Rand.IntN(30))
				life := w.Live(NewGate(10+w.Rand.IntN(60), w.Rand.IntN(2) == 0))
				if w.Rand.IntN(2) == 0 { // under the running router
					time.Sleep(time.Duration(w.Rand.IntN(2000)) * time.Millisecond)
					w.lie()
					w.Publish(5 + w.Rand.IntN(10))
				}
				if !life.Await(w.Patience) {
					life.Drain()
				}
				if w.Rand.IntN(3) == 0 {
					w.lie()
				}
			}
			w.Publish(10)
			check(t, seed, w.finish())
		})
	}
}

// TestLedgerStepsBack restores older copies of the ledger: what the destinations already hold is adopted, nothing is doubled.
func TestLedgerStepsBack(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			older := w.memory.Copy()
			for i := range 6 {
				w.Publish(5 + w.Rand.IntN(30))
				w.oneLife(NewGate(10+w.Rand.IntN(80), w.Rand.IntN(2) == 0))
				if i > 0 && w.Rand.IntN(2) == 0 {
					w.memory.Restore(older)
				}
				if w.Rand.IntN(2) == 0 {
					older = w.memory.Copy()
				}
			}
			for range 6 { // a plan adopted in a drain leaves the rest to the next life
				w.oneLife(NewGate(0, false))
			}
			check(t, seed, w.finish())
		})
	}
}

// TestManyAdoptions restores a ledger that knows nothing of sixty delivered plans: they are taken over one after another, without
// the pauses of a destination in trouble.
func TestManyAdoptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes = w.Routes[:1]
		w.Routes[0].Rule, w.Routes[0].Batch.Entries = 0, 1
		older := w.memory.Copy()
		for range 60 {
			w.put(1)
			w.oneLife(NewGate(0, false))
		}
		w.memory.Restore(older)
		began := time.Now()
		w.oneLife(NewGate(0, false))
		if took := time.Since(began); took > 2*time.Second { // of the world's clock
			t.Errorf("taking over sixty plans took %v", took)
		}
		check(t, 1, w.finish())
	})
}

func (w *World) lie() {
	info, err := w.Stream.Info(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	if w.Rand.IntN(2) == 0 {
		w.Recreate()
	} else {
		w.StepBack(info.Last - uint64(w.Rand.IntN(int(info.Last/2)+1)))
	}
}

// TestNewDestinationWithAnOpenPlan corrects a mistyped destination while a plan is open there: after a minute the plan is given
// up, delivery goes on at the new place from the plan's first entry, and the others never notice.
func TestNewDestinationWithAnOpenPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes[0].Rule, w.Routes[0].Place = 0, "mistyped"
		w.Block("mistyped", true)
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Paused {
			t.Fatalf("r0 is %s: %s", s.State, s.Message)
		}
		if s := stateOf(life, "r1"); s.State != pipeline.Running || s.Lag != 0 {
			t.Fatalf("r1 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		w.Routes[0].Place = "right"
		if err := life.Router.Reload(context.Background(), w.pipelineRoutes()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Running || s.Lag != 0 {
			t.Fatalf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
		check(t, 1, w.finish())
		w.hasKind(t, "r0", ledger.KindAbandon)
	})
}

// TestOtherBatchesAreNoOtherDestination changes only batch limits while the destination refuses: the plan stays, however long.
func TestOtherBatchesAreNoOtherDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 5, NewMemoryPlaces())
		w.Routes[0].Rule, w.Routes[0].Place = 0, "locked"
		w.Block("locked", true)
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		time.Sleep(time.Minute)
		w.Routes[0].Batch.Entries++
		if err := life.Router.Reload(context.Background(), w.pipelineRoutes()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		w.Block("locked", false)
		time.Sleep(time.Minute)
		life.Drain()
		check(t, 5, w.finish())
		w.hasNoKind(t, "r0", ledger.KindAbandon)
	})
}

// TestAbandonByHand gives an open plan up at once.
func TestAbandonByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 2, NewMemoryPlaces())
		w.Routes[0].Rule, w.Routes[0].Place = 0, "gone"
		w.Block("gone", true)
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		time.Sleep(time.Minute)
		if err := life.Router.Abandon("r1", ""); err == nil {
			t.Fatal("abandoned the plan of a route that delivers")
		}
		w.Routes[0].Place = "new"
		if err := life.Router.Reload(context.Background(), w.pipelineRoutes()); err != nil {
			t.Fatal(err)
		}
		if err := life.Router.Abandon("r0", "the bucket is deleted"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		if s := stateOf(life, "r0"); s.State != pipeline.Running || s.Lag != 0 {
			t.Fatalf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
		check(t, 2, w.finish())
		w.hasKind(t, "r0", ledger.KindAbandon)
	})
}

// TestGranted resumes a route by itself when its destination answers again.
func TestGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 3, NewMemoryPlaces())
		w.Routes[0].Rule, w.Routes[0].Place = 0, "locked"
		w.Block("locked", true)
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		time.Sleep(10 * time.Minute)
		w.Block("locked", false)
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Running || s.Lag != 0 {
			t.Fatalf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
		check(t, 3, w.finish())
	})
}

func stateOf(life *Life, route string) pipeline.LaneStatus {
	for _, s := range life.Router.Status() {
		if s.Route == route {
			return s
		}
	}
	return pipeline.LaneStatus{}
}

func (w *World) hasKind(t *testing.T, route string, kind ledger.Kind) {
	t.Helper()
	if !w.records(t, route, kind) {
		t.Fatalf("no record of kind %s on route %s", kind, route)
	}
}

func (w *World) hasNoKind(t *testing.T, route string, kind ledger.Kind) {
	t.Helper()
	if w.records(t, route, kind) {
		t.Fatalf("a record of kind %s on route %s", kind, route)
	}
}

func (w *World) records(t *testing.T, route string, kind ledger.Kind) (found bool) {
	t.Helper()
	err := w.memory.Scan(context.Background(), pipeline.LaneName(route, w.Stream.Name()), 0, func(_ ledger.Rev, r ledger.Record) error {
		found = found || r.Kind == kind
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
