// Package pipelinetest is a deterministic world for the pipeline: a stream, a ledger and destinations that outlive any number of
// routers, a fault at any durable operation, and a model of what must have arrived. It runs inside testing/synctest.
package pipelinetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	ledgermemory "sluice/pipeline/ledger/memory"
	"sluice/pipeline/stream"
	streammemory "sluice/pipeline/stream/memory"
	"sluice/sinks"
	"sluice/sinks/driver"
)

// World is what outlives a router.
type World struct {
	T      testing.TB
	Seed   uint64
	Rand   *rand.Rand
	Stream *streammemory.Stream
	Places Places
	Routes []*Route

	Hierarchy string        // of the configuration, as YAML; see Hierarchies
	Log       *slog.Logger  // nil: none
	Patience  time.Duration // of the world's clock: how long a life may take to route all; default 10 minutes

	Memory int64 // of each router; 0: the default
	// Over gives each router its view of the stream; by default the stream itself.
	Over func(stream.Stream) stream.Stream
	// OpenLedger gives each life its ledger; by default all share one in memory.
	OpenLedger func() (ledger.Ledger, error)
	// Decide reads recorded decision settings; mutants replace it.
	Decide func(route string, b []byte) (pipeline.Decision, error)

	// Shown is what a route's destination, or its dead letters, may see of a line; nil: the line.
	Shown func(route, line string) string
	// OnTrouble is each router's.
	OnTrouble func(pipeline.Trouble)

	memory *ledgermemory.Ledger
	sent   []sent
	gone   map[uint64]bool // deleted or trimmed from the stream
	lives  int             // of the stream: how often it was re-created or stepped back

	mu      sync.Mutex
	blocked map[string]bool // places that answer Misconfigured
}

// Places are the destinations of a world: a sink for each route, and the dead letters.
type Places interface {
	// Open opens a place of a route, and its dead letters. "" is the place where routes deliver at first.
	Open(route, place string) (sink, dead driver.Driver, err error)
	// Contents gives the lines that stand at a route's places, or in its dead letters, by the name of their object.
	Contents(t testing.TB, route string, dead bool) map[string][]string
}

// Route is a route of the world. Its rule may change from life to life.
type Route struct {
	Name  string
	Rule  int // index into Rules
	Batch configs.Batch
	Place string
	Off   bool // not in the configuration

	Parent                        string
	Children, Intercept, Required bool

	Quota, When string // YAML; the condition of the exclusion w, of lines with n=4
	Overflow    string // the route that diverts here
}

// Rule is a filter with an exclusion, and the same said in Go for the model.
type Rule struct {
	Filter, Exclude   string
	Matches, Excludes func(n int) bool
}

// Rules are the decision settings that routes change between.
var Rules = []Rule{
	{"", "", func(int) bool { return true }, nothing},
	{"jsonPayload.n>=5", "", func(n int) bool { return n >= 5 }, nothing},
	{"jsonPayload.n<7", "jsonPayload.n=3", func(n int) bool { return n < 7 }, func(n int) bool { return n == 3 }},
	{"severity>=ERROR OR jsonPayload.n=2", "", func(n int) bool { return n == 2 }, nothing},
	{"jsonPayload.n>100", "", nothing, nothing},
}

func nothing(int) bool { return false }

// sent is one line that was published, readable or not.
type sent struct {
	seq  uint64
	line string
	at   time.Time // when it was stored
	n    int       // what rules ask for; −1: unreadable
	void bool      // the stream lost it with its end, or was re-created: it may have been delivered, once
}

// NewWorld makes a world with routes and an empty stream, all by the seed.
func NewWorld(t testing.TB, seed uint64, places Places) *World {
	w := &World{
		T: t, Seed: seed, Rand: rand.New(rand.NewPCG(seed, 1)), Places: places,
		Stream: streammemory.New("LOGS"), memory: ledgermemory.New(), gone: make(map[uint64]bool),
		blocked: make(map[string]bool), Hierarchy: Hierarchies[0], Patience: 10 * time.Minute,
	}
	w.OpenLedger = func() (ledger.Ledger, error) { return w.memory, nil }
	w.Over = func(s stream.Stream) stream.Stream { return s }
	w.Decide = decide
	for i := range 3 + w.Rand.IntN(3) {
		batch := configs.Batch{Bytes: int64(300 + w.Rand.IntN(4000)), Entries: 1 + w.Rand.IntN(20), Age: time.Duration(50+w.Rand.IntN(5000)) * time.Millisecond}
		w.Routes = append(w.Routes, &Route{Name: fmt.Sprintf("r%d", i), Rule: w.Rand.IntN(len(Rules)), Batch: batch})
	}
	return w
}

