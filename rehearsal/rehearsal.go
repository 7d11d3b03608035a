// Package rehearsal says what routes would make of what streams hold, without delivering anything: the real router runs over a
// view of the streams that does not grow, with a ledger in memory and destinations that are nowhere. So it decides as the daemon
// does, in everything that the stream and the configuration determine.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/memory"
	"sluice/pipeline/stream"
	"sluice/sinks/driver"
)

// Options are what a rehearsal is of.
type Options struct {
	Streams []stream.Stream // Views, so that several rehearsals see the same
	Routes  []pipeline.Route
	Since   time.Time // zero: from the first message held
	Decide  func(route string, decision []byte) (pipeline.Decision, error)
	Memory  int64
	Log     *slog.Logger
}

// Result is what the routes made of the streams.
type Result struct {
	Balance ledger.Balance // Bytes are those of the entries on the bus
	kept    map[lane]*tally
}

// lane is a route on a stream.
type lane struct{ route, stream string }

// progressEvery is how often Run tells how far it is.
const progressEvery = 200 * time.Millisecond

// Run routes everything that the views hold since o.Since to nowhere. progress, unless nil, is called now and then with the
// messages that the hindmost route has still to read. An error tells of a route that cannot go on, of a stream that cannot be
// read, or of ctx.
func Run(ctx context.Context, o Options, progress func(left uint64)) (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	led := memory.New()
	hall := newHall()
	router := pipeline.New(pipeline.Options{
		Ledger: led, Streams: o.Streams, Routes: rehearsed(o), Decide: o.Decide, Open: hall.open, Memory: o.Memory, Log: o.Log,
	})
	done := make(chan error, 1)
	go func() { done <- router.Run(ctx) }()
	err := await(ctx, router, progress)
	router.Drain()
	if err != nil {
		cancel()
		<-done
		return nil, err
	}
	if err := <-done; err != nil {
		return nil, fmt.Errorf("rehearse: %w", err)
	}
	b, err := ledger.TakeBalance(ctx, led)
	if err != nil {
		return nil, err
	}
	return &Result{Balance: b, kept: hall.tallies}, errors.Join(b.Broken...)
}

// rehearsed gives the routes as they are rehearsed: from the beginning, in large batches, nowhere.
func rehearsed(o Options) []pipeline.Route {
	routes := append([]pipeline.Route(nil), o.Routes...)
	for i := range routes {
		routes[i].Start = configs.Start{Earliest: o.Since.IsZero(), Time: o.Since}
		routes[i].OnLoss = configs.RecordLoss
		routes[i].Delivery = []byte("{}")
	}
	return routes
}

// await waits until every route has examined all there is, or one says that it cannot.
func await(ctx context.Context, router *pipeline.Router, progress func(uint64)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- router.WaitFor(ctx) }()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return errors.Join(err, halted(router))
		case <-tick.C:
		}
		if err := halted(router); err != nil {
			return err
		}
		if progress != nil {
			progress(left(router))
		}
	}
}

func left(router *pipeline.Router) (most uint64) {
	for _, s := range router.Status() {
		most = max(most, s.Lag)
	}
	return most
}

func halted(router *pipeline.Router) error {
	for _, s := range router.Status() {
		if s.State == pipeline.Halted {
			return fmt.Errorf("rehearse route %s on stream %s: %s", s.Route, s.Stream, s.Message)
		}
	}
	return nil
}

// Position is where an entry stands.
type Position struct {
	Stream string `json:"stream"`
	Seq    uint64 `json:"seq"`
	Index  int32  `json:"index"`
}

// Dropped gives up to most entries that the route kept in before and does not keep in r, in stream order, and how many they are.
func (r *Result) Dropped(before *Result, route string, most int) (examples []Position, n uint64) {
	for l, t := range before.kept {
		if l.route == route {
			n += t.without([]*tally{r.kept[l]}, l.stream, &examples, most)
		}
	}
	return examples, n
}

// Unserved gives up to most entries that the route kept and none of others did, in stream order, and how many they are.
func (r *Result) Unserved(route string, others []string, most int) (examples []Position, n uint64) {
	for l, t := range r.kept {
		if l.route != route {
			continue
		}
		var takers []*tally
		for _, other := range others {
			takers = append(takers, r.kept[lane{other, l.stream}])
		}
		n += t.without(takers, l.stream, &examples, most)
	}
	return examples, n
}

var _ driver.Driver = (*nowhere)(nil)
