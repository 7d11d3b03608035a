package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func newAbandonCommand() *cobra.Command {
	var at daemonPlace
	var reason string
	cmd := &cobra.Command{
		Use:   "abandon ROUTE",
		Short: "Give up what a route's old destination does not take, and deliver it at the present one",
		Long: `A route whose destination was changed finishes its open plan at the old one first. When that will never answer, abandon
gives the plan up there: delivery goes on from its first entry at the present destination. Nothing is lost; what may stand in the
old place all the same is listed in the ledger (sluice ledger show ROUTE -o json). The route must be waiting, paused or halted.
A plan whose old destination answers "misconfigured" for a minute is given up by itself.

A replay or a backfill of ROUTE that is halted, and has no open plan, is closed short of its end: the dead letters that such a replay
has not delivered are replayed no more, and stay dead in sluice balance.`,
		Example: `  sluice abandon audit-archive --reason 'the old bucket is deleted'`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := at.address()
			if err != nil {
				return err
			}
			if err := postAct(cmd.Context(), address+"/v1/routes/"+url.PathEscape(args[0])+"/abandon", reason); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: the open plan is given up; see sluice status\n", args[0])
			return err
		},
	}
	at.addFlags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the ledger")
	return cmd
}

// postAct tells the daemon what a person wants, with the reason as the body.
func postAct(ctx context.Context, address, reason string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(reason))
	if err != nil {
		return usageError(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the daemon (is `sluice run` running?): %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(answer)))
	}
	return nil
}
