package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/pipeline"
)

func newReplayCommand() *cobra.Command {
	var at daemonPlace
	var reason string
	var dry bool
	cmd := &cobra.Command{
		Use:   "replay ROUTE",
		Short: "Deliver a route's dead letters, after what was wrong is mended",
		Long: `Entries that the destination of ROUTE refused are in its dead letters. replay delivers them to where the route delivers now, each
exactly once and under the identity that it had: a second replay delivers nothing, one that was interrupted is finished by the
next, or by the daemon when it starts. What is refused again stays a dead letter, with the new reason, and the next replay tries
it again. The entries' bytes are read from the dead letters, so that a replay works also when the stream holds them no more;
where those cannot be read (a destination without reading, or without the right to), from the stream while it holds them.

A running daemon does it (its http.listen); where none runs, this command itself. Interrupting the command does not interrupt a
daemon. What _unreadable keeps cannot be replayed: it is no entry; mend it at its source and publish it again.

Exit code: 0 when no dead letter of ROUTE is left, 1 when some were refused again or the replay cannot go on. With --dry-run: 0
when there is nothing to replay, 1 when there is.`,
		Example: `  sluice replay audit-archive --dry-run            what would be delivered, and why it was refused
  sluice replay audit-archive --reason 'the table has the column now'
  sluice replay audit-archive -o json`,
		Args: cobra.ExactArgs(1),
	}
	at.addFlags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the ledger")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only list the dead letters that a replay would take up; reads the ledger of the configuration")
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dry {
			return listDead(cmd.Context(), at.config, args[0], cmd.OutOrStdout(), *format)
		}
		return runReplay(cmd, at, args[0], reason, *format)
	}
	return cmd
}

// runReplay lets the daemon replay, or does it here, and shows what came of it.
func runReplay(cmd *cobra.Command, at daemonPlace, route, reason string, format outputFormat) error {
	bar := newProgress(cmd.ErrOrStderr(), "replay "+route)
	done := []pipeline.SideStatus{}
	report := func(s pipeline.SideStatus) {
		bar.show(replayState(s))
		if s.Done {
			done = append(done, s)
		}
	}
	err := beside{
		place: at, path: "/v1/routes/" + url.PathEscape(route) + "/replay", reason: reason, report: report,
		here: func(ctx context.Context, r *pipeline.Router) error { return r.Replay(ctx, route, reason, report) },
	}.run(cmd.Context())
	if bar.last != "" {
		bar.end()
	}
	if out := writeReplays(cmd.OutOrStdout(), route, done, err == nil, format); out != nil {
		return out
	}
	refused := slices.ContainsFunc(done, func(s pipeline.SideStatus) bool { return s.Refused > 0 })
	if err == nil && refused {
		err = errors.New("refused again: what is refused stays in the dead letters (sluice replay " + route + " --dry-run lists it)")
	}
	return err
}

func replayState(s pipeline.SideStatus) string {
	state := fmt.Sprintf("%d of %d dead letters settled", s.Settled, s.Total)
	if s.Message != "" {
		state += fmt.Sprintf(", %s: %s", s.State, s.Message)
	}
	return state
}

// writeReplays shows the replays that were finished.
func writeReplays(w io.Writer, route string, done []pipeline.SideStatus, all bool, format outputFormat) error {
	if format == outputJSON {
		return json.NewEncoder(w).Encode(map[string]any{"replays": done})
	}
	if len(done) == 0 {
		if !all {
			return nil
		}
		_, err := fmt.Fprintf(w, "%s: no dead letters to replay\n", route)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "REPLAY\tDEAD LETTERS\tDELIVERED\tREFUSED AGAIN")
	for _, s := range done {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\n", s.Lane, s.Total, s.Delivered, s.Refused)
	}
	return t.Flush()
}