// Publish puts n messages on the stream: single entries, packs, pretty-printed ones, packs with a broken line, empty ones.
func (w *World) Publish(n int) {
	for range n {
		var lines []string
		kinds := 1
		if w.Rand.IntN(3) == 0 {
			kinds = 1 + w.Rand.IntN(4)
		}
		for range kinds {
			lines = append(lines, w.line())
		}
		if w.Rand.IntN(20) == 0 {
			w.sent, lines = w.sent[:len(w.sent)-len(lines)], nil
		}
		var payload []byte
		for _, l := range lines {
			payload = append(append(payload, l...), '\n')
		}
		time.Sleep(time.Millisecond) // of the world's clock: no two messages are stored at one instant
		at, seq := time.Now(), w.Stream.Append(payload)
		for i := range lines {
			w.sent[len(w.sent)-len(lines)+i].seq, w.sent[len(w.sent)-len(lines)+i].at = seq, at
		}
	}
}

// line makes one line, and notes it as sent; Publish fills in the sequence.
func (w *World) line() string {
	id, n := len(w.sent), w.Rand.IntN(10)
	line := fmt.Sprintf(`{"logName":"projects/p%d/logs/app%d","timestamp":"2026-03-0%dT0%d:00:00Z","insertId":"e%d","jsonPayload":{"n":%d}}`,
		n%2, w.Rand.IntN(2), 1+w.Rand.IntN(2), w.Rand.IntN(3), id, n)
	if w.Rand.IntN(15) == 0 {
		n = -1
		line = fmt.Sprintf(`{"broken":"e%d"`, id)
	}
	w.sent = append(w.sent, sent{line: line, n: n})
	return line
}

// Delete takes one message out of the stream.
func (w *World) Delete(seq uint64) {
	if w.Stream.Delete(seq) {
		w.gone[seq] = true
	}
}

// Trim takes all messages before first out of the stream, as retention does.
func (w *World) Trim(first uint64) {
	w.Stream.Trim(first)
	for seq := range first {
		w.gone[seq] = true
	}
}

// StepBack makes the stream forget its end and give its sequences out again.
func (w *World) StepBack(last uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lives++
	w.Stream.StepBack(last)
	for i := range w.sent {
		w.sent[i].void = w.sent[i].void || w.sent[i].seq > last
	}
}

// Recreate makes the stream anew, empty.
func (w *World) Recreate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lives++
	w.Stream.Recreate()
	for i := range w.sent {
		w.sent[i].void = true
	}
}

// Block makes a place answer Misconfigured, or ends that.
func (w *World) Block(place string, blocked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked[place] = blocked
}

func (w *World) isBlocked(place string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.blocked[place]
}

// ChangeRules gives some routes another rule, from the next life on.
func (w *World) ChangeRules() {
	for _, r := range w.Routes {
		if w.Rand.IntN(2) == 0 {
			r.Rule = w.Rand.IntN(len(Rules))
		}
	}
}

// Life is one router in the world, from its start to its crash or drain.
type Life struct {
	World  *World
	Gate   *Gate
	Router *pipeline.Router
	cancel context.CancelFunc
	done   chan error
	close  func() error
}

