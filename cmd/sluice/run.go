package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/console"
	"sluice/pipeline"
)

func newRunCommand() *cobra.Command {
	var config string
	var acknowledge []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon: route entries until SIGTERM",
		Long: `Reads the configured streams and delivers to the routes' sinks, each entry exactly once. After a crash, start it
again: it finishes what was open and goes on. SIGTERM or Ctrl-C stops reading, delivers what is pending for at most 25 s and
exits with 0; what a sink does not take in that time is delivered by the next run.

SIGHUP, or a change of the configuration's files, puts the routes as they are written then into force: all of them, or none when
there is a mistake. Filters and exclusions change at one recorded sequence; destinations and batches with the next plan; a removed
route is drained and closed. Changes of bus, ledger, memory and http wait for the next start. A configuration without a route
that was required, or that keeps other entries there, is refused, at the start and later, unless --acknowledge names the route.`,
		Example: `  sluice run                          with ./sluice.yaml
  sluice run -c /etc/sluice.yaml --log-format json
  sluice run --acknowledge audit      a required route may go; the ledger records who said so`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDaemon(cmd.Context(), config, acknowledge) },
	}
	addConfigFlag(cmd, &config)
	addAcknowledgeFlag(cmd, &acknowledge)
	return cmd
}

func runDaemon(ctx context.Context, config string, acknowledge []string) error {
	cfg, err := configs.Load(config, registry())
	if err != nil {
		return err
	}
	limitMemory(cfg.Memory)
	collectEarly()
	stop, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	d, err := openDaemon(stop, cfg, registry())
	if err != nil {
		return err
	}
	d.router.Acknowledge(pipeline.Acknowledgement{Who: operator(), Routes: acknowledge})
	reloads := &reloader{path: config, daemon: d, asked: make(chan reloadRequest)}
	web, err := serveConsole(cfg.HTTP.Listen, d, reloads)
	if err != nil {
		return errors.Join(err, d.close())
	}
	go reloads.watch(stop)
	slog.Info("routing", "config", config, "routes", len(cfg.Routes), "streams", len(d.streams), "bus", d.bus.URL())
	err = d.run(ctx, stop.Done())
	slog.Info("stopped")
	return errors.Join(err, web.Close(), d.close())
}

// serveConsole serves status and health; with no address, nothing.
func serveConsole(listen string, d *daemon, reloads *reloader) (*http.Server, error) {
	web := &http.Server{Handler: console.WithReload(console.Handler(d.router, d.metrics), reloads.ask), ReadHeaderTimeout: 10 * time.Second}
	if listen == "" {
		return web, nil
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	go func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("console stopped", "error", err)
		}
	}()
	return web, nil
}

// limitMemory tells the collector to keep the whole process near the bound on pending bytes; the rest is the program, the
// embedded bus, what was read ahead and what is being encoded.
func limitMemory(pending int64) { debug.SetMemoryLimit(pending + 24<<20) }
