package pipelinetest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

func act(what string) ledger.Act {
	return ledger.Act{Who: "ana@host", What: what, Why: "the bucket moves"}
}

func (l *Life) act(t *testing.T, route, what string) {
	t.Helper()
	if err := l.Router.Act(context.Background(), route, act(what)); err != nil {
		t.Fatalf("%s %s: %v", what, route, err)
	}
}

// TestPause: from the moment it is recorded a paused route reads and delivers nothing, also after a crash, until it is resumed;
// then nothing is missing. The others never notice.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes[0].Rule, w.Routes[1].Rule = 0, 0
		w.Publish(20)
		life := w.Live(NewGate(0, false))
		life.Await(w.Patience)
		time.Sleep(time.Minute)
		life.act(t, "r0", pipeline.ActPause)
		before := stateOf(life, "r0").Cursor
		for range 2 {
			w.Publish(20)
			life.Await(w.Patience)
			time.Sleep(time.Minute)
			s := stateOf(life, "r0")
			if s.State != pipeline.Paused || s.Cursor != before || !strings.HasPrefix(s.Message, "paused by ana@host since 2000-") ||
				!strings.HasSuffix(s.Message, ": the bucket moves") || s.Held == nil || s.Held.What != pipeline.ActPause {
				t.Fatalf("r0 is %s at %d (paused at %d): %s, held by %+v", s.State, s.Cursor, before, s.Message, s.Held)
			}
			if s := stateOf(life, "r1"); s.State != pipeline.Running || s.Cursor <= before {
				t.Fatalf("r1 is %s at %d", s.State, s.Cursor)
			}
			life.Crash()
			life = w.Live(NewGate(0, false))
			<-life.Router.Ready()
		}
		life.act(t, "r0", pipeline.ActResume)
		life.Drain()
		w.hasKind(t, "r0", ledger.KindAct)
		check(t, 1, w.finish())
	})
}

// TestOpenPlanOfAHeldRoute: a pause leaves the open plan as it is, however its destination answers; disable finishes it first.
func TestOpenPlanOfAHeldRoute(t *testing.T) {
	for what, state := range map[string]pipeline.State{pipeline.ActPause: pipeline.Paused, pipeline.ActDisable: pipeline.Disabled} {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, 1, NewMemoryPlaces())
			w.Routes[0].Rule, w.Routes[0].Place = 0, "old"
			w.Block("old", true)
			w.Publish(30)
			life := w.Live(NewGate(0, false))
			time.Sleep(20 * time.Second)
			life.act(t, "r0", what)
			w.Block("old", false)
			time.Sleep(time.Minute)
			last, _, err := w.memory.Last(context.Background(), "r0/LOGS")
			if err != nil || len(last.Open) > 0 != (what == pipeline.ActPause) || last.Held == nil {
				t.Errorf("%s: %d plans open, held by %v (%v)", what, len(last.Open), last.Held, err)
			}
			if s := stateOf(life, "r0"); s.State != state || s.Cursor >= 30 {
				t.Errorf("%s: r0 is %s at %d: %s", what, s.State, s.Cursor, s.Message)
			}
			undo := map[string]string{pipeline.ActPause: pipeline.ActResume, pipeline.ActDisable: pipeline.ActEnable}[what]
			life.act(t, "r0", undo)
			life.Await(w.Patience)
			life.Drain()
			check(t, 1, w.finish())
		})
	}
}

// TestResumeSetsAHaltedRouteGoing when what halted it is mended at the destination.
func TestResumeSetsAHaltedRouteGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mended atomic.Bool
		w := NewWorld(t, 1, oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", write: func(*driver.Unit) error {
			if mended.Load() {
				return nil
			}
			return &driver.Error{Code: driver.Rejected, Err: errors.New("413")}
		}})
		w.Routes[0].Rule = 0
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		mended.Store(true)
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Halted {
			t.Fatalf("r0 is %s: %s", s.State, s.Message)
		}
		life.act(t, "r0", pipeline.ActResume)
		life.Await(w.Patience)
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Running || s.Lag > 0 {
			t.Errorf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
		check(t, 1, w.finish())
	})
}

