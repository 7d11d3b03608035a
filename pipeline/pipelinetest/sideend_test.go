package pipelinetest

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// haltedReplay is a world whose first replay can read its dead letters nowhere.
func haltedReplay(t *testing.T) (*World, pickyPlaces) {
	w, p := pickyWorld(t)
	p.lost.Store(true)
	w.Trim(41)
	if s, err := w.replay(t); err == nil || s.State != pipeline.Halted {
		t.Fatalf("%+v, %v", s, err)
	}
	return w, p
}

// refuseOne has one more entry refused in a life of its own.
func (w *World) refuseOne() {
	line := fmt.Sprintf(`{"logName":"projects/p0/logs/app","insertId":"e5","jsonPayload":{"n":7,"more":%d}}`, len(w.sent))
	w.sent = append(w.sent, sent{line: line, n: 7, seq: w.Stream.Append([]byte(line))})
	w.oneLife(NewGate(0, false))
}

// TestReplayGoesOnBehindAnOlderOne: what died after a replay was begun that is finished first is replayed by the same call.
func TestReplayGoesOnBehindAnOlderOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := haltedReplay(t)
		w.refuseOne()
		p.lost.Store(false)
		p.mended.Store(true)
		if s, err := w.replay(t); err != nil || s.Lane != "r0/LOGS/r2" || s.Delivered != 1 {
			t.Errorf("%+v, %v", s, err)
		}
		if b := w.balance(t); b.DeadLetters != 0 || b.Replayed != 8 || !b.Balanced {
			t.Errorf("%+v", b)
		}
	})
}

// TestReplayAbandoned: a replay that nothing can finish is closed when a person abandons it; what it has not delivered stays dead, and
// the next one delivers what died since.
func TestReplayAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := haltedReplay(t)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		if err := life.Router.Abandon("r0", "the bucket is gone"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		life.Drain()
		r := w.lastOf(t, "r0/LOGS/r1")
		if r.Kind != ledger.KindClosed || r.Abandon == nil || r.Abandon.First != 1 || r.Abandon.Last != 7 || r.Abandon.Reason != "the bucket is gone" {
			t.Fatalf("%+v", r)
		}
		p.lost.Store(false)
		w.refuseOne()
		p.mended.Store(true)
		if s, err := w.replay(t); err != nil || s.Lane != "r0/LOGS/r2" || s.Delivered != 1 {
			t.Errorf("%+v, %v", s, err)
		}
		if b := w.balance(t); b.DeadLetters != 7 || b.Replayed != 1 || !b.Balanced {
			t.Errorf("%+v", b)
		}
	})
}

// TestReplayResumed: resume sets a halted replay going, beside a route that runs.
func TestReplayResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := haltedReplay(t)
		p.mended.Store(true)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		p.lost.Store(false)
		life.act(t, "r0", pipeline.ActResume)
		time.Sleep(time.Minute)
		if err := life.Router.Act(context.Background(), "r0", act(pipeline.ActResume)); err == nil {
			t.Error("nothing stands still, and was resumed")
		}
		life.Drain()
		if b := w.balance(t); b.DeadLetters != 0 || b.Replayed != 7 {
			t.Errorf("%+v", b)
		}
	})
}

// TestBackfillOfAStreamThatIsGone is closed, and another goes on in the stream that there is now.
func TestBackfillOfAStreamThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := widened(t, newCountingPlaces())
		life := w.Live(NewGate(0, false))
		done := life.begin(pipeline.BackfillRange{})
		time.Sleep(2500 * time.Millisecond)
		life.Drain()
		<-done
		w.Recreate()
		w.Routes[0].Rule = 4
		first := len(w.sent)
		for range 20 {
			w.put(7)
		}
		w.oneLife(NewGate(0, false))
		w.Routes[0].Rule = 0
		w.backfill(NewGate(0, false), pipeline.BackfillRange{})
		if r := w.lastOf(t, "r0/LOGS/b1"); r.Kind != ledger.KindClosed || r.Abandon == nil || r.Abandon.Last != 100 {
			t.Errorf("%+v", r)
		}
		got := map[string]int{}
		for _, lines := range w.Places.Contents(t, "r0", false) {
			for _, line := range lines {
				got[line]++
			}
		}
		for i, s := range w.sent {
			if n := got[s.line]; n > 1 || i >= first && n != 1 {
				t.Errorf("%s was delivered %d times", s.line, n)
			}
		}
		w.balanced(t)
	})
}

// TestBackfillOfARouteThatComesBack goes on when its route is enabled again in the configuration.
func TestBackfillOfARouteThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := widened(t, newCountingPlaces())
		life := w.Live(NewGate(0, false))
		done := life.begin(pipeline.BackfillRange{})
		time.Sleep(2500 * time.Millisecond)
		for _, disabled := range []bool{true, false} {
			routes := w.pipelineRoutes()
			for i := range routes {
				routes[i].Disabled = disabled && routes[i].Name == "r0"
			}
			if err := life.Router.Reload(context.Background(), routes); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		<-done
		life.Drain()
		if r := w.lastOf(t, "r0/LOGS/b1"); r.Kind != ledger.KindClosed || r.Committed != 100 {
			t.Errorf("%s at %d", r.Kind, r.Committed)
		}
		w.onceEach(t, func(sent) bool { return true })
	})
}
