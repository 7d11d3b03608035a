package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sluice/configs"
)

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Long: `Schema prints the JSON Schema (2020-12) of the configuration with all sinks of this program. Editors with YAML support then
complete keys and mark mistakes while you write. Check finds more: filters, names, destinations that meet.`,
		Example: `  sluice schema > sluice.schema.json
  # then, in the first line of sluice.yaml:  # yaml-language-server: $schema=sluice.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := cmd.OutOrStdout().Write(configs.Schema(registry())); err != nil {
				return fmt.Errorf("write the schema: %w", err)
			}
			return nil
		},
	}
}