// TestActsThatDoNotFit change nothing, whether a router runs or not.
func TestActsThatDoNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Publish(5)
		ctx := context.Background()
		offline := func(what string) error { return pipeline.RecordAct(ctx, w.memory, "r0/LOGS", act(what)) }
		if err := offline(pipeline.ActPause); err == nil {
			t.Error("a lane that has not begun was paused")
		}
		life := w.Live(NewGate(0, false))
		life.Await(w.Patience)
		refuse := func(route, what, want string) {
			t.Helper()
			if err := life.Router.Act(ctx, route, act(what)); err == nil || err.Error() != want {
				t.Errorf("%s %s: %v, want %s", what, route, err, want)
			}
		}
		refuse("r9", pipeline.ActPause, `no route "r9"`)
		refuse("r0", pipeline.ActResume, "route r0: it is running: there is nothing to resume")
		refuse("r0", pipeline.ActEnable, "route r0: it is not disabled by hand")
		refuse("r0", "stop", `route r0: unknown act "stop"`)
		life.act(t, "r0", pipeline.ActDisable)
		refuse("r0", pipeline.ActPause, "route r0: it is disabled by hand: enable it")
		life.Drain()
		if err := life.Router.Act(ctx, "r0", act(pipeline.ActEnable)); err == nil {
			t.Error("a router that has ended took an act")
		}
		if err := offline(pipeline.ActResume); err == nil {
			t.Error("a disabled lane was resumed")
		}
		for _, what := range []string{pipeline.ActEnable, pipeline.ActPause, pipeline.ActResume} {
			if err := offline(what); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		check(t, 1, w.finish())
	})
}

// TestActsUnderFire acts on routes at random while entries flow, rules change and processes crash: what was acknowledged is in force
// afterwards, and in the end nothing is missing and nothing is there twice.
func TestActsUnderFire(t *testing.T) {
	whats := []string{pipeline.ActPause, pipeline.ActResume, pipeline.ActDisable, pipeline.ActEnable}
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			for range 3 {
				gate := NewGate(20+w.Rand.IntN(150), w.Rand.IntN(2) == 0)
				life := w.Live(gate)
				for range 8 {
					w.Publish(1 + w.Rand.IntN(10))
					route := w.Routes[w.Rand.IntN(len(w.Routes))].Name
					a := act(whats[w.Rand.IntN(len(whats))])
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					err := life.Router.Act(ctx, route, a)
					cancel()
					if errors.Is(err, context.DeadlineExceeded) {
						t.Fatalf("seed %d: %s %s: %v", seed, a.What, route, err)
					}
					if err == nil {
						w.isHeld(t, seed, route, a.What)
					}
					time.Sleep(time.Duration(w.Rand.IntN(3000)) * time.Millisecond)
				}
				if !life.Await(w.Patience) {
					life.Drain()
				}
			}
			for _, r := range w.Routes {
				lane := pipeline.LaneName(r.Name, "LOGS")
				if last, rev, _ := w.memory.Last(context.Background(), lane); rev > 0 && last.Held != nil {
					undo := map[string]string{pipeline.ActPause: pipeline.ActResume, pipeline.ActDisable: pipeline.ActEnable}[last.Held.What]
					if err := pipeline.RecordAct(context.Background(), w.memory, lane, act(undo)); err != nil {
						t.Fatal(err)
					}
				}
			}
			check(t, seed, w.finish())
		})
	}
}

// isHeld proves that the ledger has an act that was acknowledged.
func (w *World) isHeld(t *testing.T, seed uint64, route, what string) {
	t.Helper()
	last, _, err := w.memory.Last(context.Background(), pipeline.LaneName(route, "LOGS"))
	held := ""
	if last.Held != nil {
		held = last.Held.What
	}
	want := map[string]string{pipeline.ActPause: pipeline.ActPause, pipeline.ActDisable: pipeline.ActDisable}[what]
	if err != nil || held != want {
		t.Fatalf("seed %d: after %s route %s is held by %q (%v)", seed, what, route, held, err)
	}
}
