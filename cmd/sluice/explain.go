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
	routes, set := explainRoutes(cfg)
	limits := cfg.Limits
	if limits.Entry == 0 {
		limits.Entry = defaultEntryLimit
	}
	work := lineWork{
		paths: paths, stdin: cmd.InOrStdin(), limit: limits.Entry, out: cmd.OutOrStdout(), log: cmd.ErrOrStderr(),
		newJudge: func() lineJudge {
			return &explainJudge{routes: routes, limits: limits, set: set, fields: set.Fields(), worker: set.NewWorker()}
		},
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

func explainRoutes(cfg *configs.Config) ([]explainRoute, *filters.Set) {
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
	return routes, filters.NewSet(paths, rules...)
}

// explainJudge writes each entry's verdict in each route.
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
		j.unreadable(b, b.first, tooLongDefect(b.tooLong))
		return
	}
	b.lines(func(number int, _, entry []byte) {
		j.entry.Raw, j.entry.Seq = entry, uint64(number)
		if defect := j.fields.Extract(&j.entry, j.limits); defect != nil {
			j.unreadable(b, number, defect)
			return
		}
		b.matched++
		j.id = j.entry.Get(logentry.PathInsertID).AppendText(j.id[:0])
		j.hits = j.set.Match(&j.entry, j.worker, j.hits[:0])
		j.readable(b, number)
	})
}

// readable writes the verdicts of an entry from its hits, which stand in the order of the routes. A where that fails keeps the
// entry, and is reported on stderr.
func (j *explainJudge) readable(b *lineBlock, number int) {
	hits := j.hits
	for i := range j.routes {
		route := &j.routes[i]
		line := explained{InsertID: string(j.id), Route: route.name, Verdict: verdictNotMatched}
		if len(hits) > 0 && hits[0].Rule == int32(i) {
			exclusion, matched, err := route.decision.Judge(&j.entry, hits[0].Excluded)
			if err != nil {
				b.log = fmt.Appendf(b.log, "%s:%d: route %s: %v\n", b.source.name, number, route.name, err)
			}
			switch {
			case exclusion >= 0:
				line.Verdict, line.Rule = verdictExcluded, route.decision.Exclusions[exclusion]
			case matched:
				line.Verdict = verdictKept
			}
			hits = hits[1:]
		}
		b.explain(line)
	}
}

// unreadable writes the verdicts of a line that is no entry, and says on stderr what is wrong with it.
func (j *explainJudge) unreadable(b *lineBlock, number int, defect *logentry.Defect) {
	b.complain(number, defect)
	id := fmt.Sprintf("%s-%d-0", b.source.name, number) // as logentry derives it
	for _, route := range j.routes {
		b.explain(explained{InsertID: id, Route: route.name, Verdict: verdictNotMatched})
	}
	b.explain(explained{InsertID: id, Route: pipeline.Unreadable, Verdict: verdictDead, Rule: string(defect.Reason)})
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
