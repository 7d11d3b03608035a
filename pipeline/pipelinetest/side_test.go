package pipelinetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/sinks/driver"
)

// countingPlaces are memory places, of which r0's takes a second for each unit and counts how often it is told to write it.
type countingPlaces struct {
	oddPlaces
	closed *atomic.Bool // it cannot be prepared
	mu     *sync.Mutex
	writes map[string]int
}

func newCountingPlaces() countingPlaces {
	p := countingPlaces{closed: new(atomic.Bool), mu: new(sync.Mutex), writes: make(map[string]int)}
	p.oddPlaces = oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0"}
	p.prepare = func(context.Context) error {
		if p.closed.Load() {
			return &driver.Error{Code: driver.Unavailable, Err: errors.New("closed")}
		}
		return nil
	}
	p.write = func(u *driver.Unit) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.writes[u.Name]++
		time.Sleep(time.Second)
		return nil
	}
	return p
}

func (p countingPlaces) onceEach(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, n := range p.writes {
		if n > 1 {
			t.Errorf("%s was written %d times", name, n)
		}
	}
}

// widened is a world whose route kept nothing of 100 entries, and now keeps all, ten in a batch.
func widened(t *testing.T, places Places) *World {
	w := NewWorld(t, 1, places)
	w.Routes = w.Routes[:1]
	w.Routes[0].Rule, w.Routes[0].Batch.Entries, w.Routes[0].Batch.Bytes = 4, 10, 1<<20
	for range 100 {
		w.put(7)
	}
	w.oneLife(NewGate(0, false))
	w.Routes[0].Rule = 0
	return w
}

// begin backfills r0 and does not wait for it.
func (l *Life) begin(span pipeline.BackfillRange) (done chan error) {
	done = make(chan error, 1)
	go func() {
		done <- l.Router.Backfill(context.Background(), "r0", span, func(pipeline.SideStatus) {})
	}()
	return done
}

// lastOf is the last record of a lane.
func (w *World) lastOf(t *testing.T, lane string) ledger.Record {
	t.Helper()
	r, _, err := w.memory.Last(context.Background(), lane)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSideLaneHeldUp: what a backfill has written is committed before it stands still for ten minutes, and so is not written again
// at each try.
func TestSideLaneHeldUp(t *testing.T) {
	for name, hold := range map[string]func(*testing.T, *Life, countingPlaces, bool){
		"paused": func(t *testing.T, life *Life, _ countingPlaces, held bool) {
			life.act(t, "r0", map[bool]string{true: pipeline.ActPause, false: pipeline.ActResume}[held])
		},
		"not prepared": func(_ *testing.T, _ *Life, p countingPlaces, held bool) { p.closed.Store(held) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newCountingPlaces()
				w := widened(t, p)
				life := w.Live(NewGate(0, false))
				done := life.begin(pipeline.BackfillRange{})
				time.Sleep(2500 * time.Millisecond)
				hold(t, life, p, true)
				time.Sleep(10 * time.Minute)
				if r := w.lastOf(t, "r0/LOGS/b1"); len(r.Open) > 0 || r.Committed < 10 || r.Committed > 40 {
					t.Errorf("it stands still with %d plans open behind %d", len(r.Open), r.Committed)
				}
				hold(t, life, p, false)
				if err := <-done; err != nil {
					t.Error(err)
				}
				life.Drain()
				p.onceEach(t)
				w.onceEach(t, func(sent) bool { return true })
				w.balanced(t)
			})
		})
	}
}

// TestSideLanePaced: between the batches of a slow backfill what is written is committed within two seconds, a pause is seen, and a drain
// leaves no plan open.
func TestSideLanePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := widened(t, NewMemoryPlaces())
		life := w.Live(NewGate(0, false))
		done := life.begin(pipeline.BackfillRange{Rate: 1}) // minutes for each batch
		time.Sleep(2 * time.Second)
		if r := w.lastOf(t, "r0/LOGS/b1"); len(r.Open) > 0 || r.Committed != 10 {
			t.Errorf("committed %d, %d plans open", r.Committed, len(r.Open))
		}
		life.act(t, "r0", pipeline.ActPause)
		time.Sleep(time.Second)
		if s := life.side(t, "LOGS/b1"); s.State != pipeline.Waiting {
			t.Errorf("a paused route's backfill is %s: %s", s.State, s.Message)
		}
		life.act(t, "r0", pipeline.ActResume)
		time.Sleep(time.Second)
		life.Drain()
		<-done
		if r := w.lastOf(t, "r0/LOGS/b1"); len(r.Open) > 0 || r.Committed != 20 && r.Committed != 10 {
			t.Errorf("after the drain: committed %d, %d plans open", r.Committed, len(r.Open))
		}
	})
}

// side is the status of a side lane that runs.
func (l *Life) side(t *testing.T, stream string) pipeline.LaneStatus {
	t.Helper()
	for _, s := range l.Router.Status() {
		if s.Stream == stream {
			return s
		}
	}
	t.Fatalf("no side lane %s runs", stream)
	return pipeline.LaneStatus{}
}

// TestSideLaneInAnotherStream: a stream that is re-created while a backfill reads it is not the one that the backfill is of: what
// it holds is the route's own lane's.
func TestSideLaneInAnotherStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := widened(t, newCountingPlaces())
		life := w.Live(NewGate(0, false))
		done := life.begin(pipeline.BackfillRange{})
		time.Sleep(2500 * time.Millisecond)
		w.Recreate()
		first := len(w.sent)
		for range 120 {
			w.put(7)
		}
		time.Sleep(5 * time.Minute)
		life.Drain()
		<-done
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

// drowsyStream takes a second for each read, while it is to.
type drowsyStream struct {
	stream.Stream
	slow *atomic.Bool
}

func (s drowsyStream) Read(ctx context.Context, from uint64) (stream.Reader, error) {
	r, err := s.Stream.Read(ctx, from)
	return drowsyReader{r, s.slow}, err
}

type drowsyReader struct {
	stream.Reader
	slow *atomic.Bool
}

func (r drowsyReader) Next(ctx context.Context, most int) ([]stream.Message, error) {
	if r.slow.Load() {
		time.Sleep(time.Second)
	}
	return r.Reader.Next(ctx, most)
}

// TestSideLaneGathersNoLonger than a person or a drain lets it: a batch of which nothing is kept may take long.
func TestSideLaneGathersNoLonger(t *testing.T) {
	for _, what := range []string{"drain", "pause"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var slow atomic.Bool
				w := NewWorld(t, 1, NewMemoryPlaces())
				w.Routes = w.Routes[:1]
				w.Routes[0].Rule = 4
				w.Over = func(s stream.Stream) stream.Stream { return drowsyStream{s, &slow} }
				for range 40 * 512 {
					w.put(7)
				}
				w.oneLife(NewGate(0, false))
				life := w.Live(NewGate(0, false))
				<-life.Router.Ready()
				slow.Store(true)
				done := life.begin(pipeline.BackfillRange{})
				time.Sleep(5500 * time.Millisecond)
				asked := time.Now()
				if what == "pause" {
					life.act(t, "r0", pipeline.ActPause)
					time.Sleep(3 * time.Second)
					if s := life.side(t, "LOGS/b1"); s.State != pipeline.Waiting {
						t.Errorf("it is %s: %s", s.State, s.Message)
					}
				}
				life.Drain()
				<-done
				if took := time.Since(asked); took > 10*time.Second {
					t.Errorf("it went on for %v", took)
				}
			})
		})
	}
}