// Live starts a router behind the gate. Several may live at once: they are then each other's zombies.
func (w *World) Live(gate *Gate) *Life {
	w.T.Helper()
	led, err := w.OpenLedger()
	if err != nil {
		w.T.Fatalf("seed %d: open the ledger: %v", w.Seed, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gate.crash = cancel
	life := &Life{World: w, Gate: gate, cancel: cancel, done: make(chan error, 1), close: led.Close}
	life.Router = pipeline.New(pipeline.Options{
		Ledger:  gatedLedger{led, gate},
		Streams: []stream.Stream{w.Over(w.Stream)},
		Memory:  w.Memory, OnTrouble: w.OnTrouble,
		Routes: w.pipelineRoutes(),
		Decide: w.Decide,
		Open: func(_ context.Context, route string, delivery []byte) (*sinks.Sink, *sinks.Sink, error) {
			place, err := placeOf(delivery)
			if err != nil {
				return nil, nil, err
			}
			sink, dead, err := w.Places.Open(route, place)
			if err != nil {
				return nil, nil, err
			}
			o := sinks.Options{Deadline: 5 * time.Second, Patience: 3 * time.Second}
			if route == pipeline.Unreadable {
				return sinks.New(gatedDriver{dead, gate, w, ""}, o), nil, nil
			}
			return sinks.New(gatedDriver{sink, gate, w, place}, o), sinks.New(gatedDriver{dead, gate, w, ""}, o), nil
		},
		Log: w.Log,
	})
	go func() { life.done <- life.Router.Run(ctx) }()
	return life
}

func (w *World) pipelineRoutes() []pipeline.Route {
	cfg := w.Config()
	unreadable := cfg.Unreadable()
	routes := []pipeline.Route{{Name: pipeline.Unreadable, Decision: unreadable.Decision(cfg.Limits), Delivery: []byte("{}")}}
	for _, r := range w.Routes {
		i := slices.IndexFunc(cfg.Routes, func(c configs.Route) bool { return c.Name == r.Name })
		if i < 0 {
			continue
		}
		delivery := fmt.Appendf(nil, `{"place":%q,"batch":{"entries":%d}}`, r.Place, r.Batch.Entries)
		routes = append(routes, pipeline.Route{Name: r.Name, Decision: cfg.Routes[i].Decision(cfg.Limits), Delivery: delivery, Batch: r.Batch})
	}
	return routes
}

func placeOf(delivery []byte) (string, error) {
	var d struct{ Place string }
	err := json.Unmarshal(delivery, &d)
	return d.Place, err
}

// Crash ends the life at once, as a SIGKILL does.
func (l *Life) Crash() {
	l.Gate.die()
	<-l.done
	l.release()
}

// Await waits until the life has crashed by its gate, or has routed all that the stream holds for at most `most`.
func (l *Life) Await(most time.Duration) (crashed bool) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	routed := make(chan error, 1)
	go func() { routed <- l.Router.WaitFor(ctx) }()
	select {
	case <-l.Gate.dead:
		cancel()
		<-routed
		<-l.done
		l.release()
		return true
	case <-routed:
		return false
	}
}

// Drain ends the life in order, unless it crashes meanwhile.
func (l *Life) Drain() (crashed bool) {
	l.Router.Drain()
	err := <-l.done
	l.cancel()
	l.release()
	select {
	case <-l.Gate.dead:
		return true
	default:
	}
	if err != nil && l.Gate.Fault == nil { // with faults, a process may end with an error and is started again
		l.World.T.Fatalf("seed %d: drain: %v", l.World.Seed, err)
	}
	return err != nil
}

func (l *Life) release() {
	if err := l.close(); err != nil {
		l.World.T.Errorf("seed %d: close the ledger: %v", l.World.Seed, err)
	}
}

var errDead = errors.New("this process is dead")

// Gate stands before every durable operation of one life.
type Gate struct {
	CrashAt int                               // crash at this operation, counted from 1; 0: never
	After   bool                              // after it took effect, its reply lost
	Fault   func(op string) (lose, fail bool) // beside the crash: lose the reply, or refuse
	crash   context.CancelFunc

	mu    sync.Mutex
	count int
	once  sync.Once
	dead  chan struct{}
}

// NewGate makes a gate that crashes at an operation.
func NewGate(crashAt int, after bool) *Gate {
	return &Gate{CrashAt: crashAt, After: after, dead: make(chan struct{})}
}

// Operations tells how many durable operations were begun.
func (g *Gate) Operations() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

func (g *Gate) die() {
	g.once.Do(func() { close(g.dead); g.crash() })
}

// pass does one durable operation, or what its fault leaves of it. lost says that it happened but nobody may know.
func (g *Gate) pass(op string, do func() error) (lost bool, err error) {
	select {
	case <-g.dead:
		return false, errDead
	default:
	}
	g.mu.Lock()
	g.count++
	here := g.count == g.CrashAt
	g.mu.Unlock()
	if here {
		if g.After {
			_ = do() // whatever it gave, nobody hears it
		}
		g.die()
		return g.After, errDead
	}
	if g.Fault != nil {
		lose, fail := g.Fault(op)
		if fail {
			return false, errors.New("refused by the test")
		}
		if lose {
			_ = do()
			return true, errors.New("reply lost by the test")
		}
	}
	return false, do()
}

// gatedLedger is a life's view of the ledger.
type gatedLedger struct {
	ledger.Ledger
	gate *Gate
}

func (g gatedLedger) Append(ctx context.Context, lane string, r ledger.Record, prev ledger.Rev) (ledger.Rev, error) {
	var rev ledger.Rev
	_, err := g.gate.pass("append", func() (err error) {
		rev, err = g.Ledger.Append(ctx, lane, r, prev)
		return err
	})
	if err != nil && !errors.Is(err, ledger.ErrFenced) {
		return 0, fmt.Errorf("%w: %w", ledger.ErrUnknown, err)
	}
	return rev, err
}

func (g gatedLedger) PutConfig(ctx context.Context, hash string, b []byte) error {
	_, err := g.gate.pass("config", func() error { return g.Ledger.PutConfig(ctx, hash, b) })
	return err
}

func (g gatedLedger) Close() error { return nil }

// gatedDriver is a life's view of a destination.
type gatedDriver struct {
	driver.Driver
	gate  *Gate
	world *World
	place string
}

func (g gatedDriver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if g.world.isBlocked(g.place) {
		return driver.Receipt{}, &driver.Error{Code: driver.Misconfigured, Err: errors.New("no such bucket")}
	}
	var receipt driver.Receipt
	_, err := g.gate.pass("write", func() (err error) {
		receipt, err = g.Driver.Write(ctx, u)
		return err
	})
	var coded *driver.Error
	if err != nil && !errors.As(err, &coded) {
		err = &driver.Error{Code: driver.Unavailable, Err: err}
	}
	return receipt, err
}

func (g gatedDriver) ReadDead(ctx context.Context, name string) (io.ReadCloser, error) {
	r, ok := g.Driver.(driver.DeadReader)
	if !ok {
		return nil, &driver.Error{Code: driver.Misconfigured, Err: errors.ErrUnsupported}
	}
	return r.ReadDead(ctx, name)
}
