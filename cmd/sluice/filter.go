package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"sluice/filters"
	"sluice/logentry"
)

// defaultEntryLimit is how large an entry may be where no configuration says so.
const defaultEntryLimit = 1 << 20

// filterOptions are the flags of `sluice filter`.
type filterOptions struct {
	count   bool // print how many lines instead of the lines
	invert  bool // the lines that do not match
	explain bool // print why, for every entry
	format  bool // print the query's canonical text, read no entries
	check   bool // print the query's mistakes and warnings, read no entries
}

// conflict says what of the command line makes no sense together; empty when all does.
func (o filterOptions) conflict(files int) string {
	switch {
	case (o.format || o.check) && (o.count || o.invert || o.explain || files > 0):
		return "--fmt and --check are about the query alone: no other flags, no files"
	case o.format && o.check:
		return "--fmt or --check, not both: --fmt checks too"
	case o.explain && (o.count || o.invert):
		return "--explain answers for every entry: not with -c or -v"
	}
	return ""
}

func newFilterCommand() *cobra.Command {
	var options filterOptions
	cmd := &cobra.Command{
		Use:   "filter QUERY [FILE...]",
		Short: "Print the entries that match a query, like grep",
		Long: `Print the entries that match a query of the Cloud Logging query language, unchanged and in their order.

Entries are JSON objects, one a line, from the files or, without files or for -, from stdin. A line that is no entry is
reported on stderr as file:line: reason, and the search goes on. An empty query matches every entry.

With --explain the result is, for every entry, FILE:LINE: match or no match, and the query as a tree, a term a line: true or false,
a star where the answer rests on it, the term, and what the entry has in its field. A query of more than ` + strconv.Itoa(explainedLines) + ` terms shows only
those with a star. --fmt prints the query's canonical text, --check only its mistakes and warnings, on stderr; neither reads entries.

A query may begin with a dash. Exit code: 0 when an entry matched, 1 when none did, 2 for a mistake in the query or an input that
cannot be read.`,
		Example: `  # Errors and worse of one kind of machine
  sluice filter 'resource.type="gce_instance" AND severity>=ERROR' entries.jsonl

  # All audit logs
  sluice filter 'logName:"cloudaudit.googleapis.com"' entries.jsonl

  # What two people changed
  sluice filter 'log_id("cloudaudit.googleapis.com/activity") AND
    protoPayload.authenticationInfo.principalEmail=("ana@example.com" OR "ben@example.com")' entries.jsonl

  # Slow or failed requests, from a pipe
  zcat lb.json.gz | sluice filter 'httpRequest.status>=500 OR httpRequest.latency>"2.5s"'

  # Requests by pattern and by network
  sluice filter 'httpRequest.requestUrl=~"/api/v[12]/" AND ip_in_net(httpRequest.remoteIp, "10.1.2.0/24")' lb.jsonl

  # How many entries are not about healthz
  sluice filter -c -v 'textPayload:"/healthz"' entries.jsonl

  # Why not?
  sluice filter --explain 'severity>=ERROR AND labels.env:prod' entries.jsonl

  # One in a hundred, always the same ones
  sluice filter 'sample(insertId, 0.01)' entries.jsonl`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFilter(cmd, options, args[0], args[1:])
		},
	}
	cmd.Flags().BoolVarP(&options.count, "count", "c", false, "print how many entries match, over all files, instead of the entries")
	cmd.Flags().BoolVarP(&options.invert, "invert-match", "v", false, "the entries that do not match; lines that are no entries stay out")
	cmd.Flags().BoolVar(&options.explain, "explain", false, "say for each entry which terms decided")
	cmd.Flags().BoolVar(&options.format, "fmt", false, "print the query's canonical text instead")
	cmd.Flags().BoolVar(&options.check, "check", false, "print the query's mistakes and warnings only")
	return cmd
}

func runFilter(cmd *cobra.Command, options filterOptions, query string, paths []string) error {
	if conflict := options.conflict(len(paths)); conflict != "" {
		return usageError(errors.New(conflict))
	}
	filter, err := filters.Compile(query)
	if err != nil {
		return queryError(err)
	}
	for _, warning := range filter.Warnings() {
		fmt.Fprintf(cmd.ErrOrStderr(), "sluice: warning: %v\n%s\n", &warning, warning.Caret())
	}
	switch {
	case options.check:
		return nil
	case options.format:
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), filter); err != nil {
			return fmt.Errorf("write the query: %w", err)
		}
		return nil
	}
	work := lineWork{
		paths: paths, stdin: cmd.InOrStdin(), limit: defaultEntryLimit, out: cmd.OutOrStdout(), log: cmd.ErrOrStderr(),
		newJudge: options.judges(filter),
	}
	totals, err := work.run()
	if err != nil {
		return usageError(err)
	}
	if options.count {
		fmt.Fprintln(cmd.OutOrStdout(), totals.matched)
	}
	return totals.exit()
}

// judges gives what makes a judge for each core.
func (o filterOptions) judges(filter *filters.Filter) func() lineJudge {
	if o.explain {
		return func() lineJudge { return &filterExplainer{filter: filter, fields: logentry.NewFields()} }
	}
	set := filters.NewSet(nil, filters.Rule{Include: filter})
	return func() lineJudge {
		return &filterJudge{filterOptions: o, set: set, fields: set.Fields(), worker: set.NewWorker()}
	}
}

// queryError shows where in the query the mistake is.
func queryError(err error) error {
	var place *filters.Error
	if errors.As(err, &place) {
		return usageError(fmt.Errorf("query:%d:%d: %w\n%s", place.Line, place.Column, err, place.Caret()))
	}
	return usageError(fmt.Errorf("query: %w", err))
}

// exit gives the silent exit codes of a search.
func (t lineTotals) exit() error {
	switch {
	case t.failed:
		return &exitError{code: exitUsage}
	case t.matched == 0:
		return &exitError{code: exitNo}
	default:
		return nil
	}
}

// filterJudge finds the lines that match.
type filterJudge struct {
	filterOptions
	set    *filters.Set
	fields *logentry.Fields
	worker *filters.Worker
	entry  logentry.Entry // Stream stays empty: nothing is derived
	hits   []filters.Hit
}

func (j *filterJudge) judge(b *lineBlock) {
	if b.tooLong > 0 {
		b.complain(b.first, tooLongDefect(b.tooLong))
		return
	}
	b.lines(func(number int, line, entry []byte) {
		j.entry.Raw = entry
		if defect := j.fields.Extract(&j.entry, logentry.Limits{Entry: defaultEntryLimit}); defect != nil {
			b.complain(number, defect)
			return
		}
		j.hits = j.set.Match(&j.entry, j.worker, j.hits[:0])
		if (len(j.hits) > 0) == j.invert {
			return
		}
		b.matched++
		if !j.count {
			b.out = append(append(b.out, line...), '\n')
		}
	})
}

// tooLongDefect describes a line that was skipped unread.
func tooLongDefect(size int64) *logentry.Defect {
	return &logentry.Defect{Reason: logentry.ReasonTooLarge, Detail: fmt.Sprintf("a line of %d bytes", size)}
}

// complain reports a line that is no entry.
func (b *lineBlock) complain(number int, defect *logentry.Defect) {
	b.log = fmt.Appendf(b.log, "%s:%d: %v\n", b.source.name, number, defect)
}
