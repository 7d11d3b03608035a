package pipelinetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/sinks/driver"
)

// TestStartAtATime: a route that starts at a time finds its first sequence, also when the end of the stream was deleted.
func TestStartAtATime(t *testing.T) {
	for name, deleted := range map[string]uint64{"whole": 0, "its end deleted": 12} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := NewWorld(t, 1, NewMemoryPlaces())
				w.Publish(30)
				at := time.Now().Add(time.Microsecond)
				w.Publish(10)
				for seq := 41 - deleted; seq <= 40; seq++ {
					w.Delete(seq)
				}
				life := w.Live(NewGate(0, false))
				<-life.Router.Ready()
				w.Routes = append(w.Routes, &Route{Name: "late", Batch: configs.Batch{Bytes: 1000, Entries: 10, Age: time.Second}})
				routes := w.pipelineRoutes()
				routes[len(routes)-1].Start = configs.Start{Time: at}
				if err := life.Router.Reload(context.Background(), routes); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Minute)
				if s := stateOf(life, "late"); s.State != pipeline.Running {
					t.Errorf("the route is %s: %s", s.State, s.Message)
				}
				w.Publish(5)
				time.Sleep(5 * time.Minute)
				var lines int
				for _, object := range w.Places.Contents(t, "late", false) {
					lines += len(object)
				}
				want := 0
				for _, s := range w.sent {
					if s.seq > 30 && !w.gone[s.seq] && s.n >= 0 {
						want++
					}
				}
				if lines != want {
					t.Errorf("%d entries were delivered, want %d", lines, want)
				}
				life.Drain()
			})
		})
	}
}

// TestPrepareFails: a destination that cannot be prepared shows for as long, though the lane recovers again and again.
func TestPrepareFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := NewMemoryPlaces()
		w := NewWorld(t, 1, places)
		var sick atomic.Bool
		sick.Store(true)
		w.Places = oddPlaces{MemoryPlaces: places, route: "r0", prepare: func(context.Context) error {
			if sick.Load() {
				return &driver.Error{Code: driver.Misconfigured, Err: errors.New("no such table")}
			}
			return nil
		}}
		w.Routes[0].Rule, w.Routes[0].Batch = 0, configs.Batch{Bytes: 1 << 20, Entries: 1000, Age: 5 * time.Second}
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		for range 3000 {
			if s := stateOf(life, "r0"); s.State != pipeline.Paused {
				t.Fatalf("r0 is %s: %s", s.State, s.Message)
			}
			time.Sleep(30 * time.Millisecond)
		}
		sick.Store(false)
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Running || s.Message != "" || s.Lag > 0 {
			t.Errorf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
		check(t, 1, w.finish())
	})
}
