package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/sinks"
)

func newCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE…]",
		Short: "Validate configurations, all mistakes at once",
		Long: `Check reads each FILE (default ` + defaultConfig + `) as run would, and changes nothing. The report is on stdout, one line for
each mistake:

  FILE:LINE:COLUMN: KEY: what is wrong (what to write instead)

Lines that begin with "warning:" do not fail the check. A good file is reported as "FILE: ok, N routes". Variables of the
environment and files of secrets that a configuration names must be there.

Exit code: 0 when all files are good, 1 when one is not.`,
		Example: `  sluice check
  sluice check /etc/sluice/*.yaml && systemctl reload sluice`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{defaultConfig}
			}
			return checkFiles(cmd.OutOrStdout(), files, registry())
		},
	}
}

// checkFiles reports on all files; the error of bad ones is silent, since the report has said it.
func checkFiles(out io.Writer, files []string, reg sinks.Registry) error {
	bad := false
	for _, file := range files {
		report, ok := checkFile(file, reg)
		bad = bad || !ok
		if _, err := io.WriteString(out, report); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if bad {
		return &exitError{code: exitNo}
	}
	return nil
}

func checkFile(file string, reg sinks.Registry) (report string, ok bool) {
	cfg, err := configs.Load(file, reg)
	var problems configs.Errors
	switch {
	case errors.As(err, &problems):
		return problems.Error() + "\n", false
	case err != nil:
		return fmt.Sprintf("%s: %v\n", file, err), false
	}
	for _, w := range cfg.Warnings {
		report += fmt.Sprintf("warning: %s\n", w)
	}
	return report + fmt.Sprintf("%s: ok, %d routes\n", file, len(cfg.Routes)), true
}
