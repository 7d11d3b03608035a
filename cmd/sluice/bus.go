package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sluice/configs"
	"sluice/logentry"
	"sluice/pipeline/stream/jetstream"
)

// busWait is how long the daemon waits for the embedded bus' folder, which a publisher may be using for a moment, or for servers
// that start together with it.
const busWait = 10 * time.Second

// openBus opens the bus of a daemon: the embedded one becomes its own. Close it at the end.
func openBus(ctx context.Context, cfg configs.Bus) (*jetstream.Bus, error) {
	o := busOptions(cfg)
	o.Wait = busWait
	return jetstream.Open(ctx, o)
}

// attachBus opens the bus of a short-lived command: the embedded one is the daemon's, if a daemon runs, else its own.
func attachBus(ctx context.Context, cfg configs.Bus) (*jetstream.Bus, error) {
	return jetstream.Attach(ctx, busOptions(cfg))
}

func busOptions(cfg configs.Bus) jetstream.Options {
	if cfg.Embedded == nil {
		return jetstream.Options{URL: string(cfg.URL), Login: busLogin(cfg), TLS: (*jetstream.TLS)(cfg.TLS)}
	}
	return jetstream.Options{Dir: cfg.Embedded.Dir, Listen: cfg.Embedded.Listen}
}

func busLogin(cfg configs.Bus) jetstream.Login {
	l := jetstream.Login{Creds: cfg.Creds, NKey: cfg.NKey, User: cfg.User}
	if cfg.Password.IsSet() {
		l.Password = cfg.Password.Read
	}
	if cfg.Token.IsSet() {
		l.Token = cfg.Token.Read
	}
	return l
}

// openStream opens a configured stream, creates it when it is absent, and logs where it is not as configured or a risk.
func openStream(ctx context.Context, bus *jetstream.Bus, c configs.Stream, limits logentry.Limits) (*jetstream.Stream, error) {
	s, err := bus.Stream(ctx, jetstream.StreamConfig{
		Name: c.Name, Subjects: c.Subjects, MaxAge: c.MaxAge, MaxBytes: c.MaxBytes, Replicas: c.Replicas, MaxEntry: limits.Entry,
	})
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	for _, w := range s.Warnings() {
		slog.Warn("stream setting", "stream", c.Name, "warning", w)
	}
	return s, nil
}
