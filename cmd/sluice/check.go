package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/sinks"
)

func newCheckCommand() *cobra.Command {
	online := false
	cmd := &cobra.Command{
		Use:   "check [FILE…]",
		Short: "Validate configurations, all mistakes at once",
		Long: `Check reads each FILE (default ` + defaultConfig + `) as run would, and changes nothing. The report is on stdout, one line for
each mistake:

  FILE:LINE:COLUMN: KEY: what is wrong (what to write instead)

Lines that begin with "warning:" do not fail the check. A good file is reported as "FILE: ok, N routes". Variables of the
environment and files of secrets that a configuration names must be there.

With --online the destinations of good files are asked, too, whether they guarantee what the configuration demands of them
(retention: of gcs): one line for each thing looked at, "ok" or "short" with what to do. Nothing is written there.

Exit code: 0 when all files are good and no destination falls short, 1 otherwise.`,
		Example: `  sluice check
  sluice check --online sluice.yaml
  sluice check /etc/sluice/*.yaml && systemctl reload sluice`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{defaultConfig}
			}
			return checkFiles(cmd.Context(), cmd.OutOrStdout(), files, online)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "ask the destinations, too, whether they guarantee what is demanded of them")
	return cmd
}

// checkFiles reports on all files; the error of bad ones is silent, since the report has said it.
func checkFiles(ctx context.Context, out io.Writer, files []string, online bool) error {
	bad := false
	for _, file := range files {
		report, cfg := checkFile(file, registry())
		bad = bad || cfg == nil
		if cfg != nil && online {
			attested, ok := checkOnline(ctx, file, cfg)
			report += attested
			bad = bad || !ok
		}
		if _, err := io.WriteString(out, report); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if bad {
		return &exitError{code: exitNo}
	}
	return nil
}

// checkFile gives the configuration of a good file, and what is to be said about it.
func checkFile(file string, reg sinks.Registry) (report string, cfg *configs.Config) {
	cfg, err := configs.Load(file, reg)
	var problems configs.Errors
	switch {
	case errors.As(err, &problems):
		return problems.Error() + "\n", nil
	case err != nil:
		return fmt.Sprintf("%s: %v\n", file, err), nil
	}
	for _, w := range cfg.Warnings {
		report += fmt.Sprintf("warning: %s\n", w)
	}
	return report + fmt.Sprintf("%s: ok, %d routes\n", file, len(cfg.Routes)), cfg
}

// checkOnline reports on what the destinations of a good configuration guarantee.
func checkOnline(ctx context.Context, file string, cfg *configs.Config) (report string, ok bool) {
	ok = true
	for _, a := range attest(ctx, cfg) {
		report += fmt.Sprintf("%s: %s\n", file, a)
		ok = ok && a.ok()
	}
	return report, ok
}
