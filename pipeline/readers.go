package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
)

const (
	maxReaders = 3               // one at the tail, two behind it
	window     = 2000            // messages: a reader this close behind another is waited for
	linger     = 2 * time.Second // how long a reader without lanes stays open
	infoEvery  = 10 * time.Second
)

// readers are the readers of one stream, and the timetable: which lanes wait where, which reader picks them up.
type readers struct {
	router    *Router
	stream    stream.Stream
	log       *slog.Logger
	control   *control
	lanes     atomic.Pointer[[]*lane] // by ordinal; lanes that have finished keep their place
	strangers strangers

	sideMu sync.Mutex
	sides  map[string]*lane // side lanes by name, also those that have finished

	mu      sync.Mutex
	moved   *sync.Cond // something in the timetable changed
	ctx     context.Context
	running sync.WaitGroup
	active  []*reader
	waiting map[*lane]bool
	paused  bool            // a change waits for the blocks under way, or is being made
	version int             // counts changes of routes and epochs: panels of an older one are void
	seen    *stream.Message // the furthest message handed out
	last    uint64          // highest sequence of the stream, as last heard
	first   uint64
	since   time.Time // when first was heard
	pace    float64   // sequences a second that retention takes away, smoothed
}

func newReaders(r *Router, s stream.Stream) *readers {
	rs := &readers{router: r, stream: s, log: r.log.With("stream", s.Name()), sides: make(map[string]*lane), waiting: make(map[*lane]bool)}
	rs.lanes.Store(&[]*lane{})
	rs.strangers.known = &r.hierarchy
	rs.moved = sync.NewCond(&rs.mu)
	rs.control = newControl(rs)
	return rs
}

// prepare reads the control lane and records the revisions of the routes, before any lane runs.
func (rs *readers) prepare(ctx context.Context) error {
	rs.ctx = ctx
	info, err := rs.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("ask for the stream's state: %w", err)
	}
	rs.heard(info)
	return rs.control.prepare(ctx, info)
}

// run watches the stream until ctx ends or the router drains, then waits for the readers to end.
func (rs *readers) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { rs.mu.Lock(); rs.moved.Broadcast(); rs.mu.Unlock() })
	defer stop()
	tick := time.NewTicker(infoEvery)
	defer tick.Stop()
	draining := rs.router.draining
	for {
		select {
		case <-tick.C:
			rs.watch(ctx)
		case <-draining:
			draining = nil
			rs.mu.Lock()
			rs.moved.Broadcast()
			rs.mu.Unlock()
		case <-ctx.Done():
			rs.mu.Lock() // whoever is starting a reader has started it
			rs.mu.Unlock()
			rs.running.Wait()
			return
		}
	}
}

// watch hears the stream's bounds and lets lanes whose durable cursor may soon be overtaken by retention record where they are.
func (rs *readers) watch(ctx context.Context) {
	info, err := rs.ask(ctx)
	if err != nil {
		return // the readers meet the same error and say it, or every lane has been told
	}
	quarter := info.First + (info.Last-info.First+1)/4
	for _, l := range rs.all() {
		l.hearOldest(quarter)
		l.forecast()
	}
}

// all gives the stream's lanes by ordinal, also those that have finished.
func (rs *readers) all() []*lane { return *rs.lanes.Load() }

func (rs *readers) heard(info stream.Info) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := time.Now()
	if gone := now.Sub(rs.since); !rs.since.IsZero() && gone >= infoEvery/2 && info.First >= rs.first {
		rs.pace += (float64(info.First-rs.first)/gone.Seconds() - rs.pace) / 4
		rs.since = now
		rs.first = info.First
	}
	if rs.since.IsZero() || info.First < rs.first {
		rs.since, rs.first = now, info.First
	}
	rs.last = info.Last
}

// bounds gives the stream's first and last sequence as last heard.
func (rs *readers) bounds() (first, last uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.first, rs.last
}

// trimmed makes the lanes aboard r record that the stream has lost everything up to lost.
func (rs *readers) trimmed(r *reader, lost uint64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, l := range r.aboard {
		l.stopAt(r, &barrier{loss: &ledger.Loss{From: r.pos, To: lost, Count: lost - r.pos + 1, Reason: "retention"}})
	}
	r.aboard = nil
	r.pos = lost + 1
}

// schedule takes a lane that wants to board into the timetable.
func (rs *readers) schedule(l *lane) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.waiting[l] = true
	rs.serve()
}

// serve boards whom it can and starts the readers that are needed. rs.mu is held.
func (rs *readers) serve() {
	for _, r := range rs.active {
		if !r.processing {
			rs.getOff(r)
			rs.pickUp(r)
		}
	}
	for {
		pos, needed := rs.unserved()
		if !needed || rs.ctx.Err() != nil || rs.router.isDraining() {
			break
		}
		if r := rs.idleReader(); r != nil {
			rs.place(r, pos)
			continue
		}
		if len(rs.active) >= maxReaders {
			break
		}
		ctx, stop := context.WithCancel(rs.ctx)
		r := &reader{rs: rs, stop: stop}
		rs.place(r, pos)
		rs.active = append(rs.active, r)
		rs.running.Go(func() { defer stop(); r.run(ctx) })
	}
	rs.moved.Broadcast()
}

// unserved gives a position at which a reader is missing: the lowest of the waiting lanes when no reader comes by there, else
// the highest when all readers are far behind it.
func (rs *readers) unserved() (uint64, bool) {
	low, high := ^uint64(0), uint64(0)
	for l := range rs.waiting {
		pos, ok := l.waitsAt()
		if !ok {
			delete(rs.waiting, l)
			continue
		}
		low, high = min(low, pos), max(high, pos)
	}
	if high == 0 {
		return 0, false
	}
	comesBy, top := false, uint64(0)
	for _, r := range rs.active {
		if r.idle.IsZero() {
			comesBy = comesBy || r.pos <= low
			top = max(top, r.pos)
		}
	}
	switch {
	case !comesBy:
		return low, true
	case top+window < high:
		return high, true
	}
	return 0, false
}

func (rs *readers) idleReader() *reader {
	for _, r := range rs.active {
		if !r.idle.IsZero() && !r.ended && !r.processing {
			return r
		}
	}
	return nil
}

// pickUp boards the lanes that wait at r's position, after getOff: nobody stands in the list twice. rs.mu is held.
func (rs *readers) pickUp(r *reader) {
	for l := range rs.waiting {
		pos, ok := l.waitsAt()
		switch {
		case !ok:
			delete(rs.waiting, l)
		case pos == r.pos && !r.ended && l.boardOn(r, pos):
			delete(rs.waiting, l)
			r.aboard = append(r.aboard, l)
			r.idle = time.Time{}
		}
	}
}

// retire takes a reader that ends out of the timetable.
func (rs *readers) retire(r *reader) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.ended = true
	for i, o := range rs.active {
		if o == r {
			rs.active = append(rs.active[:i], rs.active[i+1:]...)
			break
		}
	}
	rs.serve()
}
