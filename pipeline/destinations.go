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

// destinations opens each destination once, however many lanes deliver there.
type destinations struct {
	open func(ctx context.Context, route string, delivery []byte) (sink, dead *sinks.Sink, err error)

	mu     sync.Mutex
	opened map[string]*destination // by route and hash of the delivery settings
	former []*destination          // opened before a renewal: somebody may be writing there
}

func newDestinations(open func(context.Context, string, []byte) (sink, dead *sinks.Sink, err error)) *destinations {
	return &destinations{open: open, opened: make(map[string]*destination)}
}

// get gives the destination of delivery settings, opening it when needed.
func (d *destinations) get(ctx context.Context, route string, delivery []byte) (*destination, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := route + "/" + hashOf(delivery)
	if o := d.opened[id]; o != nil {
		return o, nil
	}
	sink, dead, err := d.open(ctx, route, delivery)
	if err != nil {
		return nil, fmt.Errorf("open the destination of route %s: %w", route, err)
	}
	o := &destination{sink, dead}
	d.opened[id] = o
	return o, nil
}

// renew lets each destination be opened anew when it is next asked for: credentials and endpoints may have changed.
func (d *destinations) renew() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, o := range d.opened {
		d.former = append(d.former, o)
		delete(d.opened, id)
	}
}

func (d *destinations) close() {
	d.renew()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.former {
		_ = o.sink.Close() // nothing durable depends on it
		if o.dead != nil {
			_ = o.dead.Close()
		}
	}
	d.former = nil
}
