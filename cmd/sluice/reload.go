package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"

	"sluice/configs"
	"sluice/console"
	"sluice/pipeline"
)

// watchEvery is how often the configuration's files are looked at.
const watchEvery = 2 * time.Second

// reloader puts a changed configuration into force while the daemon runs: on SIGHUP, and when one of its files changes. A
// configuration with a mistake is refused whole, and the one in force stays.
type reloader struct {
	path   string
	daemon *daemon
	seen   string // what the files looked like
	asked  chan reloadRequest
}

// reloadRequest is a person's wish for a reload.
type reloadRequest struct {
	console.Reload
	done chan<- error
}

// ask has the configuration reloaded and tells what came of it.
func (r *reloader) ask(ctx context.Context, asked console.Reload) error {
	done := make(chan error, 1)
	select {
	case r.asked <- reloadRequest{asked, done}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch reloads until ctx ends.
func (r *reloader) watch(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	r.seen = lookOf(r.daemon.cfg.Load().Watched())
	for {
		select {
		case <-ctx.Done():
			return
		case asked := <-r.asked:
			r.daemon.router.Acknowledge(pipeline.Acknowledgement{Who: asked.Who, Routes: asked.Acknowledge})
			asked.done <- r.reload(ctx)
			r.daemon.router.Acknowledge(pipeline.Acknowledgement{})
			continue
		case <-hangup:
		case <-tick.C:
			if lookOf(r.daemon.cfg.Load().Watched()) == r.seen {
				continue
			}
		}
		_ = r.reload(ctx) // it has said what is wrong
	}
}

// reload reads the configuration and puts it into force. What keeps it from that is logged as well as returned, since most often
// nobody waits for it.
func (r *reloader) reload(ctx context.Context) error {
	r.seen = lookOf(r.daemon.cfg.Load().Watched())
	next, err := configs.Load(r.path, registry())
	if err != nil {
		slog.Error("the changed configuration is refused, the one before stays in force", "error", err)
		return err
	}
	if err := r.daemon.reload(ctx, next); err != nil {
		slog.Error("reload", "error", err)
		if _, refused := errors.AsType[*pipeline.RequiredError](err); !refused {
			r.seen = "" // the file is sound: it is tried again
		}
		return err
	}
	r.seen = lookOf(next.Watched())
	slog.Info("the changed configuration is in force", "config", r.path, "routes", len(next.Routes))
	return nil
}

// reload puts the routes of a configuration into force. What else has changed waits for the next start, and is logged.
func (d *daemon) reload(ctx context.Context, next *configs.Config) error {
	now := d.cfg.Load()
	for name, changed := range map[string]bool{
		"bus":    !reflect.DeepEqual(now.Bus, next.Bus),
		"ledger": now.Ledger != next.Ledger,
		"memory": now.Memory != next.Memory,
		"http":   now.HTTP != next.HTTP,
	} {
		if changed {
			slog.Warn("a change that takes effect at the next start", "key", name)
		}
	}
	if err := refuseShortfall(ctx, next); err != nil {
		return err
	}
	d.cfg.Store(next)
	d.router.SetHierarchy(next.Hierarchy.Names())
	err := d.router.Reload(ctx, pipelineRoutes(next))
	if _, refused := errors.AsType[*pipeline.RequiredError](err); refused {
		d.cfg.Store(now)
		d.router.SetHierarchy(now.Hierarchy.Names())
	}
	return err
}

// lookOf tells whether files have changed, without reading them.
func lookOf(files []string) string {
	look := ""
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			look += fmt.Sprintf("%s: %v\n", f, err)
			continue
		}
		look += fmt.Sprintf("%s: %d %s\n", f, info.Size(), info.ModTime())
	}
	return look
}

// refuseShortfall attests the retention that the configuration demands of its buckets. A bucket that cannot be asked now, or to
// which nothing can be delivered, is only a warning: the trouble of one route must not keep the others from running.
func refuseShortfall(ctx context.Context, cfg *configs.Config) error {
	for _, a := range attest(ctx, cfg) {
		switch {
		case a.err != nil:
			slog.Warn("retention cannot be attested now", "sink", a.String())
		case !a.ok() && a.finding.Pauses:
			slog.Warn("a destination is not ready; its route will wait", "sink", a.String())
		case !a.ok():
			return fmt.Errorf("retention falls short: %s", a)
		}
	}
	return nil
}
