package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sluice/configs"
	"sluice/pipeline/stream/jetstream"
)

// folderWait is how long the daemon waits for the embedded bus' folder: a publisher may be using it for a moment.
const folderWait = 10 * time.Second

// openBus opens the bus of a daemon: the embedded one becomes its own. Close it at the end.
func openBus(ctx context.Context, cfg configs.Bus) (*jetstream.Bus, error) {
	o := busOptions(cfg)
	o.Wait = folderWait
	return jetstream.Open(ctx, o)
}

// attachBus opens the bus of a short-lived command: the embedded one is the daemon's, if a daemon runs, else its own.
func attachBus(ctx context.Context, cfg configs.Bus) (*jetstream.Bus, error) {
	return jetstream.Attach(ctx, busOptions(cfg))
}

func busOptions(cfg configs.Bus) jetstream.Options {
	if cfg.Embedded == nil {
		return jetstream.Options{URL: string(cfg.URL)}
	}
	return jetstream.Options{Dir: cfg.Embedded.Dir, Listen: cfg.Embedded.Listen}
}

// openStream opens a configured stream, creates it when it is absent, and logs where it is not as configured.
func openStream(ctx context.Context, bus *jetstream.Bus, c configs.Stream) (*jetstream.Stream, error) {
	s, err := bus.Stream(ctx, jetstream.StreamConfig{
		Name: c.Name, Subjects: c.Subjects, MaxAge: c.MaxAge, MaxBytes: c.MaxBytes, Replicas: c.Replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	for _, w := range s.Warnings() {
		slog.Warn("stream differs from the configuration", "stream", c.Name, "difference", w)
	}
	return s, nil
}
