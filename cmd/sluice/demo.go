package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

//go:embed demo.yaml
var demoConfig string

func newDemoCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job: a bus, filters, exclusions, files, and a balanced account",
		Long: `Starts an embedded NATS JetStream server in ./sluice-demo, publishes invented audit entries of Google Cloud, Vertex AI,
Databricks, W&B and CircleCI to it, and routes them into files by three routes with filters and exclusions. It ends with the
account of this run: what became of every entry. Run it again and it delivers nothing twice; kill it in the middle and the
next run finishes what was open.`,
		Example: `  sluice demo
  sluice demo -o json
  sluice demo --dir /tmp/demo`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&dir, "dir", "./sluice-demo", "the demo's folder")
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		d := &demo{dir: dir, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
		return d.run(cmd.Context(), *format)
	}
	return cmd
}

// demo is one run of the demo.
type demo struct {
	dir      string
	out, err io.Writer
}

func (d *demo) run(ctx context.Context, format outputFormat) error {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	config, entries, err := d.lay()
	if err != nil {
		return err
	}
	cfg, err := configs.Load(config, registry())
	if err != nil {
		return err
	}
	daemon, err := openDaemon(ctx, cfg, registry())
	if err != nil {
		return err
	}
	account, err := d.route(ctx, daemon, entries)
	if err = errors.Join(err, daemon.close()); err != nil {
		return err
	}
	if err := d.show(account, format); err != nil {
		return err
	}
	if !account.Balanced() {
		return &exitError{code: exitNo, err: errors.New("the account does not balance")}
	}
	return nil
}

// lay writes what the demo works with into its folder: the configuration, unless there is one, and the entries.
func (d *demo) lay() (config, entries string, err error) {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return "", "", err
	}
	config, entries = filepath.Join(d.dir, "sluice.yaml"), filepath.Join(d.dir, "entries.jsonl")
	if _, err := os.Stat(config); errors.Is(err, os.ErrNotExist) {
		text := strings.ReplaceAll(demoConfig, "{{dir}}", filepath.ToSlash(d.dir))
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			return "", "", err
		}
	}
	lines := append(bytes.Join(demoEntries(), []byte("\n")), '\n')
	if have, err := os.ReadFile(entries); err == nil && bytes.Equal(have, lines) {
		return config, entries, nil
	}
	return config, entries, os.WriteFile(entries, lines, 0o644)
}

// route publishes the entries, routes all that the bus holds, drains, and gives the account of what this run added.
func (d *demo) route(ctx context.Context, daemon *daemon, entries string) (ledger.Balance, error) {
	before, err := ledger.TakeBalance(ctx, daemon.ledger)
	if err != nil {
		return ledger.Balance{}, err
	}
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- daemon.run(context.WithoutCancel(ctx), stop) }()
	publish := func() error {
		bar := newProgress(d.err, "publishing")
		show := func(p published) {
			bar.show(fmt.Sprintf("%d entries, %d of them already there", p.Entries, p.AlreadyThere))
		}
		accounts, err := publishFiles(ctx, daemon.bus, daemon.streams[0], []string{entries}, nil, show)
		for _, p := range accounts {
			show(p)
		}
		bar.end()
		return err
	}
	err = publish()
	if err == nil {
		err = d.untilRouted(ctx, daemon)
	}
	close(stop)
	if err = errors.Join(err, <-done); err != nil {
		return ledger.Balance{}, err
	}
	after, err := ledger.TakeBalance(context.WithoutCancel(ctx), daemon.ledger)
	return after.Since(before), err
}

// untilRouted waits until every route has examined all that the bus holds.
func (d *demo) untilRouted(ctx context.Context, daemon *daemon) error {
	bar := newProgress(d.err, "routing")
	defer bar.end()
	done := make(chan error, 1)
	go func() { done <- daemon.router.WaitFor(ctx) }()
	for {
		select {
		case err := <-done:
			return errors.Join(err, halted(daemon.router.Status()))
		case <-bar.tick():
			var lag uint64
			for _, s := range daemon.router.Status() {
				lag = max(lag, s.Lag)
			}
			bar.show(fmt.Sprintf("%d messages to go", lag))
		}
	}
}

// halted tells of the routes that only a person can help.
func halted(lanes []pipeline.LaneStatus) error {
	var all []error
	for _, l := range lanes {
		if l.State == pipeline.Halted {
			all = append(all, fmt.Errorf("route %s is halted: %s", l.Route, l.Message))
		}
	}
	return errors.Join(all...)
}

func (d *demo) show(account ledger.Balance, format outputFormat) error {
	for _, broken := range account.Broken {
		slog.Error("the ledger does not hold", "error", broken)
	}
	if format == outputJSON {
		return json.NewEncoder(d.out).Encode(account)
	}
	fmt.Fprintln(d.out, "What became of the entries that this run examined:")
	fmt.Fprintln(d.out)
	if err := writeBalance(d.out, account); err != nil {
		return err
	}
	config := filepath.Join(d.dir, "sluice.yaml")
	_, err := fmt.Fprintf(d.out, `
Delivered files: %s   dead letters: %s   routes: %s
Try next (with `+"`go run ./cmd/sluice`"+` in the place of sluice when it is not installed):
  sluice balance -c %[3]s                     the account since the first run
  sluice ledger show audit-archive -c %[3]s   every plan, write and commit of a route
  sluice filter 'severity>=ERROR protoPayload.status.code=7' %[4]s   who was refused what
`, filepath.Join(d.dir, "out"), filepath.Join(d.dir, "dead"), config, filepath.Join(d.dir, "entries.jsonl"))
	return err
}
