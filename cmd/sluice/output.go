package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// outputFormat is the value of -o in the commands that report: table for people, json for programs.
type outputFormat string

const (
	outputTable outputFormat = "table"
	outputJSON  outputFormat = "json"
)

// addOutputFlag gives a command its -o and returns where the choice will stand once the command line is read.
func addOutputFlag(cmd *cobra.Command) *outputFormat {
	format := outputTable
	cmd.Flags().VarP(&format, "output", "o", "table or json")
	return &format
}

// Set takes the flag's text.
func (f *outputFormat) Set(text string) error {
	switch outputFormat(text) {
	case outputTable, outputJSON:
		*f = outputFormat(text)
		return nil
	}
	return fmt.Errorf("want %s or %s", outputTable, outputJSON)
}

// String gives the flag's text.
func (f *outputFormat) String() string { return string(*f) }

// Type names the flag's kind in the help text.
func (f *outputFormat) Type() string { return "format" }
