package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/pipeline/stream/memory"
	"sluice/sinks/driver"
)

// put publishes one entry with a payload of n. It may be called from several goroutines.
func (w *World) put(n int) uint64 {
	time.Sleep(time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	line := fmt.Sprintf(`{"logName":"projects/p0/logs/app","insertId":"e%d","jsonPayload":{"n":%d}}`, len(w.sent), n)
	seq := w.Stream.Append([]byte(line))
	w.sent = append(w.sent, sent{line: line, n: n, seq: seq})
	return seq
}

// TestKeptDuringASkip publishes an entry that a route keeps while the route asks the stream before it records that it kept
// nothing.
func TestKeptDuringASkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes[0].Rule = 1
		w.put(0)
		start, done := time.Now(), new(atomic.Bool)
		w.Stream.Fail(func(op memory.Op) error {
			if op.Kind != memory.OpInfo {
				return nil
			}
			if at := time.Since(start); at > 5*time.Second && at%(10*time.Second) != time.Second && !done.Swap(true) { // not the stream's watch
				w.put(9)
			}
			time.Sleep(time.Second)
			return nil
		})
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		life.Drain()
		if !done.Load() {
			t.Fatal("nothing was published")
		}
		w.Stream.Fail(nil)
		check(t, 1, w.finish())
	})
}

// staleStream answers Info late: what it says was true before others read on.
type staleStream struct {
	stream.Stream
	late func()
}

func (s staleStream) Info(ctx context.Context) (stream.Info, error) {
	info, err := s.Stream.Info(ctx)
	s.late()
	return info, err
}

// TestLateInfo lets the stream grow, and be read, while its state is on the way: that is no step back.
func TestLateInfo(t *testing.T) {
	for name, change := range map[string]func(*World){
		"grown":      func(w *World) { w.put(9) },
		"re-created": func(w *World) { w.Recreate(); w.put(9) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := NewWorld(t, 1, NewMemoryPlaces())
				start, done := time.Now(), new(atomic.Bool)
				w.Over = func(s stream.Stream) stream.Stream {
					return staleStream{s, func() {
						if time.Since(start) > 5*time.Second && !done.Swap(true) {
							change(w)
							time.Sleep(20 * time.Second)
						}
					}}
				}
				w.put(1)
				life := w.Live(NewGate(0, false))
				time.Sleep(6 * time.Second)
				w.put(9) // whoever asks next hears of the change late
				time.Sleep(30 * time.Second)
				life.Drain()
				check(t, 1, w.finish())
				if n, want := w.epochs(t), map[string]int{"grown": 0, "re-created": 1}[name]; n != want {
					t.Fatalf("%d new epochs, want %d", n, want)
				}
			})
		})
	}
}

func (w *World) epochs(t *testing.T) int {
	n := 0
	err := w.memory.Scan(context.Background(), "_stream/"+w.Stream.Name(), 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Kind == ledger.KindEpoch {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// oddPlaces are memory places, one of whose routes is odd.
type oddPlaces struct {
	*MemoryPlaces
	route   string
	open    func() error
	prepare func(context.Context) error
	refuse  func(driver.Ref) bool // by Plan
	write   func(*driver.Unit) error
}

func (p oddPlaces) Open(route, place string) (sink, dead driver.Driver, err error) {
	sink, dead, err = p.MemoryPlaces.Open(route, place)
	if route != p.route || err != nil {
		return sink, dead, err
	}
	if p.open != nil {
		if err := p.open(); err != nil {
			return nil, nil, err
		}
	}
	return oddDriver{sink, p}, dead, nil
}

type oddDriver struct {
	driver.Driver
	places oddPlaces
}

func (d oddDriver) Prepare(ctx context.Context, s driver.State) (driver.State, error) {
	if d.places.prepare != nil {
		if err := d.places.prepare(ctx); err != nil {
			return nil, err
		}
	}
	return d.Driver.Prepare(ctx, s)
}

func (d oddDriver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	p, err := d.Driver.Plan(s, b)
	if d.places.refuse == nil {
		return p, err
	}
	for i := range p.Units {
		var taken []driver.Ref
		for _, ref := range p.Units[i].Refs {
			if d.places.refuse(ref) {
				p.Rejects = append(p.Rejects, driver.Reject{Seq: ref.Seq, Index: ref.Index, Reason: "no such type"})
			} else {
				taken = append(taken, ref)
			}
		}
		p.Units[i].Refs = taken
	}
	p.Units = slices.DeleteFunc(p.Units, func(u driver.Unit) bool { return len(u.Refs) == 0 })
	return p, err
}

func (d oddDriver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if d.places.write != nil && u.To == driver.ToSink {
		if err := d.places.write(u); err != nil {
			return driver.Receipt{}, err
		}
	}
	return d.Driver.Write(ctx, u)
}

var errRights = &driver.Error{Code: driver.Misconfigured, Err: errors.New("no rights")}

// TestDestinationThatCannotBeOpened stops its own route and no other, and is opened again when it can be.
func TestDestinationThatCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		w := NewWorld(t, 1, oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", open: func() error {
			if broken.Load() {
				return errRights
			}
			return nil
		}})
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(10 * time.Minute)
		if s := stateOf(life, "r1"); s.State != pipeline.Running || s.Lag != 0 {
			t.Errorf("r1 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		if s := stateOf(life, "r0"); s.State != pipeline.Paused {
			t.Errorf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		broken.Store(false)
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Running {
			t.Errorf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
		check(t, 1, w.finish())
	})
}

// TestRefusalWithoutEntries halts: which entries a destination refuses must be known before they go to the dead letters.
func TestRefusalWithoutEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", write: func(*driver.Unit) error {
			return &driver.Error{Code: driver.Rejected, Err: errors.New("413")}
		}})
		w.Routes[0].Rule = 0
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Halted {
			t.Errorf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
	})
}

