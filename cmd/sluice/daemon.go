package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/configs"
	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
	"sluice/pipeline/stream"
	"sluice/pipeline/stream/jetstream"
	"sluice/redact"
	"sluice/sinks"
)

// daemon is a router with its bus and its ledger, made of a configuration.
type daemon struct {
	bus     *jetstream.Bus
	streams []*jetstream.Stream
	ledger  *file.Ledger
	router  *pipeline.Router
	metrics *console.Metrics
	errors  *sinkErrors
	cfg     atomic.Pointer[configs.Config] // in force
}

func newDaemon(cfg *configs.Config) *daemon {
	d := &daemon{metrics: console.NewMetrics(prometheus.NewRegistry())}
	d.cfg.Store(cfg)
	d.errors = newSinkErrors(&d.cfg)
	return d
}

// openDaemon opens bus and ledger and makes the router. Nothing is routed before run.
func openDaemon(ctx context.Context, cfg *configs.Config, reg sinks.Registry) (*daemon, error) {
	d := newDaemon(cfg)
	err := refuseShortfall(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if d.ledger, err = file.Open(cfg.Ledger.File, slog.Default()); err != nil {
		return nil, err
	}
	if d.bus, err = openBus(ctx, cfg.Bus); err != nil {
		return nil, errors.Join(err, d.close())
	}
	var streams []stream.Stream
	for _, c := range cfg.Bus.Streams {
		s, err := openStream(ctx, d.bus, c, cfg.Limits)
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		d.streams = append(d.streams, s)
		streams = append(streams, s)
	}
	d.errors.streams = d.streams
	d.router = pipeline.New(pipeline.Options{
		Ledger: d.metrics.Ledger(d.ledger), Streams: streams, Routes: pipelineRoutes(cfg), Memory: cfg.Memory,
		Decide: decisionReader(&d.cfg), Open: destinationOpener(d, reg), Log: slog.Default(),
		OnTrouble: d.errors.tell,
	})
	d.router.SetHierarchy(cfg.Hierarchy.Names())
	return d, nil
}

// pipelineRoutes are the configuration's routes and the built-in one.
func pipelineRoutes(cfg *configs.Config) []pipeline.Route {
	var routes []pipeline.Route
	for _, r := range append(append([]configs.Route(nil), cfg.Routes...), cfg.Unreadable()) {
		routes = append(routes, pipeline.Route{
			Name: r.Name, Disabled: r.Disabled, Decision: r.Decision(cfg.Limits), Delivery: r.Delivery(),
			Batch: r.Batch, Start: r.Start, OnLoss: r.OnLoss,
		})
	}
	return routes
}

// decisionReader reads decision settings, with the keys that are configured when they are needed.
func decisionReader(cfg *atomic.Pointer[configs.Config]) func(string, []byte) (pipeline.Decision, error) {
	return func(route string, b []byte) (pipeline.Decision, error) {
		terms, err := configs.ParseDecision(b)
		d := pipeline.DecisionOf(terms)
		d.Unreadable = route == ledger.UnreadableRoute
		if err == nil && terms.Redaction != nil {
			d.Redact, err = terms.Redaction.Redactor(func(fingerprint string) (redact.Key, error) { return cfg.Load().RedactionKey(fingerprint) })
		}
		return d, err
	}
}

// readDecision reads decision settings for whoever delivers nothing, and so redacts nothing.
func readDecision(route string, b []byte) (pipeline.Decision, error) {
	terms, err := configs.ParseDecision(b)
	d := pipeline.DecisionOf(terms)
	d.Unreadable = route == ledger.UnreadableRoute
	return d, err
}

// run routes until stop is closed and the drain is done, or the router fails. What is not delivered in pipeline.DrainTime after
// stop stays planned, and is no error.
func (d *daemon) run(ctx context.Context, stop <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	var telling sync.WaitGroup
	defer telling.Wait()
	defer cancel()
	telling.Go(func() { d.errors.run(ctx) })
	done := make(chan error, 1)
	go func() { done <- d.router.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-stop:
	}
	d.router.Drain()
	select {
	case err := <-done:
		return err
	case <-time.After(pipeline.DrainTime):
		slog.Warn("the drain took too long; what is pending stays planned", "after", pipeline.DrainTime)
		cancel()
		<-done
		return nil
	}
}

// close frees bus and ledger.
func (d *daemon) close() error {
	var errs []error
	if d.bus != nil {
		errs = append(errs, d.bus.Close())
	}
	if d.ledger != nil {
		errs = append(errs, d.ledger.Close())
	}
	return errors.Join(errs...)
}
