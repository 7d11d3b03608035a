package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/console"
	"sluice/pipeline"
)

// statusPatience is how long status waits for the daemon's answer.
const statusPatience = 10 * time.Second

func newStatusCommand() *cobra.Command {
	var at daemonPlace
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how each route of a running daemon fares",
		Long: `Asks the daemon (its http.listen) and shows for each route and stream: state (running, waiting, paused, halted,
draining, disabled), the durable cursor, the stream's last sequence and the lag between them, messages lost for ever, in what
time retention would overtake the route if it stood still, and what is wrong, if anything, or by whom the route is held. A replay or a
backfill that runs has a row of its own, STREAM/r<n> or STREAM/b<n>, which counts its own entries.`,
		Example: `  sluice status
  sluice status -c /etc/sluice.yaml -o json
  sluice status --url http://10.0.0.7:8080`,
		Args: cobra.NoArgs,
	}
	at.addFlags(cmd)
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		address, err := at.address()
		if err != nil {
			return err
		}
		status, err := fetchStatus(cmd.Context(), address)
		if err != nil {
			return err
		}
		return writeStatus(cmd.OutOrStdout(), status, *format)
	}
	return cmd
}

// daemonPlace says where a running daemon answers.
type daemonPlace struct{ config, url string }

func (p *daemonPlace) addFlags(cmd *cobra.Command) {
	addConfigFlag(cmd, &p.config)
	cmd.Flags().StringVar(&p.url, "url", "", "the daemon's address, instead of http.listen in the configuration")
}

func (p *daemonPlace) address() (string, error) {
	if p.url != "" {
		return p.url, nil
	}
	cfg, err := configs.Load(p.config, registry())
	if err != nil {
		return "", err
	}
	if cfg.HTTP.Listen == "" {
		return "", errors.New("the daemon does not listen: set http: {listen: 127.0.0.1:8080} in the configuration and start it again")
	}
	return "http://" + cfg.HTTP.Listen, nil
}

func fetchStatus(ctx context.Context, url string) (status console.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/status", nil)
	if err != nil {
		return status, usageError(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return status, fmt.Errorf("ask the daemon (is `sluice run` running?): %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return status, fmt.Errorf("ask the daemon: %s answers %s", url, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return status, fmt.Errorf("read the daemon's answer: %w", err)
	}
	return status, nil
}

func writeStatus(w io.Writer, status console.Status, format outputFormat) error {
	if format == outputJSON {
		return json.NewEncoder(w).Encode(status)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTE\tSTREAM\tSTATE\tCURSOR\tLAST\tLAG\tLOST\tLOSS IN\tLAST SUCCESS\tMESSAGE")
	for _, r := range status.Routes {
		success, lossIn := "-", "-"
		if r.LossIn != "" {
			lossIn = r.LossIn
		}
		if !r.LastSuccess.IsZero() {
			success = r.LastSuccess.Local().Format(time.DateTime)
		}
		message := r.Message
		if r.WhereErrors > 0 {
			message = strings.TrimSpace(fmt.Sprintf("%s (where failed %d times and kept the entry: %s)", message, r.WhereErrors, r.WhereError))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n", r.Route, r.Stream, r.State, r.Cursor, r.Last, r.Lag, r.Lost, lossIn, success, message)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range status.Routes {
		if err := writeQuotas(w, r); err != nil {
			return err
		}
	}
	for _, s := range status.Strangers {
		resource := s.Resource
		if resource == "" {
			resource = "others"
		}
		if _, err := fmt.Fprintf(w, "%s: %d entries of %s, which the hierarchy lacks\n", s.Stream, s.Entries, resource); err != nil {
			return err
		}
	}
	return nil
}

// writeQuotas writes how full a lane's quotas are, when they will be, and which exclusions that has made active.
func writeQuotas(w io.Writer, r pipeline.LaneStatus) error {
	for _, q := range r.Quotas {
		text := fmt.Sprintf("%s/%s: quota %s: %d of %d used (%.0f %%)", r.Route, r.Stream, q.Quota, q.Used, q.Limit, 100*float64(q.Used)/float64(q.Limit))
		if q.Tenants > 0 {
			text += fmt.Sprintf(" by %q, the first of %d", q.Tenant, q.Tenants)
		}
		text += ", ends " + q.Ends.Local().Format(time.DateTime)
		if !q.Exhausted.IsZero() {
			text += ", used up at " + q.Exhausted.Local().Format(time.DateTime)
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Activations)) {
		state := "not active now"
		if slices.Contains(r.Active, name) {
			state = "active"
		}
		if _, err := fmt.Fprintf(w, "%s/%s: exclusion %s: %s, became so %d times\n", r.Route, r.Stream, name, state, r.Activations[name]); err != nil {
			return err
		}
	}
	return nil
}
