package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/user"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
)

func newRouteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "route",
		Short: "Pause, resume, disable or enable a route by hand",
		Long: `A person's hand on a route. Each act is recorded in the ledger with who, when and why (sluice ledger show ROUTE) and stays in force
until the next one, after restarts and reloads too. It is done through the running daemon (its http.listen, from its own machine), or
in the ledger itself when no daemon holds it.

A paused route stands still at once: it reads nothing, and its open plan stays open, for a destination that must not be touched now.
A disabled route finishes its open plan first, as one that is disabled in the configuration does. Neither loses its place: once
resumed or enabled it goes on where it stopped, as far as the stream still holds that. Entries wait in the stream meanwhile, and
status says when retention would take them (LOSS IN).`,
	}
	for _, act := range []struct{ what, short, example string }{
		{pipeline.ActPause, "Let a route stand still at once, with its open plan", "--reason 'the bucket moves'"},
		{pipeline.ActResume, "End a pause, or set a halted route going again", "--reason 'the bucket has moved'"},
		{pipeline.ActDisable, "Let a route finish its open plan and stand still", "--reason 'over budget' --who finops"},
		{pipeline.ActEnable, "End what disable began", ""},
	} {
		cmd.AddCommand(newRouteActCommand(act.what, act.short, act.example))
	}
	return cmd
}

func newRouteActCommand(what, short, example string) *cobra.Command {
	var at daemonPlace
	act := ledger.Act{What: what}
	cmd := &cobra.Command{
		Use:     what + " ROUTE",
		Short:   short,
		Long:    short + ". See `sluice route --help` for what it means and where it is recorded.\n\nExit code: 0 once it is recorded, 1 when it is not.",
		Example: strings.TrimSpace("  sluice route " + what + " audit-archive " + example),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if act.Who == "" {
				act.Who = operator()
			}
			where, err := actOn(cmd.Context(), at, args[0], act)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s is recorded%s\n", args[0], what, where)
			return err
		},
	}
	cmd.Example = "  " + cmd.Example
	at.addFlags(cmd)
	cmd.Flags().StringVar(&act.Why, "reason", "", "why, for the ledger and for status")
	cmd.Flags().StringVar(&act.Who, "who", "", "who does it; default: this user at this machine")
	return cmd
}

// operator names whoever runs this program.
func operator() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// actOn does an act through the daemon, or in the ledger when no daemon holds it; where says so.
func actOn(ctx context.Context, at daemonPlace, route string, act ledger.Act) (where string, err error) {
	if at.url != "" {
		return "", postRouteAct(ctx, at.url, route, act)
	}
	cfg, err := configs.Load(at.config, registry())
	if err != nil {
		return "", err
	}
	if cfg.HTTP.Listen != "" {
		err := postRouteAct(ctx, "http://"+cfg.HTTP.Listen, route, act)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return "", err
		}
	}
	for i := range cfg.Routes {
		if cfg.Routes[i].Name == route && cfg.Routes[i].Required && act.What == pipeline.ActDisable {
			return "", fmt.Errorf("route %s is required and cannot be disabled by hand: pause it, or disable it in the configuration and run with --acknowledge %[1]s", route)
		}
	}
	return " for the next start: no daemon runs", recordOffline(ctx, cfg, route, act)
}

func postRouteAct(ctx context.Context, address, route string, act ledger.Act) error {
	return postAct(ctx, address+"/v1/routes/"+url.PathEscape(route)+"/"+act.What+"?who="+url.QueryEscape(act.Who), act.Why)
}

// recordOffline records an act in each lane of a route, in the ledger of a daemon that does not run.
func recordOffline(ctx context.Context, cfg *configs.Config, route string, act ledger.Act) (err error) {
	if _, err := os.Stat(cfg.Ledger.File); err != nil {
		return fmt.Errorf("the ledger: %w (a route can be acted upon once the daemon has run it)", err)
	}
	reader, err := file.OpenReader(cfg.Ledger.File)
	if err != nil {
		return err
	}
	lanes, err := lanesOf(ctx, reader, route)
	if err != nil {
		return err
	}
	l, err := file.Open(cfg.Ledger.File, slog.Default())
	if errors.Is(err, file.ErrLocked) {
		return fmt.Errorf("a daemon holds the ledger and does not answer: set http: {listen: 127.0.0.1:8080} and start it again: %w", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, l.Close()) }()
	done, unfit := 0, error(nil)
	for _, lane := range lanes {
		if err := pipeline.RecordAct(ctx, l, lane, act); err != nil {
			unfit = errors.Join(unfit, err)
		} else {
			done++
		}
	}
	if done == 0 {
		return unfit
	}
	return nil
}
