package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger/file"
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
	done := []pipeline.ReplayStatus{}
	report := func(s pipeline.ReplayStatus) {
		bar.show(replayState(s))
		if s.Done {
			done = append(done, s)
		}
	}
	err := replay(cmd.Context(), at, route, reason, report)
	if bar.last != "" {
		bar.end()
	}
	if out := writeReplays(cmd.OutOrStdout(), route, done, err == nil, format); out != nil {
		return out
	}
	refused := slices.ContainsFunc(done, func(s pipeline.ReplayStatus) bool { return s.Refused > 0 })
	if err == nil && refused {
		err = errors.New("refused again: what is refused stays in the dead letters (sluice replay " + route + " --dry-run lists it)")
	}
	return err
}

func replayState(s pipeline.ReplayStatus) string {
	state := fmt.Sprintf("%d of %d dead letters settled", s.Settled, s.Entries)
	if s.Message != "" {
		state += fmt.Sprintf(", %s: %s", s.State, s.Message)
	}
	return state
}

// replay asks the daemon; where none listens and none holds the ledger, it is the one that replays.
func replay(ctx context.Context, at daemonPlace, route, reason string, report func(pipeline.ReplayStatus)) error {
	address := at.url
	var cfg *configs.Config
	if address == "" {
		var err error
		if cfg, err = configs.Load(at.config, registry()); err != nil {
			return err
		}
		if cfg.HTTP.Listen != "" {
			address = "http://" + cfg.HTTP.Listen
		}
	}
	if address != "" {
		err := askReplay(ctx, address+"/v1/routes/"+url.PathEscape(route)+"/replay", reason, report)
		if cfg == nil || !isNobody(err) {
			return err
		}
	}
	d, err := openDaemon(ctx, cfg, registry())
	if errors.Is(err, file.ErrLocked) {
		return fmt.Errorf("a daemon runs and does not listen: set http: {listen: 127.0.0.1:8080} in its configuration, or stop it while you replay: %w", err)
	}
	if err != nil {
		return err
	}
	return errors.Join(d.router.RunReplay(ctx, route, reason, report), d.close())
}

// isNobody says whether nobody listens at an address.
func isNobody(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}

// askReplay tells the daemon to replay, and reports what it says.
func askReplay(ctx context.Context, address, reason string, report func(pipeline.ReplayStatus)) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(reason))
	if err != nil {
		return usageError(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the daemon (is `sluice run` running?): %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // the status is what counts
		return fmt.Errorf("ask the daemon: %s: %s", resp.Status, strings.TrimSpace(string(answer)))
	}
	for lines := json.NewDecoder(resp.Body); ; {
		var line console.ReplayLine
		switch err := lines.Decode(&line); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the daemon's answer broke off; a replay that was begun goes on: %w", err)
		case line.Error != "":
			return errors.New(line.Error)
		case line.ReplayStatus != nil:
			report(*line.ReplayStatus)
		}
	}
}

// writeReplays shows the replays that were finished.
func writeReplays(w io.Writer, route string, done []pipeline.ReplayStatus, all bool, format outputFormat) error {
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
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\n", s.Lane, s.Entries, s.Delivered, s.Refused)
	}
	return t.Flush()
}
