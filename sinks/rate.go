package sinks

import (
	"context"
	"sync"
	"time"

	"sluice/sinks/driver"
)

// Rate bounds what a Sink sends by delay alone; nothing is ever dropped. A bound of 0 is none.
type Rate struct {
	Bytes   int64 // a second, of the entries as they stood on the bus
	Entries int64 // a second
}

// cost is how much of its time a unit takes.
func (r Rate) cost(u *driver.Unit) time.Duration {
	if u.To == driver.ToManifest || r == (Rate{}) {
		return 0
	}
	var seconds float64
	if r.Entries > 0 {
		seconds = float64(len(u.Refs)) / float64(r.Entries)
	}
	if r.Bytes > 0 {
		bytes := 0
		for i := range u.Refs {
			bytes += len(u.Refs[i].Raw)
		}
		seconds = max(seconds, float64(bytes)/float64(r.Bytes))
	}
	return time.Duration(seconds * float64(time.Second))
}

// pace lets units begin one after another, each when the time of those before it is over. Idle time is not saved up: in any span
// of time there begins what the rate allows for it, and at most one unit more.
type pace struct {
	rate Rate
	turn chan struct{} // held by the one that waits to be the next: who gives up has taken nothing

	mu   sync.Mutex
	free time.Time // when the next may begin
}

func newPace(r Rate) *pace { return &pace{rate: r, turn: make(chan struct{}, 1)} }

// wait returns when a unit of this cost may begin, or with ctx's end.
func (p *pace) wait(ctx context.Context, cost time.Duration) error {
	if cost == 0 {
		return nil
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return canceled(ctx)
	}
	for pause := p.pause(); pause > 0; pause = p.pause() { // what is given back shortens no pause that has begun
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	p.take(cost)
	return nil
}

func (p *pace) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.free)
}

func (p *pace) take(cost time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(cost)
}

// giveBack returns what was not used: the unit stood there already.
func (p *pace) giveBack(cost time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = p.free.Add(-cost)
}
