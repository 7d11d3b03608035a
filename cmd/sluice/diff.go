package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
	"sluice/pipeline/stream"
	"sluice/pipeline/stream/jetstream"
	"sluice/rehearsal"
)

// activityProbe is the route beside the others by which diff knows the entries that must reach one of them. Names that begin
// with _ are nobody else's.
const (
	activityProbe  = "_activity"
	activityFilter = `log_id("cloudaudit.googleapis.com/activity")`
	examplesMost   = 5
)

// differ is one comparison.
type differ struct {
	config, old string
	since       string
	sample      string
	format      *outputFormat
	out, err    io.Writer
}

func newDiffCommand() *cobra.Command {
	d := &differ{}
	cmd := &cobra.Command{
		Use:   "diff -c NEW.yaml",
		Short: "Show what a changed configuration would make of the entries that the streams hold",
		Long: `Routes everything that the streams hold twice, to nowhere: as it is decided now and as the new configuration would decide it.
Shown for each route that is added, changed or removed: how many entries and bytes it takes before and after, what the
exclusions and quotas take, what its bytes cost (prices: in the new configuration), and examples of entries that it takes now and
would not take any more. The streams are those of the new configuration. Nothing is delivered, published or recorded; the daemon
may be running.

"Now" is what the ledger has recorded as in force, or the configuration that --old names: the ledger does not tell which routes a
configuration disables, so these count as if they ran; --old tells them apart. A predicted count is that of a run over
the same entries from the beginning: what depends on the hour of the day or on what a destination refuses is not foreseen.

Exit code: 0; 1 when an entry of an audit log "activity" would reach no route, or nothing can be compared; 2 when a configuration or
the command line is wrong.`,
		Example: `  sluice diff -c new.yaml
  sluice diff -c new.yaml --since 24h --sample 10%
  sluice diff -c new.yaml --old /etc/sluice.yaml -o json | jq '.routes[] | select(.dropped > 0)'`,
		Args: cobra.NoArgs,
	}
	addConfigFlag(cmd, &d.config)
	cmd.Flags().StringVar(&d.old, "old", "", "the configuration to compare with, instead of what the ledger has in force")
	cmd.Flags().StringVar(&d.since, "since", "", "only entries stored since then: a time (RFC 3339) or how long ago (36h, 7d)")
	cmd.Flags().StringVar(&d.sample, "sample", "100%", "share of the messages to look at")
	d.format = addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		d.out, d.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
		return d.run(cmd.Context())
	}
	return cmd
}

func (d *differ) run(ctx context.Context) error {
	share, err := parseShare(d.sample)
	if err != nil {
		return usageError(err)
	}
	since, err := parseSince("--since", d.since, time.Now())
	if err != nil {
		return usageError(err)
	}
	next, err := configs.Load(d.config, registry())
	if err != nil {
		return usageError(err)
	}
	before, err := d.before(ctx, next)
	if err != nil {
		return err
	}
	bus, err := attachBus(ctx, next.Bus)
	if err != nil {
		return err
	}
	defer func() { _ = bus.Close() }() // nothing was written
	var views []stream.Stream
	for _, c := range next.Bus.Streams {
		s, err := bus.Stream(ctx, jetstream.StreamConfig{Name: c.Name, MustExist: true})
		if err != nil {
			return fmt.Errorf("bus: %w", err)
		}
		v, err := rehearsal.NewView(ctx, s, share)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	c := comparison{old: before, next: routesOf(next), prices: next.Prices, share: share, kinds: sinkKinds(next), views: views}
	probe := configs.Route{Name: activityProbe, FilterText: activityFilter}
	c.probe = pipeline.Route{Name: activityProbe, Decision: probe.Decision(next.Limits)}
	if c.before, err = d.rehearse(ctx, "as it is now", c.old, views, since, next); err != nil {
		return err
	}
	if c.after, err = d.rehearse(ctx, "as it would be", append(slices.Clone(c.next), c.probe), views, since, next); err != nil {
		return err
	}
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	return d.show(report)
}

func (d *differ) show(r diffReport) error {
	var err error
	if *d.format == outputJSON {
		err = json.NewEncoder(d.out).Encode(r)
	} else {
		err = r.write(d.out)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if r.Unserved > 0 {
		return &exitError{code: exitNo, err: fmt.Errorf("WARNING: %d entries of audit logs \"activity\" would reach no route", r.Unserved)}
	}
	return nil
}

// before gives the routes as they decide now.
func (d *differ) before(ctx context.Context, next *configs.Config) ([]pipeline.Route, error) {
	if d.old != "" {
		cfg, err := configs.Load(d.old, registry())
		if err != nil {
			return nil, usageError(err)
		}
		return routesOf(cfg), nil
	}
	l, err := file.OpenReader(next.Ledger.File)
	if err != nil {
		return nil, fmt.Errorf("%w\n(--old FILE compares with a configuration instead of what the ledger has in force)", err)
	}
	settings := make(map[string][]byte)
	for _, s := range next.Bus.Streams {
		recorded, err := pipeline.Recorded(ctx, l, s.Name)
		if err != nil {
			return nil, err
		}
		maps.Copy(settings, recorded)
	}
	if len(settings) == 0 {
		return nil, errors.New("the ledger has nothing in force yet\n(--old FILE compares with a configuration)")
	}
	var routes []pipeline.Route
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		routes = append(routes, pipeline.Route{Name: name, Decision: settings[name]})
	}
	return routes, nil
}

// routesOf gives a configuration's routes that decide anything.
func routesOf(cfg *configs.Config) []pipeline.Route {
	return slices.DeleteFunc(pipelineRoutes(cfg), func(r pipeline.Route) bool { return r.Disabled || r.Name == ledger.UnreadableRoute })
}

func (d *differ) rehearse(ctx context.Context, step string, routes []pipeline.Route, views []stream.Stream, since time.Time, cfg *configs.Config) (*rehearsal.Result, error) {
	bar := newProgress(d.err, step)
	defer bar.end()
	r, err := rehearsal.Run(ctx, rehearsal.Options{
		Streams: views, Routes: routes, Since: since, Decide: readDecision, Memory: cfg.Memory, Log: slog.New(slog.DiscardHandler),
	}, func(left uint64) { bar.show(fmt.Sprintf("%d messages to go", left)) })
	if err == nil {
		bar.show("all messages read")
	}
	return r, err
}

func sinkKinds(cfg *configs.Config) map[string]string {
	kinds := make(map[string]string)
	for i := range cfg.Routes {
		kinds[cfg.Routes[i].Name] = cfg.Routes[i].Sink.Kind
	}
	return kinds
}

// parseShare reads 10%, 0.1 or 1.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || share <= 0 || share > 1 {
		return 0, fmt.Errorf("--sample %q: want a share above 0 and at most 100%%", text)
	}
	return share, nil
}

// parseSince reads a time, or how long before now; zero for none.
func parseSince(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	ago, err := configs.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%s %q: want a time such as 2026-03-01T00:00:00Z, or how long ago, such as 36h or 7d", flag, text)
	}
	return now.Add(-ago), nil
}
