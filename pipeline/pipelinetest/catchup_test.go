package pipelinetest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/stream"
	"sluice/sinks/driver"
)

// countingStream counts the messages that its readers hand out.
type countingStream struct {
	stream.Stream
	count *atomic.Int64
}

func (s countingStream) Read(ctx context.Context, from uint64) (stream.Reader, error) {
	r, err := s.Stream.Read(ctx, from)
	return countingReader{r, s.count}, err
}

type countingReader struct {
	stream.Reader
	count *atomic.Int64
}

func (r countingReader) Next(ctx context.Context, most int) ([]stream.Message, error) {
	msgs, err := r.Reader.Next(ctx, most)
	r.count.Add(int64(len(msgs)))
	return msgs, err
}

// TestCatchUp: routes that all stood still while many messages came in read the stream together once they are released, not one by
// one: it is read at most three times, what each lane reads again of its open plan included.
func TestCatchUp(t *testing.T) {
	routes, messages := 40, 60_000
	if os.Getenv("SLUICE_SOAK") != "" {
		routes, messages = 200, 200_000
	}
	for name, answer := range map[string]time.Duration{"at once": 0, "after a moment": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { catchUp(t, routes, messages, answer) })
		})
	}
}

// catchUp stalls and releases routes to a destination that takes each unit after the time answer.
func catchUp(t *testing.T, routes, messages int, answer time.Duration) {
	places := NewMemoryPlaces()
	w := NewWorld(t, 7, places)
	w.Places = slowPlaces{places, answer}
	const few = 40
	var count atomic.Int64
	w.Over = func(s stream.Stream) stream.Stream { return countingStream{s, &count} }
	w.Patience = time.Hour
	w.Routes = nil
	for i := range routes {
		w.Routes = append(w.Routes, &Route{Name: fmt.Sprint("r", i), Rule: 3, Place: "stalled", // n = 2
			Batch: configs.Batch{Bytes: 1 << 20, Entries: 5000, Age: time.Second}})
	}
	w.Block("stalled", true)
	life := w.Live(NewGate(0, false))
	<-life.Router.Ready()
	w.Publish(few) // an open plan for each
	time.Sleep(time.Minute)
	for _, s := range life.Router.Status() {
		if s.Route != pipeline.Unreadable && s.State != pipeline.Paused {
			t.Fatalf("route %s is %s", s.Route, s.State)
		}
	}
	w.Publish(messages)
	count.Store(0)
	w.Block("stalled", false)
	released := time.Now()
	life.Await(w.Patience)
	read := float64(count.Load()) / float64(messages+few)
	life.Drain()
	check(t, 7, w.finish())
	t.Logf("%d routes stalled for %d messages, released: the stream was read %.2f times; all delivered after %v of the world's clock",
		routes, messages, read, time.Since(released))
	if read > 3 {
		t.Errorf("the stream was read %.2f times", read)
	}
}

// slowPlaces take each unit after a while.
type slowPlaces struct {
	*MemoryPlaces
	answer time.Duration
}

func (p slowPlaces) Open(route, place string) (sink, dead driver.Driver, err error) {
	return oddPlaces{MemoryPlaces: p.MemoryPlaces, route: route, write: func(*driver.Unit) error {
		time.Sleep(p.answer)
		return nil
	}}.Open(route, place)
}

// TestTailDoesNotWait: a route whose destination is slow falls behind, gets on and off, and the others at the tail never notice.
func TestTailDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := NewMemoryPlaces()
		w := NewWorld(t, 3, places)
		w.Places = oddPlaces{MemoryPlaces: places, route: "slow", write: func(*driver.Unit) error {
			time.Sleep(1900 * time.Millisecond)
			return nil
		}}
		batch := configs.Batch{Bytes: 1 << 20, Entries: 50, Age: 100 * time.Millisecond}
		w.Routes = []*Route{{Name: "slow", Batch: batch}, {Name: "free", Batch: batch}}
		w.Patience = 10 * time.Hour
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		for published := uint64(100); published <= 20_000; published += 100 { // one each millisecond
			w.Publish(100)
			// What is not settled yet came since the batch before the last was cut.
			if s := stateOf(life, "free"); s.Cursor+400 < published {
				t.Fatalf("after %d messages the free route stands at %d", published, s.Cursor)
			}
		}
		if s := stateOf(life, "slow"); s.Lag < 1000 {
			t.Fatalf("the slow route lags by %d only: nothing was tried", s.Lag)
		}
		life.Await(w.Patience)
		life.Drain()
		check(t, 3, w.finish())
	})
}

// TestCatchUpBesideSlow: of routes that catch up together, one with small batches and a slow destination does not keep the others at
// its pace.
func TestCatchUpBesideSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := NewMemoryPlaces()
		w := NewWorld(t, 3, places)
		var open atomic.Bool // the open plan is written at once, so that both board together
		w.Places = oddPlaces{MemoryPlaces: places, route: "slow", write: func(u *driver.Unit) error {
			if open.CompareAndSwap(false, true) || u.Redo {
				return nil
			}
			time.Sleep(900 * time.Millisecond)
			return nil
		}}
		w.Routes = []*Route{
			{Name: "slow", Place: "stalled", Batch: configs.Batch{Bytes: 1 << 20, Entries: 50, Age: time.Second}},
			{Name: "free", Place: "stalled", Batch: configs.Batch{Bytes: 1 << 20, Entries: 50, Age: time.Second}},
		}
		w.Patience = 10 * time.Hour
		w.Block("stalled", true)
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		w.Publish(60_000)
		w.Block("stalled", false)
		time.Sleep(2 * time.Minute) // the first try may be half a minute away
		if s := stateOf(life, "free"); s.Lag > 0 {
			t.Errorf("the free route stands at %d, %d behind", s.Cursor, s.Lag)
		}
		if s := stateOf(life, "slow"); s.Lag == 0 {
			t.Error("the slow route is not slow: nothing was tried")
		}
		life.Await(w.Patience)
		life.Drain()
		check(t, 3, w.finish())
	})
}
