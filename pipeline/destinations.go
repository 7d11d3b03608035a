package pipeline

import (
	"context"
	"fmt"
	"sync"

	"sluice/sinks"
)

// destination is where a route delivers under certain delivery settings, and where what it refuses goes.
type destination struct {
	sink *sinks.Sink
	dead *sinks.Sink // nil for Unreadable
}

// destinations opens each destination once, however many lanes deliver there. One that takes its time keeps nobody else waiting.
type destinations struct {
	open func(ctx context.Context, route string, delivery []byte) (sink, dead *sinks.Sink, err error)

	mu     sync.Mutex
	opened map[string]*opening     // by route and hash of the delivery settings
	known  map[string]*destination // likewise, the last that was opened, also before a renewal
	all    []*destination          // ever opened: somebody may be writing there
}

// opening is a destination that is open, or about to be.
type opening struct {
	done chan struct{} // closed when it is known what became of it
	dest *destination
	err  error
}

func newDestinations(open func(context.Context, string, []byte) (sink, dead *sinks.Sink, err error)) *destinations {
	return &destinations{open: open, opened: make(map[string]*opening), known: make(map[string]*destination)}
}

// get gives the destination of delivery settings, opening it when needed.
func (d *destinations) get(ctx context.Context, route string, delivery []byte) (*destination, error) {
	id := route + "/" + hashOf(delivery)
	d.mu.Lock()
	o := d.opened[id]
	if o == nil {
		o = &opening{done: make(chan struct{})}
		d.opened[id] = o
		d.mu.Unlock()
		d.fill(ctx, id, o, route, delivery)
		return o.dest, o.err
	}
	d.mu.Unlock()
	select {
	case <-o.done:
		return o.dest, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fill opens a destination. One that cannot be opened is tried again by whoever asks next.
func (d *destinations) fill(ctx context.Context, id string, o *opening, route string, delivery []byte) {
	defer close(o.done)
	sink, dead, err := d.open(ctx, route, delivery)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		o.err = fmt.Errorf("open the destination of route %s: %w", route, err)
		if d.opened[id] == o {
			delete(d.opened, id)
		}
		return
	}
	o.dest = &destination{sink, dead}
	d.known[id] = o.dest
	d.all = append(d.all, o.dest)
}

// facts gives the destination of delivery settings for its facts alone, such as its Key, which are the same however it was opened;
// nil when nobody has opened it yet.
func (d *destinations) facts(route string, delivery []byte) *destination {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[route+"/"+hashOf(delivery)]
}

// renew lets each destination be opened anew when it is next asked for: credentials and endpoints may have changed.
func (d *destinations) renew() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.opened)
}

func (d *destinations) close() {
	d.renew()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.all {
		_ = o.sink.Close() // nothing durable depends on it
		if o.dead != nil {
			_ = o.dead.Close()
		}
	}
	d.all = nil
}
