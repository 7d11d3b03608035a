package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/pipeline"
)

// testedCase is a case with what came of it.
type testedCase struct {
	File   string        `json:"file"`
	Line   int           `json:"line"`
	Name   string        `json:"name"`
	Passed bool          `json:"passed"`
	Routes []testedRoute `json:"routes"` // of which a verdict was expected, in the order of the configuration
}

// testedRoute is a route's verdict beside the expected one.
type testedRoute struct {
	Route    string `json:"route"`
	Want     string `json:"want"`
	WantRule string `json:"wantRule,omitempty"` // empty: any
	Got      string `json:"got"`
	GotRule  string `json:"gotRule,omitempty"`
	Failed   string `json:"failed,omitempty"` // how a where failed, which keeps the entry
}

func newTestCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "test [-c CONFIG] FILE…",
		Short: "Test a configuration: entries, and what its routes must make of them",
		Long: `Reads cases from each FILE and compares the verdict of each route with the expected one. Nothing is delivered and no bus is
needed. A file of cases is YAML, and best stands beside the routes:

  config: sluice.yaml                  # the default of -c for this file
  cases:
    - name: predictions are left out
      entry: {logName: projects/p/logs/cloudaudit.googleapis.com%2Fdata_access, severity: INFO}
      routes: {data-access: {excluded: vertex-predictions}, audit: kept}
      others: notMatched               # each route that is not named; absent: any verdict will do

entry is a mapping, or the entry's JSON as text. A verdict is kept, notMatched, excluded, intercepted or dead, as sluice explain
gives them, or {excluded: NAME} with its rule; what is no entry is {_unreadable: dead}. An entry without timestamp has
1970-01-01T00:00:00Z, and without insertId <file>-<n>-0, n the number of its case.

Exit code: 0 when every case passes, 1 when one does not (stdout shows how), 2 when a file cannot be read, with all its mistakes.`,
		Example: `  sluice test -c sluice.yaml tests/*.yaml
  sluice test tests/audit.yaml -o json | jq '.cases[] | select(.passed | not)'`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "the configuration, instead of config: in the files; else "+defaultConfig)
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		var tested []testedCase
		for _, file := range files {
			cases, err := testFile(file, config)
			if err != nil {
				return usageError(err)
			}
			tested = append(tested, cases...)
		}
		return writeTested(cmd.OutOrStdout(), tested, *format)
	}
	return cmd
}

// testFile runs the cases of a file against a configuration: the given one, else the one that the file names.
func testFile(file, config string) ([]testedCase, error) {
	cases, err := configs.LoadCases(file)
	if err != nil {
		return nil, err
	}
	if config == "" {
		if config = cases.Config; config == "" {
			config = defaultConfig
		}
	}
	cfg, err := configs.Load(config, registry())
	if err != nil {
		return nil, err
	}
	if err := cases.Against(cfg, pipeline.Unreadable); err != nil {
		return nil, err
	}
	judge := explainJudges(cfg)()
	judge.entry.Stream, judge.entry.Stored = file, time.Unix(0, 0)
	var tested []testedCase
	for i := range cases.Cases {
		tested = append(tested, testCase(judge, file, i+1, &cases.Cases[i]))
	}
	return tested, nil
}

// testCase compares the verdicts on one entry with those that are expected.
func testCase(judge *explainJudge, file string, number int, c *configs.Case) testedCase {
	t := testedCase{File: file, Line: c.Line, Name: c.Name, Passed: true}
	compare := func(line explained, failed error) {
		want, named := c.Routes[line.Route]
		switch {
		case named:
		case c.Others != nil && line.Route != pipeline.Unreadable:
			want = *c.Others
		default:
			return
		}
		r := testedRoute{Route: line.Route, Want: want.Verdict, WantRule: want.By, Got: line.Verdict, GotRule: line.Rule}
		if failed != nil {
			r.Failed = failed.Error()
		}
		t.Passed = t.Passed && r.ok()
		t.Routes = append(t.Routes, r)
	}
	judge.verdicts(c.Entry, uint64(number), compare)
	return t
}

func (r *testedRoute) ok() bool {
	return r.Want == r.Got && (r.WantRule == "" || r.WantRule == r.GotRule)
}

// writeTested writes what came of the cases; the error of failed ones is silent, since the output has said it.
func writeTested(w io.Writer, tested []testedCase, format outputFormat) error {
	failed := 0
	for i := range tested {
		if !tested[i].Passed {
			failed++
		}
	}
	var err error
	if format == outputJSON {
		err = json.NewEncoder(w).Encode(struct {
			Passed int          `json:"passed"`
			Failed int          `json:"failed"`
			Cases  []testedCase `json:"cases"`
		}{len(tested) - failed, failed, tested})
	} else {
		for i := range tested {
			err = errors.Join(err, tested[i].writeDiff(w))
		}
		_, last := fmt.Fprintf(w, "%d passed, %d failed\n", len(tested)-failed, failed)
		err = errors.Join(err, last)
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if failed > 0 {
		return &exitError{code: exitNo}
	}
	return nil
}

// writeDiff shows of a case that failed what was expected (-) and what came (+).
func (t *testedCase) writeDiff(w io.Writer) error {
	if t.Passed {
		return nil
	}
	_, err := fmt.Fprintf(w, "FAIL %s:%d: %s\n", t.File, t.Line, t.Name)
	for _, r := range t.Routes {
		if r.ok() {
			continue
		}
		_, e := fmt.Fprintf(w, "  %s:\n  - %s\n  + %s\n", r.Route, verdictText(r.Want, r.WantRule), verdictText(r.Got, r.GotRule))
		err = errors.Join(err, e)
		if r.Failed != "" {
			_, e = fmt.Fprintf(w, "    %s\n", r.Failed)
			err = errors.Join(err, e)
		}
	}
	return err
}

// verdictText shows a verdict as a case would name it.
func verdictText(verdict, rule string) string {
	if rule == "" {
		return verdict
	}
	return fmt.Sprintf("{%s: %s}", verdict, rule)
}
