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
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
)

func newBalanceCommand() *cobra.Command {
	var place ledgerPlace
	cmd := &cobra.Command{
		Use:   "balance [ROUTE]",
		Short: "Show what became of every entry since the first start, and whether it adds up",
		Long: `Reads the whole ledger and shows for each route how many entries were examined, and how many of them were delivered, not
matched, excluded (by exclusion), duplicates or dead letters; then the objects written and their stored bytes. A route is
balanced when

  - every entry examined is accounted for, in every plan and in sum;
  - plans, skips and losses cover every sequence once, without a gap;
  - every record holds the hash of the one before it: nobody has edited the ledger.

The daemon may be running. Without ROUTE all routes are shown; with it only that route's lanes decide. Routes without a record yet
are not shown, nor is the built-in route _unreadable while it has nothing.

Exit code: 0 when everything balances, 1 when something does not (stderr says where), or the ledger cannot be read.`,
		Example: `  sluice balance
  sluice balance audit-archive -c /etc/sluice.yaml
  sluice balance --ledger ./sluice-data/ledger -o json | jq '.routes[] | select(.balanced | not)'`,
		Args: cobra.MaximumNArgs(1),
	}
	place.addFlags(cmd)
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l, err := place.open()
		if err != nil {
			return err
		}
		return runBalance(cmd.Context(), l, args, cmd.OutOrStdout(), *format)
	}
	return cmd
}

func runBalance(ctx context.Context, l ledger.Reader, routes []string, out io.Writer, format outputFormat) error {
	for _, route := range routes {
		if _, err := lanesOf(ctx, l, route); err != nil {
			return err
		}
	}
	b, err := ledger.TakeBalance(ctx, l, routes...)
	if err != nil {
		return err
	}
	if format == outputJSON {
		err = json.NewEncoder(out).Encode(b)
	} else {
		err = writeBalance(out, b)
	}
	if err != nil {
		return fmt.Errorf("write the balance: %w", err)
	}
	for _, broken := range b.Broken {
		slog.Error("the ledger does not hold", "error", broken)
	}
	if !b.Balanced() {
		return &exitError{code: exitNo, err: errors.New("not balanced")}
	}
	return nil
}

// balanceColumn is one column of the table of balances. A rare one is left away where it holds nothing but zeros.
type balanceColumn struct {
	title string
	rare  bool
	value func(r *ledger.RouteBalance) uint64
}

var balanceColumns = []balanceColumn{
	{"EXAMINED", false, func(r *ledger.RouteBalance) uint64 { return r.Examined }},
	{"DELIVERED", false, func(r *ledger.RouteBalance) uint64 { return r.Delivered }},
	{"NOT MATCHED", false, func(r *ledger.RouteBalance) uint64 { return r.NotMatched }},
	{"EXCLUDED", false, excludedTotal},
	{"INTERCEPTED", true, func(r *ledger.RouteBalance) uint64 { return r.Intercepted }},
	{"SAMPLED", true, func(r *ledger.RouteBalance) uint64 { return r.Sampled }},
	{"OVER QUOTA", true, func(r *ledger.RouteBalance) uint64 { return r.OverQuota }},
	{"DUPLICATES", false, func(r *ledger.RouteBalance) uint64 { return r.Duplicates }},
	{"DEAD LETTERS", false, func(r *ledger.RouteBalance) uint64 { return r.DeadLetters }},
	{"REPLAYED", true, func(r *ledger.RouteBalance) uint64 { return r.Replayed }},
	{"BACKFILLED", true, func(r *ledger.RouteBalance) uint64 { return r.Backfilled }},
	{"OBJECTS", false, func(r *ledger.RouteBalance) uint64 { return r.Objects }},
	{"BYTES", false, func(r *ledger.RouteBalance) uint64 { return r.Bytes }},
}

func excludedTotal(r *ledger.RouteBalance) (total uint64) {
	for _, n := range r.Excluded {
		total += n
	}
	return total
}

// writeBalance writes the table, and below it which exclusion took how many.
func writeBalance(w io.Writer, b ledger.Balance) error {
	columns := slices.DeleteFunc(slices.Clone(balanceColumns), func(c balanceColumn) bool {
		return c.rare && !slices.ContainsFunc(b.Routes, func(r ledger.RouteBalance) bool { return c.value(&r) > 0 })
	})
	width := len("ROUTE")
	for _, r := range b.Routes {
		width = max(width, len(r.Route))
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight) // numbers to the right, names to the left
	fmt.Fprintf(t, "%-*s\t", width, "ROUTE")
	for _, c := range columns {
		fmt.Fprintf(t, "%s\t", c.title)
	}
	fmt.Fprintln(t, "BALANCED\t")
	for i := range b.Routes {
		r := &b.Routes[i]
		fmt.Fprintf(t, "%-*s\t", width, r.Route)
		for _, c := range columns {
			fmt.Fprintf(t, "%d\t", c.value(r))
		}
		fmt.Fprintf(t, "%s\t\n", map[bool]string{true: "yes", false: "NO"}[r.Balanced])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return writeExclusions(w, b)
}

func writeExclusions(w io.Writer, b ledger.Balance) error {
	for _, r := range b.Routes {
		if len(r.Excluded) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s excluded: %s\n", r.Route, excludedText(r.Excluded, r.ExcludedBytes)); err != nil {
			return err
		}
	}
	return nil
}

// excludedText lists exclusions and how many entries each took, by name, with their bytes where those are known.
func excludedText(excluded, bytes map[string]uint64) string {
	var parts []string
	for _, rule := range slices.Sorted(maps.Keys(excluded)) {
		part := fmt.Sprintf("%s %d", rule, excluded[rule])
		if n := bytes[rule]; n > 0 {
			part += fmt.Sprintf(" (%d bytes)", n)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// ledgerPlace is how the auditor's commands are told where the ledger is.
type ledgerPlace struct{ config, dir string }

func (p *ledgerPlace) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.config, "config", "c", defaultConfig, "the configuration that names the ledger")
	cmd.Flags().StringVar(&p.dir, "ledger", "", "the ledger's folder, without a configuration")
	cmd.MarkFlagsMutuallyExclusive("config", "ledger")
}

// open opens the ledger for reading, which a running daemon does not mind.
func (p *ledgerPlace) open() (*file.Reader, error) {
	dir := p.dir
	if dir == "" {
		cfg, err := configs.Load(p.config, registry())
		if err != nil {
			return nil, fmt.Errorf("%w\n(--ledger DIR reads a ledger without a configuration)", err)
		}
		dir = cfg.Ledger.File
	}
	return file.OpenReader(dir)
}

// lanesOf gives the lanes of a route; none is an error that names the routes there are.
func lanesOf(ctx context.Context, l ledger.Reader, route string) ([]string, error) {
	lanes, err := ledger.LanesOf(ctx, l, route)
	if err != nil || len(lanes) > 0 {
		return lanes, err
	}
	all, err := l.Lanes(ctx)
	if err != nil {
		return nil, err
	}
	var routes []string
	for _, lane := range all {
		if r := ledger.RouteOf(lane); !slices.Contains(routes, r) {
			routes = append(routes, r)
		}
	}
	if len(routes) == 0 {
		return nil, fmt.Errorf("route %q: the ledger is empty", route)
	}
	return nil, fmt.Errorf("route %q: the ledger has no record of it, only of %s", route, strings.Join(routes, ", "))
}
