package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/lint"
	"sluice/sinks"
)

// checks are what is checked beside the files themselves.
type checks struct{ online, lint bool }

// checkedFile is what is to be said about a file.
type checkedFile struct {
	File     string         `json:"file"`
	OK       bool           `json:"ok"` // nothing of what follows fails the check
	Routes   int            `json:"routes"`
	Problems []string       `json:"problems,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
	Sinks    []string       `json:"sinks,omitempty"`    // what --online found
	Findings []lint.Finding `json:"findings,omitempty"` // what --lint found
}

func newCheckCommand() *cobra.Command {
	var also checks
	cmd := &cobra.Command{
		Use:   "check [FILE…]",
		Short: "Validate configurations, all mistakes at once",
		Long: `Check reads each FILE (default ` + defaultConfig + `) as run would, and changes nothing. The report is on stdout, one line for
each mistake:

  FILE:LINE:COLUMN: KEY: what is wrong (what to write instead)

Lines that begin with "warning:" do not fail the check. A good file is reported as "FILE: ok, N routes". Variables of the
environment and files of secrets that a configuration names must be there.

With --lint, good files are searched for what loads but cannot be meant: filters and exclusions that no entry matches, exclusions
that those before them leave nothing or that leave their route nothing, routes that deliver what another delivers in the same form,
and, where routes name audit logs, an entry of the activity log that would reach no route, with an example. It only says what it can
show.

With --online the destinations of good files are asked, too, whether they guarantee what the configuration demands of them
(retention: of gcs): one line for each thing looked at, "ok" or "short" with what to do. Nothing is written there.

Exit code: 0 when all files are good, nothing is found and no destination falls short, 1 otherwise.`,
		Example: `  sluice check
  sluice check --lint sluice.yaml
  sluice check --online sluice.yaml
  sluice check /etc/sluice/*.yaml && systemctl reload sluice`,
	}
	cmd.Flags().BoolVar(&also.online, "online", false, "ask the destinations, too, whether they guarantee what is demanded of them")
	cmd.Flags().BoolVar(&also.lint, "lint", false, "search for what cannot be meant, too")
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		if len(files) == 0 {
			files = []string{defaultConfig}
		}
		return checkFiles(cmd.Context(), cmd.OutOrStdout(), files, also, *format)
	}
	return cmd
}

// checkFiles reports on all files; the error of bad ones is silent, since the report has said it.
func checkFiles(ctx context.Context, out io.Writer, files []string, also checks, format outputFormat) error {
	bad := false
	var all []checkedFile
	for _, file := range files {
		checked := checkFile(ctx, file, registry(), also)
		bad = bad || !checked.OK
		if all = append(all, checked); format == outputJSON {
			continue
		}
		if _, err := io.WriteString(out, checked.String()); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if format == outputJSON {
		if err := json.NewEncoder(out).Encode(map[string]any{"files": all}); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if bad {
		return &exitError{code: exitNo}
	}
	return nil
}

// checkFile says all about a file.
func checkFile(ctx context.Context, file string, reg sinks.Registry, also checks) checkedFile {
	c := checkedFile{File: file}
	cfg, err := configs.Load(file, reg)
	if err != nil {
		var problems configs.Errors
		if !errors.As(err, &problems) {
			c.Problems = []string{fmt.Sprintf("%s: %v", file, err)}
		}
		for _, p := range problems {
			c.Problems = append(c.Problems, p.String())
		}
		return c
	}
	c.OK, c.Routes = true, len(cfg.Routes)
	for _, w := range cfg.Warnings {
		c.Warnings = append(c.Warnings, w.String())
	}
	if also.lint {
		c.Findings = lint.Check(cfg)
		c.OK = len(c.Findings) == 0
	}
	if also.online {
		for _, a := range attest(ctx, cfg) {
			c.Sinks = append(c.Sinks, a.String())
			c.OK = c.OK && a.ok()
		}
	}
	return c
}

// String gives the report for people.
func (c checkedFile) String() string {
	var b strings.Builder
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	for _, p := range c.Problems {
		fmt.Fprintln(&b, p)
	}
	if len(c.Problems) == 0 {
		fmt.Fprintf(&b, "%s: ok, %d routes\n", c.File, c.Routes)
	}
	for _, f := range c.Findings {
		fmt.Fprintf(&b, "%s: %s\n", c.File, f)
	}
	for _, s := range c.Sinks {
		fmt.Fprintf(&b, "%s: %s\n", c.File, s)
	}
	return b.String()
}
