package main

import (
	"context"
	"fmt"

	"sluice/configs"
	"sluice/pipeline/ledger"
	"sluice/sinks"
	"sluice/sinks/driver"
)

// destinationOpener opens destinations of the registry's kinds, as they were recorded, with today's credentials and endpoints.
func destinationOpener(d *daemon, reg sinks.Registry) func(context.Context, string, []byte) (sink, dead *sinks.Sink, err error) {
	return func(ctx context.Context, route string, b []byte) (sink, dead *sinks.Sink, err error) {
		delivery, err := configs.ParseDelivery(b, reg)
		if err != nil {
			return nil, nil, err
		}
		d.cfg.Load().Complete(route, &delivery)
		if dead, err = d.openSink(ctx, route, &delivery.DeadLetter, driver.ToDeadLetter); err != nil {
			return nil, nil, fmt.Errorf("dead letters: %w", err)
		}
		if route == ledger.UnreadableRoute {
			return dead, nil, nil
		}
		sink, err = d.openSink(ctx, route, &delivery.Sink, driver.ToSink)
		return sink, dead, err
	}
}

// openSink opens one destination of a route, to be called as the configuration says.
func (d *daemon) openSink(ctx context.Context, route string, s *configs.Sink, as driver.To) (*sinks.Sink, error) {
	if err := d.keepApart(ctx, s); err != nil {
		return nil, err
	}
	opened, err := s.Options.Open(ctx, as)
	if err != nil {
		return nil, err
	}
	o := s.Calls.Options()
	o.Hooks = hooksOf(d.metrics, route, s)
	return sinks.New(opened, o), nil
}

// keepApart lets a destination that is a stream refuse the one of its name that the router reads.
func (d *daemon) keepApart(ctx context.Context, s *configs.Sink) error {
	streamer, ok := s.Options.(driver.Streamer)
	if !ok {
		return nil
	}
	for _, read := range d.streams {
		if _, name := streamer.Bus(); name != read.Name() {
			continue
		}
		info, err := read.Info(ctx)
		if err != nil {
			return fmt.Errorf("see whether the destination is what is read: %w", err)
		}
		streamer.Refuse(info.Created)
	}
	return nil
}
