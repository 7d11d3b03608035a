package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/console"
)

func newReloadCommand() *cobra.Command {
	var at daemonPlace
	var acknowledge []string
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Put the configuration as it is written now into force in a running daemon",
		Long: `Asks the daemon (its http.listen) to read its configuration again, as SIGHUP does, and says what came of it. With a mistake
anywhere in it the configuration before stays in force.

A configuration that removes or disables a route with required: true, or changes which entries it keeps, is refused unless
--acknowledge names that route; the ledger records who acknowledged it, and when (sluice ledger show _stream -o json).`,
		Example: `  sluice reload
  sluice reload --acknowledge audit-archive`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := at.address()
			if err != nil {
				return err
			}
			body, err := json.Marshal(console.Reload{Who: operator(), Acknowledge: acknowledge})
			if err != nil {
				return err
			}
			if err := postAct(cmd.Context(), address+"/v1/reload", string(body)); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the configuration is in force")
			return err
		},
	}
	at.addFlags(cmd)
	addAcknowledgeFlag(cmd, &acknowledge)
	return cmd
}

func addAcknowledgeFlag(cmd *cobra.Command, routes *[]string) {
	cmd.Flags().StringSliceVar(routes, "acknowledge", nil, "required routes that may go, or change what they keep")
}
