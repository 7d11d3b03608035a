package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/logentry"
	"sluice/pipeline"
)

// The verdicts that explain gives, in the words of the ledger's counts.
const (
	verdictKept        = "kept"
	verdictNotMatched  = "notMatched"
	verdictIntercepted = "intercepted"
	verdictExcluded    = "excluded"
	verdictDead        = "dead"
)

// explained is one line of explain's output.
type explained struct {
	InsertID string `json:"insertId"`
	Route    string `json:"route"`
	Verdict  string `json:"verdict"`
	Rule     string `json:"rule"` // intercepted: by which route; excluded: the exclusion's name; dead: why the line is no entry; else empty
}

func newExplainCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "explain -c FILE [FILE...]",
		Short: "Say what each route would do with each entry",
		Long: `Say what each route of a configuration would do with each entry, and why, without delivering anything.

Entries are JSON objects, one a line, from the files or, without files or for -, from stdin. The result is a JSON object a line
for every entry and every route that is not disabled, in the order of both:

  {"insertId":"…","route":"…","verdict":"kept | notMatched | intercepted | excluded | dead","rule":"…"}

rule names the route above that intercepted the entry, or the exclusion that took it. Where an expression (where) fails on an entry, stderr says why, and the entry is
kept. A line that is no entry is matched by no route; the built-in route _unreadable
takes it: its verdict is dead and its rule the reason. An entry without insertId is called <file>-<line>-0, and one without
timestamp has the time of the file.`,
		Example: `  sluice explain -c sluice.yaml entries.jsonl
  sluice explain -c sluice.yaml entries.jsonl | jq -r 'select(.verdict=="excluded") | .rule' | sort | uniq -c`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			return runExplain(cmd, config, paths)
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", defaultConfig, "the configuration")
	return cmd
}

func runExplain(cmd *cobra.Command, config string, paths []string) error {
	cfg, err := configs.Load(config, registry())
	if err != nil {
		return usageError(err)
	}
	newJudge := explainJudges(cfg)
	work := lineWork{
		paths: paths, stdin: cmd.InOrStdin(), limit: cfg.Limits.Entry, out: cmd.OutOrStdout(), log: cmd.ErrOrStderr(),
		newJudge: func() lineJudge { return newJudge() },
	}
	totals, err := work.run()
	if err != nil {
		return usageError(err)
	}
	if totals.failed {
		return &exitError{code: exitUsage}
	}
	return nil
}

// explainJudges gives a maker of judges of the configuration's routes, one for each goroutine.
func explainJudges(cfg *configs.Config) func() *explainJudge {
	var routes []string
	var decisions []*pipeline.Decision
	for i := range cfg.Routes {
		if route := &cfg.Routes[i]; !route.Disabled {
			d := pipeline.DecisionOf(route.Terms(cfg.Limits))
			decisions, routes = append(decisions, &d), append(routes, route.Name)
		}
	}
	bench := pipeline.NewBench(decisions, []logentry.Path{logentry.PathInsertID})
	return func() *explainJudge {
		return &explainJudge{routes: routes, decisions: decisions, limits: cfg.Limits, fields: bench.Fields(), bench: bench.NewJudge()}
	}
}

// explainJudge gives each entry's verdict in each route.
type explainJudge struct {
	routes    []string // their names
	decisions []*pipeline.Decision
	limits    logentry.Limits
	fields    *logentry.Fields
	bench     *pipeline.Judge
	entry     logentry.Entry
	id        []byte
}

func (j *explainJudge) judge(b *lineBlock) {
	j.entry.Stream, j.entry.Stored = b.source.name, b.source.modified
	if b.tooLong > 0 {
		defect := tooLongDefect(b.tooLong)
		b.complain(b.first, defect)
		j.unreadable(uint64(b.first), defect, func(line explained, _ error) { b.explain(line) })
		return
	}
	b.lines(func(number int, _, entry []byte) {
		defect := j.verdicts(entry, uint64(number), func(line explained, failed error) {
			if failed != nil {
				b.log = fmt.Appendf(b.log, "%s:%d: route %s: %v\n", b.source.name, number, line.Route, failed)
			}
			b.explain(line)
		})
		if defect != nil {
			b.complain(number, defect)
			return
		}
		b.matched++
	})
}

// verdicts gives the verdict of every route on the entry that stands at seq of j.entry.Stream, in the order of the routes; of what
// is no entry, that of the built-in route too, and it returns why. failed tells of a where that failed and so kept the entry.
func (j *explainJudge) verdicts(raw []byte, seq uint64, verdict func(line explained, failed error)) *logentry.Defect {
	j.entry.Raw, j.entry.Seq = raw, seq
	if defect := j.fields.Extract(&j.entry, j.limits); defect != nil {
		j.unreadable(seq, defect, verdict)
		return defect
	}
	j.id = j.entry.Get(logentry.PathInsertID).AppendText(j.id[:0])
	findings := j.bench.Judge(&j.entry, everyRoute) // in the order of the routes
	for i := range j.routes {
		line := explained{InsertID: string(j.id), Route: j.routes[i], Verdict: verdictNotMatched}
		var failed error
		if len(findings) > 0 && findings[0].Decision == int32(i) {
			line.Verdict, line.Rule = verdictOf(j.decisions[i], findings[0])
			failed, findings = findings[0].Err, findings[1:]
		}
		verdict(line, failed)
	}
	return nil
}

func everyRoute(int) bool { return true }

// verdictOf names what a decision made of an entry that it matched, and by which rule.
func verdictOf(d *pipeline.Decision, f pipeline.Finding) (verdict, rule string) {
	switch {
	case f.Interceptor >= 0:
		return verdictIntercepted, d.Interceptors[f.Interceptor].Route
	case f.Excluded >= 0:
		return verdictExcluded, d.Exclusions[f.Excluded]
	}
	return verdictKept, ""
}

// unreadable gives the verdicts on what is no entry.
func (j *explainJudge) unreadable(seq uint64, defect *logentry.Defect, verdict func(line explained, failed error)) {
	id := fmt.Sprintf("%s-%d-0", j.entry.Stream, seq) // as logentry derives it
	for i := range j.routes {
		verdict(explained{InsertID: id, Route: j.routes[i], Verdict: verdictNotMatched}, nil)
	}
	verdict(explained{InsertID: id, Route: pipeline.Unreadable, Verdict: verdictDead, Rule: string(defect.Reason)}, nil)
}

// explain appends a line of output.
func (b *lineBlock) explain(line explained) {
	text := bytes.NewBuffer(b.out)
	enc := json.NewEncoder(text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		panic(err) // four strings always are JSON
	}
	b.out = text.Bytes()
}
