package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
)

// reloadConfig is a configuration at random: a hierarchy in which projects/p0 stands here or there, and so many routes, each with a
// filter, a place in the hierarchy, an exclusion, a quota with an exclusion that it activates, and one of two folders. Entries with
// n=9 are kept by every route.
func reloadConfig(r *rand.Rand, routes int) string {
	text := []string{
		"hierarchy: {organizations/1: {projects/p0: {}, projects/p1: {}}}\n",
		"hierarchy: {organizations/1: {folders/2: {projects/p1: {}}}, projects/p0: {}}\n",
	}[r.IntN(2)] + "routes:\n"
	for i := range routes {
		text += fmt.Sprintf("  - {name: r%d, filter: 'jsonPayload.n>=%d', start: earliest, batch: {age: %dms, entries: %d}, sink: {file: {dir: out/r%d/%s}}",
			i, r.IntN(10), 5+r.IntN(60), 5+r.IntN(100), i, []string{"a", "b"}[r.IntN(2)])
		text += []string{"", "", ", parent: organizations/1, includeChildren: true", ", parent: projects/p1"}[r.IntN(4)]
		exclusions := fmt.Sprintf("{name: x, filter: 'jsonPayload.n=%d'}", r.IntN(9))
		if r.IntN(2) == 0 {
			exclusions += fmt.Sprintf(", {name: w, filter: 'jsonPayload.n=%d', when: quota.used > 0.5}", r.IntN(9))
			text += fmt.Sprintf(", quota: {entries: %d, per: month, spare: jsonPayload.n=9}", 1+r.IntN(400))
		}
		text += ", exclusions: [" + exclusions + "]}\n"
	}
	return text
}

// reloadRule is recorded decision settings, as this test reads them.
type reloadRule struct {
	Filter     string
	Exclusions []struct{ Name, Filter string }
	Quotas     []struct{ Limit int }
	Scope      *struct {
		Parent   string
		Children []string
	}
}

var digit = regexp.MustCompile(`jsonPayload\.n>?=(\d)`)

// digitOf gives the number that a filter compares with.
func digitOf(filter string) int {
	found := digit.FindStringSubmatch(filter)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1]) // one digit
	return n
}

// takes says whether the rule keeps an entry, apart from its quota, when some of its exclusions are active.
func (r reloadRule) takes(e storedEntry, active []string) bool {
	if project := fmt.Sprint("projects/p", e.n%2); r.Scope != nil && r.Scope.Parent != project && !slices.Contains(r.Scope.Children, project) {
		return false
	}
	for _, x := range r.Exclusions {
		if digitOf(x.Filter) == e.n && (x.Name == "x" || slices.Contains(active, x.Name)) {
			return false
		}
	}
	return e.n >= digitOf(r.Filter)
}

// reloadRevision is a rule in force from a sequence on.
type reloadRevision struct {
	from uint64
	rule reloadRule
}

// keptBy gives the lines that a route should have delivered, by what its ledger recorded: the revisions, and the exclusions that were
// active in each plan. The quota is counted anew.
func (p *place) keptBy(route string, revisions []reloadRevision, stored map[uint64]storedEntry) map[string]int {
	p.t.Helper()
	want, used := make(map[string]int), 0
	settle := func(first, last uint64, active []string) {
		rule := revisions[0].rule
		for _, rev := range revisions {
			if rev.from <= first {
				rule = rev.rule
			}
		}
		if len(rule.Quotas) == 0 {
			used = 0
		}
		for seq := first; seq <= last; seq++ {
			e, ok := stored[seq]
			if !ok || !rule.takes(e, active) {
				continue
			}
			if len(rule.Quotas) > 0 {
				if used >= rule.Quotas[0].Limit && e.n != 9 {
					continue
				}
				used++
			}
			want[e.line]++
		}
	}
	var open []ledger.Plan
	for _, r := range p.records(route + "/LOGS") {
		if r.Kind == ledger.KindCheckpoint {
			continue
		}
		if r.Commits != nil {
			settle(r.Commits.First, r.Commits.Last, open[0].Active)
		}
		if r.Skip != nil {
			settle(r.Skip.First, r.Skip.Last, r.Skip.Active)
		}
		open = r.Open
	}
	return want
}

// revisions reads from the ledger which rules were recorded, and how many records there are.
func (p *place) revisions() (map[string][]reloadRevision, int) {
	p.t.Helper()
	led, err := file.OpenReader(p.path(p.ledger))
	if err != nil {
		p.t.Fatal(err)
	}
	all, records := make(map[string][]reloadRevision), 0
	for _, r := range p.records("_stream/LOGS") {
		if r.Config == nil || r.Last != nil {
			continue
		}
		records++
		for route, hash := range r.Config.Routes {
			b, err := led.Config(p.t.Context(), hash)
			if err != nil {
				p.t.Fatal(err)
			}
			var rule reloadRule
			if err := json.Unmarshal(b, &rule); err != nil {
				p.t.Fatal(err)
			}
			all[route] = append(all[route], reloadRevision{r.Config.From, rule})
		}
	}
	return all, records
}