// TestRefusedEntryIsGone redoes a plan, one of whose entries was refused and is in the dead letters, after retention took it.
func TestRefusedEntryIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		var refused atomic.Bool
		w := NewWorld(t, 1, oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", write: func(u *driver.Unit) error {
			if !refused.Swap(true) {
				return &driver.Error{Code: driver.Rejected, Rejects: []driver.Reject{{Seq: u.Refs[0].Seq, Index: u.Refs[0].Index, Reason: "bad"}}}
			}
			if !up.Load() {
				return &driver.Error{Code: driver.Unavailable}
			}
			return nil
		}})
		w.Routes[0].Rule, w.Routes[0].Batch.Entries, w.Routes[0].Batch.Bytes = 0, 10, 1<<20
		for range 10 {
			w.put(5)
		}
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		w.hasKind(t, "r0", ledger.KindAmend)
		life.Crash()
		w.Trim(3)
		up.Store(true)
		check(t, 1, w.finish())
	})
}

// TestNewStreamWhileMemoryIsShort re-creates the stream while its reader waits for the lanes to give memory back.
func TestNewStreamWhileMemoryIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Memory, w.Routes = 4<<10, w.Routes[:1]
		r := w.Routes[0]
		r.Rule, r.Batch.Bytes, r.Batch.Entries, r.Batch.Age = 0, 1<<20, 10000, time.Second
		var armed atomic.Bool
		w.Stream.Fail(func(op memory.Op) error {
			if op.Kind == memory.OpInfo && armed.CompareAndSwap(true, false) {
				time.Sleep(time.Second)
				w.Recreate()
			}
			return nil
		})
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Second)
		armed.Store(true)
		for range 100 {
			w.put(5)
		}
		time.Sleep(10 * time.Second)
		w.put(5)
		time.Sleep(2 * time.Minute)
		if s := stateOf(life, "r0"); s.Lag != 0 {
			t.Errorf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Crash()
		check(t, 1, w.finish())
	})
}

// TestReloadAtOnce reloads before the router has read its control lane.
func TestReloadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Publish(10)
		w.Stream.Fail(func(memory.Op) error { time.Sleep(time.Second); return nil })
		life := w.Live(NewGate(0, false))
		w.Routes[0].Rule = (w.Routes[0].Rule + 1) % len(Rules)
		if err := life.Router.Reload(context.Background(), w.pipelineRoutes()); err != nil {
			t.Fatal(err)
		}
		life.Drain()
		w.Stream.Fail(nil)
		check(t, 1, w.finish())
	})
}

