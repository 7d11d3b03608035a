package pipelinetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/sinks"
	"sluice/sinks/driver"
)

// Hierarchies are what a world's two projects stand in, from reload to reload; p1 is in none of some.
var Hierarchies = []string{
	"{organizations/1: {folders/2: {projects/p0: {}}, projects/p1: {}}}",
	"{organizations/1: {folders/2: {projects/p0: {}, projects/p1: {}}}}",
	"{organizations/1: {projects/p0: {}, folders/2: {}}}",
	"{organizations/1: {folders/2: {projects/p1: {}}}, projects/p0: {}}",
}

// ChangePolicies moves resources about and gives some routes another place in the hierarchy.
func (w *World) ChangePolicies() {
	w.Hierarchy = Hierarchies[w.Rand.IntN(len(Hierarchies))]
	for _, r := range w.Routes {
		if w.Rand.IntN(2) == 0 {
			continue
		}
		r.Parent = []string{"", "organizations/1", "folders/2", "projects/p0", "projects/p1"}[w.Rand.IntN(5)]
		r.Children = (r.Parent == "organizations/1" || r.Parent == "folders/2") && w.Rand.IntN(4) > 0
		r.Intercept = r.Children && w.Rand.IntN(2) == 0
	}
}

// Config is the world's configuration, as its YAML says it.
func (w *World) Config() *configs.Config {
	text := "hierarchy: " + w.Hierarchy + "\nroutes:\n"
	for _, r := range w.Routes {
		if r.Off {
			continue
		}
		rule := Rules[r.Rule]
		text += fmt.Sprintf("  - {name: %s, filter: '%s', required: %t, sink: {place: {}}", r.Name, rule.Filter, r.Required)
		var exclusions []string
		if rule.Exclude != "" {
			exclusions = append(exclusions, fmt.Sprintf("{name: x, filter: '%s'}", rule.Exclude))
		}
		if r.When != "" {
			exclusions = append(exclusions, fmt.Sprintf("{name: w, filter: 'jsonPayload.n=4', when: '%s'}", r.When))
		}
		if exclusions != nil {
			text += ", exclusions: [" + strings.Join(exclusions, ", ") + "]"
		}
		if r.Quota != "" {
			text += ", quota: " + r.Quota
		}
		if r.Parent != "" {
			text += fmt.Sprintf(", parent: %s, includeChildren: %t, interceptChildren: %t", r.Parent, r.Children, r.Intercept)
		}
		text += "}\n"
	}
	text += "deadLetter: {place: {}}\n"
	cfg, err := configs.Parse("world.yaml", []byte(text), sinks.Registry{"place": func() driver.Options { return new(anywhere) }})
	if err != nil {
		w.T.Fatalf("seed %d: %v in\n%s", w.Seed, err, text)
	}
	return cfg
}

// anywhere is a sink's options in a world's configuration: the world itself says where its places are.
type anywhere struct{}

// Validate finds nothing.
func (*anywhere) Validate() []driver.Problem { return nil }

// Destination is one that routes may share.
func (*anywhere) Destination() string { return "" }

// Open is never called.
func (*anywhere) Open(context.Context, driver.To) (driver.Driver, error) {
	return nil, fmt.Errorf("a world opens its places itself")
}

// decide reads recorded decision settings, as the daemon does.
func decide(route string, b []byte) (pipeline.Decision, error) {
	terms, err := configs.ParseDecision(b)
	d := pipeline.DecisionOf(terms)
	d.Unreadable = route == pipeline.Unreadable
	return d, err
}

// recordedRule is the model's own reading of decision settings.
type recordedRule struct {
	Filter     string
	Exclusions []struct{ Filter, When string }
	Quotas     []recordedQuota
	Required   bool
	Scope      *struct {
		Parent   string
		Children []string
	}
	Interceptors []recordedRule
}

func readRule(l ledger.Reader, hash string) (r recordedRule, err error) {
	b, err := l.Config(context.Background(), hash)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

// verdict says what becomes of a line.
func (r recordedRule) verdict(s sent) string {
	resource := fmt.Sprintf("projects/p%d", s.n%2)
	exclude := ""
	for _, x := range r.Exclusions {
		if x.When == "" {
			exclude = x.Filter
		}
	}
	rule := Rules[slices.IndexFunc(Rules, func(o Rule) bool { return o.Filter == r.Filter && o.Exclude == exclude })]
	if r.Scope != nil && resource != r.Scope.Parent && !slices.Contains(r.Scope.Children, resource) {
		return "notMatched"
	}
	if !rule.Matches(s.n) {
		return "notMatched"
	}
	if !r.Required || r.Scope == nil || r.Scope.Parent != resource {
		for _, above := range r.Interceptors {
			if above.verdict(s) == "kept" {
				return "intercepted"
			}
		}
	}
	if rule.Excludes(s.n) {
		return "excluded"
	}
	return "kept"
}

// miscounted compares an account with what the model makes of every line.
func (w *World) miscounted(verdicts map[int]string, counts ledger.Counts) string {
	if verdicts == nil {
		return ""
	}
	var want ledger.Counts
	exclude := func(name string, s sent) {
		if want.Excluded == nil {
			want.Excluded, want.ExcludedBytes = make(map[string]uint64), make(map[string]uint64)
		}
		want.Excluded[name]++
		want.ExcludedBytes[name] += uint64(len(s.line))
	}
	for i, verdict := range verdicts {
		want.Examined++
		switch verdict {
		case "notMatched":
			want.NotMatched++
		case "intercepted":
			want.Intercepted++
		case "excluded":
			exclude("x", w.sent[i])
		case "w":
			exclude("w", w.sent[i])
		case "overQuota", "diverted":
			want.OverQuota++
		case "kept":
			want.Kept++
		}
	}
	counts.Messages, counts.Kept, counts.Dead = 0, counts.Kept+counts.Dead, 0
	if a, b := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", counts); a != b {
		return "counts are " + b + " and should be " + a
	}
	return ""
}
