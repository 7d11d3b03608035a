package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/configs"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/sinks"
)

// Unreadable is the name of the built-in route that keeps unreadable entries, once each, in the global dead letters.
const Unreadable = ledger.UnreadableRoute

// DrainTime is how long a drain waits for destinations to take what is pending.
const DrainTime = 25 * time.Second

// Options is what a Router works with. Ledger, Streams, Decide and Open are required.
type Options struct {
	Ledger  ledger.Ledger
	Streams []stream.Stream
	Routes  []Route
	Memory  int64 // bound on pending bytes over all lanes; default 192 MiB

	// Decide reads a route's decision settings, present or recorded ones.
	Decide func(route string, decision []byte) (Decision, error)

	// Open opens the destination and the dead letters of delivery settings, present or recorded ones. For Unreadable the sink
	// is the dead letters themselves and dead is nil. The pipeline closes them.
	Open func(ctx context.Context, route string, delivery []byte) (sink, dead *sinks.Sink, err error)

	// OnTrouble is told of what keeps a route from delivering, each time that it was tried, and of what its destination refuses. It
	// is called from the lanes' goroutines and returns at once; nil: nobody is told.
	OnTrouble func(Trouble)

	Log   *slog.Logger  // default: discards
	Nonce func() string // default: random
}

// Route is a route as the pipeline runs it.
type Route struct {
	Name     string
	Disabled bool
	Decision []byte // canonical JSON of the decision settings (configs); its hash is the revision
	Delivery []byte // canonical JSON of the delivery settings, without secrets
	Batch    configs.Batch
	Start    configs.Start
	OnLoss   configs.OnLoss
}

// withDefaults fills in what is not set.
func (r Route) withDefaults() Route {
	if r.Batch.Age <= 0 {
		r.Batch.Age = defaultAge
	}
	if r.Batch.Bytes <= 0 {
		r.Batch.Bytes = defaultBytes
	}
	if r.Batch.Entries <= 0 {
		r.Batch.Entries = defaultCount
	}
	if r.OnLoss == "" {
		r.OnLoss = configs.RecordLoss
	}
	return r
}

// Router routes the streams' entries by its routes until it is drained or stopped.
type Router struct {
	opts    Options
	log     *slog.Logger
	memory  *memory
	opened  *destinations
	readers []*readers
	redos   chan struct{} // a slot for each plan that is being read again

	ctx       context.Context // of Run
	reloading sync.Mutex

	hierarchy atomic.Pointer[map[string]bool] // the resources that it holds

	mu           sync.Mutex
	routes       []Route         // those in force
	acknowledged Acknowledgement // of the next change
	running      int             // goroutines of lanes, and Run while it starts them
	finished     chan struct{}   // closed when running comes to 0; no lane starts from then on

	drainOnce sync.Once
	draining  chan struct{}
	started   chan struct{} // closed once the lanes run: routes may change from then on
	ready     chan struct{} // closed once every lane has recovered or stands still for a reason
	ended     chan struct{} // closed when Run has returned
	fatal     chan error
}

// New makes a Router. Nothing runs and nothing is read or written before Run.
func New(opts Options) *Router {
	if opts.Memory <= 0 {
		opts.Memory = 192 << 20
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Nonce == nil {
		opts.Nonce = randomNonce
	}
	r := &Router{
		opts:     opts,
		log:      opts.Log,
		memory:   newMemory(opts.Memory),
		opened:   newDestinations(opts.Open),
		redos:    make(chan struct{}, redosAtOnce),
		draining: make(chan struct{}),
		started:  make(chan struct{}),
		ready:    make(chan struct{}),
		ended:    make(chan struct{}),
		running:  1,
		finished: make(chan struct{}),
		fatal:    make(chan error, 1),
	}
	for _, route := range opts.Routes {
		r.routes = append(r.routes, route.withDefaults())
	}
	for _, s := range opts.Streams {
		rs := newReaders(r, s)
		rs.apply(r.routes)
		r.readers = append(r.readers, rs)
	}
	return r
}

// Run routes until Drain has finished (nil), ctx ends (its error; plans may stay open, which a later Run finishes) or the
// ledger fails for good (that error; the process must end, since what was stored is not known).
func (r *Router) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer close(r.ended)
	defer cancel(nil)
	defer r.opened.close()
	r.ctx = ctx
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.Acknowledge(Acknowledgement{})
	var recovered, others sync.WaitGroup
	for _, rs := range r.readers {
		for _, l := range rs.all() {
			recovered.Add(1)
			r.start(l, recovered.Done)
		}
		others.Go(func() { rs.run(ctx) })
	}
	r.resumeSides(ctx)
	others.Go(func() { recovered.Wait(); close(r.ready) })
	close(r.started)
	r.stopped()

	var err error
	select {
	case err = <-r.fatal:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-r.finished:
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	cancel(err)
	<-r.finished
	others.Wait()
	return err
}

// prepare reads the control lanes and records the revisions of the routes.
func (r *Router) prepare(ctx context.Context) error {
	for _, rs := range r.readers {
		if err := rs.prepare(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("stream %s: %w", rs.stream.Name(), err)
		}
	}
	return nil
}

// start runs a lane, unless Run is about to return. recovered is called once, when the lane has recovered or found that it
// cannot for now.
func (r *Router) start(l *lane, recovered func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == 0 {
		return
	}
	r.running++
	go func() {
		defer r.stopped()
		l.run(r.ctx, recovered)
	}()
}

func (r *Router) stopped() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running--; r.running == 0 {
		close(r.finished)
	}
}

// Drain stops reading, delivers what is pending, writes skips and lets Run return; what its destination does not take within
// DrainTime stays planned or unread. It returns at once; calling it again changes nothing.
func (r *Router) Drain() {
	r.drainOnce.Do(func() {
		close(r.draining)
		for _, rs := range r.readers {
			for _, l := range append(slices.Clip(rs.all()), rs.besides()...) {
				l.wakeUp()
			}
		}
	})
}

func (r *Router) isDraining() bool {
	select {
	case <-r.draining:
		return true
	default:
		return false
	}
}

// Ready is closed once every lane has recovered: redone its open plan, or found that it cannot for now.
func (r *Router) Ready() <-chan struct{} { return r.ready }

// failFor ends Run when err says that the ledger's state is not known any more, and tells whether it does.
func (r *Router) failFor(err error) bool {
	var fatal *fatalError
	if !errors.As(err, &fatal) && !errors.Is(err, ledger.ErrBroken) {
		return false
	}
	select {
	case r.fatal <- err:
	default:
	}
	return true
}

// WaitFor returns once every lane has examined its stream up to what the stream held when WaitFor was called. Lanes that are
// halted or held are not waited for; an error tells of ctx, or that Run has returned.
func (r *Router) WaitFor(ctx context.Context) error {
	for _, rs := range r.readers {
		info, err := rs.stream.Info(ctx)
		if err != nil {
			return fmt.Errorf("stream %s: %w", rs.stream.Name(), err)
		}
		for _, l := range rs.all() {
			if err := l.waitPast(ctx, info.Last); err != nil {
				return err
			}
		}
	}
	return nil
}

// inForce gives the routes as they are now.
func (r *Router) inForce() []Route {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.routes
}

var (
	errStopped = errors.New("stopped")                   // the router ends, or is drained
	errRetired = errors.New("the route is gone")         // the lane is flushed and its route removed or disabled
	errEpoch   = errors.New("the stream has begun anew") // everything believed of positions is void

	errClosedShort = errors.New("it was closed short of its end") // a side lane

	errUnserved = errors.New("no revision of the route is at hand")
)
