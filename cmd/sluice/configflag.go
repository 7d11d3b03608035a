package main

import "github.com/spf13/cobra"

// defaultConfig is the configuration of every command that takes one and is not told another.
const defaultConfig = "./sluice.yaml"

// addConfigFlag gives a command its -c.
func addConfigFlag(cmd *cobra.Command, config *string) {
	cmd.Flags().StringVarP(config, "config", "c", defaultConfig, "the configuration")
}
