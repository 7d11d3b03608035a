package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/filters"
	"sluice/logentry"
	"sluice/pipeline"
)

// The verdicts that explain gives, in the words of the ledger's counts.
const (
	verdictKept       = "kept"
	verdictNotMatched = "notMatched"
	verdictExcluded   = "excluded"
	verdictDead       = "dead"
)

// explained is one line of explain's output.
type explained struct {
	InsertID string `json:"insertId"`
	Route    string `json:"route"`
	Verdict  string `json:"verdict"`
	Rule     string `json:"rule"` // excluded: the exclusion's name; dead: why the line is no entry; else empty
}

func newExplainCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "explain -c FILE [FILE...]",
		Short: "Say what each route would do with each entry",
		Long: `Say what each route of a configuration would do with each entry, and why, without delivering anything.

Entries are JSON objects, one a line, from the files or, without files or for -, from stdin. The result is a JSON object a line
for every entry and every route that is not disabled, in the order of both:

  {"insertId":"…","route":"…","verdict":"kept | notMatched | excluded | dead","rule":"…"}

rule names the exclusion that took the entry. Where an expression (where) fails on an entry, stderr says why, and the entry is
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

// explainRoute is a route as a judge sees it; its place is that of its rule in the set.
type explainRoute struct {
	name     string
	decision pipeline.Decision
}

// explainJudges gives a maker of judges of the configuration's routes, one for each goroutine.
func explainJudges(cfg *configs.Config) func() *explainJudge {
	var routes []explainRoute
	var rules []filters.Rule
	paths := []logentry.Path{logentry.PathInsertID}
	for i := range cfg.Routes {
		route := &cfg.Routes[i]
		if route.Disabled {
			continue
		}
		d := decisionOf(route.Terms(cfg.Limits))
		rules = append(rules, d.Rule)
		paths = append(paths, d.Fields()...)
		routes = append(routes, explainRoute{name: route.Name, decision: d})
	}
	set := filters.NewSet(paths, rules...)
	return func() *explainJudge {
		return &explainJudge{routes: routes, limits: cfg.Limits, set: set, fields: set.Fields(), worker: set.NewWorker()}
	}
}

// explainJudge gives each entry's verdict in each route.
type explainJudge struct {
	routes []explainRoute
	limits logentry.Limits
	set    *filters.Set
	fields *logentry.Fields
	worker *filters.Worker
	entry  logentry.Entry
	hits   []filters.Hit
	id     []byte
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
	j.hits = j.set.Match(&j.entry, j.worker, j.hits[:0])
	hits := j.hits // in the order of the routes
	for i := range j.routes {
		route := &j.routes[i]
		line := explained{InsertID: string(j.id), Route: route.name, Verdict: verdictNotMatched}
		var failed error
		if len(hits) > 0 && hits[0].Rule == int32(i) {
			var exclusion int
			var matched bool
			exclusion, matched, failed = route.decision.Judge(&j.entry, hits[0].Excluded)
			switch {
			case exclusion >= 0:
				line.Verdict, line.Rule = verdictExcluded, route.decision.Exclusions[exclusion]
			case matched:
				line.Verdict = verdictKept
			}
			hits = hits[1:]
		}
		verdict(line, failed)
	}
	return nil
}

// unreadable gives the verdicts on what is no entry.
func (j *explainJudge) unreadable(seq uint64, defect *logentry.Defect, verdict func(line explained, failed error)) {
	id := fmt.Sprintf("%s-%d-0", j.entry.Stream, seq) // as logentry derives it
	for i := range j.routes {
		verdict(explained{InsertID: id, Route: j.routes[i].name, Verdict: verdictNotMatched}, nil)
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