// TestAnswersAgainBeforeItIsReplaced: a minute of no rights is counted from the last time that the destination took something.
func TestAnswersAgainBeforeItIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes[0].Rule, w.Routes[0].Place = 0, "old"
		w.Block("old", true)
		w.put(5)
		life := w.Live(NewGate(0, false))
		time.Sleep(30 * time.Second)
		w.Block("old", false)
		time.Sleep(time.Hour)
		w.Block("old", true)
		w.put(6)
		time.Sleep(10 * time.Second) // its plan is open
		w.Routes[0].Place = "new"
		if err := life.Router.Reload(context.Background(), w.pipelineRoutes()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		w.Block("old", false)
		time.Sleep(time.Minute)
		life.Drain()
		check(t, 1, w.finish())
		w.lacksKind(t, "r0", ledger.KindAbandon)
	})
}

func (w *World) lacksKind(t *testing.T, route string, kind ledger.Kind) {
	t.Helper()
	err := w.memory.Scan(context.Background(), pipeline.LaneName(route, w.Stream.Name()), 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Kind == kind {
			t.Errorf("a record of kind %s on route %s", kind, route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mutedStream gives nothing while it is muted, though it knows its state.
type mutedStream struct {
	stream.Stream
	muted *atomic.Bool
}

func (s mutedStream) Read(ctx context.Context, from uint64) (stream.Reader, error) {
	r, err := s.Stream.Read(ctx, from)
	return mutedReader{r, s.muted}, err
}

type mutedReader struct {
	stream.Reader
	muted *atomic.Bool
}

func (r mutedReader) Next(ctx context.Context, most int) ([]stream.Message, error) {
	for r.muted.Load() {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r.Reader.Next(ctx, most)
}

// TestSilenceIsNoLoss redoes a plan from a stream that gives nothing for a while: what it does not give is not gone.
func TestSilenceIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		var muted atomic.Bool
		w.Over = func(s stream.Stream) stream.Stream { return mutedStream{s, &muted} }
		w.Routes[0].Rule, w.Routes[0].Place = 0, "locked"
		w.Block("locked", true)
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		life.Crash()
		w.Block("locked", false)
		muted.Store(true)
		life = w.Live(NewGate(0, false))
		time.Sleep(2 * time.Minute)
		muted.Store(false)
		time.Sleep(2 * time.Minute)
		life.Drain()
		check(t, 1, w.finish())
	})
}

// TestProbesBackOff: a destination that cannot be prepared is asked ever more seldom, and nothing is read for it in between.
func TestProbesBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		w := NewWorld(t, 1, oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", prepare: func(context.Context) error {
			asked.Add(1)
			return errRights
		}})
		w.Routes[0].Rule, w.Routes[0].Batch.Entries = 0, 1
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(10 * time.Minute)
		if n := asked.Load(); n > 60 {
			t.Errorf("asked %d times in 10 minutes", n)
		}
		life.Drain()
	})
}

// TestPrepareThatHangs holds up its own route only, also when memory is short.
func TestPrepareThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", prepare: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		w.Memory = 4 << 10
		for _, r := range w.Routes {
			r.Rule, r.Batch.Bytes, r.Batch.Entries, r.Batch.Age = 0, 1<<20, 10000, time.Second
		}
		for range 100 {
			w.put(5)
		}
		life := w.Live(NewGate(0, false))
		time.Sleep(5 * time.Minute)
		if s := stateOf(life, "r1"); s.Lag != 0 {
			t.Errorf("r1 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Crash()
	})
}

// forgetfulLedger does not answer for a while what it holds of routes.
type forgetfulLedger struct {
	ledger.Ledger
	mute *atomic.Bool
}

func (l forgetfulLedger) Last(ctx context.Context, lane string) (ledger.Record, ledger.Rev, error) {
	if !strings.HasPrefix(lane, ledger.ControlRoute) && l.mute.Load() {
		return ledger.Record{}, 0, errors.New("no answer")
	}
	return l.Ledger.Last(ctx, lane)
}

// TestRevisionNeedsEveryLane: a revision must not begin before what a lane has recorded, so it waits for a ledger that does not
// answer.
func TestRevisionNeedsEveryLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes[0].Rule = 1
		w.Publish(30)
		check(t, 1, w.finish())
		var mute atomic.Bool
		mute.Store(true)
		w.OpenLedger = func() (ledger.Ledger, error) { return forgetfulLedger{w.memory, &mute}, nil }
		w.Routes[0].Rule = 2
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Second)
		mute.Store(false)
		life.Crash()
		check(t, 1, w.finish())
	})
}

// TestWaitForAfterTheEnd does not wait for lanes that run no more.
func TestWaitForAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		life.Crash()
		w.Publish(1)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if err := life.Router.WaitFor(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("WaitFor gave %v", err)
		}
	})
}
