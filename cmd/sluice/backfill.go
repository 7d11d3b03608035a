package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/pipeline"
)

// backfillFlags are what a person asks for.
type backfillFlags struct{ since, until, rate, reason string }

func newBackfillCommand() *cobra.Command {
	var at daemonPlace
	var flags backfillFlags
	cmd := &cobra.Command{
		Use:   "backfill ROUTE --since T [--until T]",
		Short: "Deliver what a route's settings keep now and did not keep when it came by",
		Long: `After a filter was widened, an exclusion removed or a route added, the entries from before are still in the stream. backfill
reads that part of the stream once more and delivers to ROUTE exactly the entries that its settings keep now and that no plan of the
route has kept before: nothing twice, and none of what the route has still to read by itself. What a quota took, or the destination
refused, was kept, and is not taken up (see sluice replay); what it refuses of a backfill, the next one tries again. The settings are those of when the backfill begins.

It is a lane of its own in the ledger, ROUTE/STREAM/b1, b2, …: one that was interrupted is finished by the next, or by the daemon
when it starts. A running daemon does it (its http.listen); where none runs, this command itself. Interrupting the command does not
interrupt a daemon; sluice route pause ROUTE does.

Exit code: 0 when all is delivered, 1 when some entries were refused or it cannot go on, 2 when the command line is wrong.`,
		Example: `  sluice backfill audit-archive --since 7d --reason 'policy logs were missing'
  sluice backfill audit-archive --since 2026-03-01T00:00:00Z --until 2026-03-08T00:00:00Z --rate 5MiB`,
		Args: cobra.ExactArgs(1),
	}
	at.addFlags(cmd)
	cmd.Flags().StringVar(&flags.since, "since", "", "entries stored since then: a time (RFC 3339) or how long ago (36h, 7d)")
	cmd.Flags().StringVar(&flags.until, "until", "", "and before then; default: up to where the route stands")
	cmd.Flags().StringVar(&flags.rate, "rate", "", "at most so many bytes of entries a second, such as 5MiB; default: no bound")
	cmd.Flags().StringVar(&flags.reason, "reason", "", "why, for the ledger")
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		span, err := flags.span(time.Now())
		if err != nil {
			return usageError(err)
		}
		return runBackfill(cmd, at, args[0], span, *format)
	}
	return cmd
}

// span reads the flags.
func (f backfillFlags) span(now time.Time) (pipeline.BackfillRange, error) {
	span := pipeline.BackfillRange{Why: f.reason}
	if f.since == "" {
		return span, errors.New("--since: say how far back, such as --since 7d")
	}
	var err error
	if span.Since, err = parseSince("--since", f.since, now); err != nil {
		return span, err
	}
	if span.Until, err = parseSince("--until", f.until, now); err != nil {
		return span, err
	}
	if !span.Until.IsZero() && !span.Until.After(span.Since) {
		return span, errors.New("--until does not lie after --since")
	}
	if f.rate != "" {
		if span.Rate, err = configs.ParseSize(f.rate); err != nil || span.Rate < 1 {
			return span, fmt.Errorf("--rate %q: want bytes a second, such as 5MiB", f.rate)
		}
	}
	return span, nil
}

// runBackfill lets the daemon backfill, or does it here, and shows what came of it.
func runBackfill(cmd *cobra.Command, at daemonPlace, route string, span pipeline.BackfillRange, format outputFormat) error {
	bar := newProgress(cmd.ErrOrStderr(), "backfill "+route)
	done := []pipeline.SideStatus{}
	report := func(s pipeline.SideStatus) {
		bar.show(backfillState(s))
		if s.Done {
			done = append(done, s)
		}
	}
	query := url.Values{"since": {span.Since.Format(time.RFC3339Nano)}}
	if !span.Until.IsZero() {
		query.Set("until", span.Until.Format(time.RFC3339Nano))
	}
	if span.Rate > 0 {
		query.Set("rate", strconv.FormatInt(span.Rate, 10))
	}
	err := beside{
		place: at, path: "/v1/routes/" + url.PathEscape(route) + "/backfill?" + query.Encode(), reason: span.Why, report: report,
		here: func(ctx context.Context, r *pipeline.Router) error { return r.Backfill(ctx, route, span, report) },
	}.run(cmd.Context())
	if bar.last != "" {
		bar.end()
	}
	if out := writeBackfills(cmd.OutOrStdout(), route, done, err == nil, format); out != nil {
		return out
	}
	var refused uint64
	for _, s := range done {
		refused += s.Refused
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("%d entries were refused: they are in the dead letters of %s", refused, route)
	}
	return err
}

func backfillState(s pipeline.SideStatus) string {
	state := fmt.Sprintf("%d of %d sequences examined", s.Settled, s.Total)
	if s.Message != "" {
		state += fmt.Sprintf(", %s: %s", s.State, s.Message)
	}
	return state
}

// writeBackfills shows the backfills that were finished.
func writeBackfills(w io.Writer, route string, done []pipeline.SideStatus, all bool, format outputFormat) error {
	if format == outputJSON {
		return json.NewEncoder(w).Encode(map[string]any{"backfills": done})
	}
	if len(done) == 0 {
		if !all {
			return nil
		}
		_, err := fmt.Fprintf(w, "%s: nothing in that range lies behind the route\n", route)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "BACKFILL\tSEQUENCES\tDELIVERED\tREFUSED")
	for _, s := range done {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\n", s.Lane, s.Total, s.Delivered, s.Refused)
	}
	return t.Flush()
}
