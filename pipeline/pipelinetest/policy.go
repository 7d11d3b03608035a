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
		if rule.Exclude != "" {
			text += fmt.Sprintf(", exclusions: [{name: x, filter: '%s'}]", rule.Exclude)
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
	Exclusions []struct{ Filter string }
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
	rule := Rules[slices.IndexFunc(Rules, func(o Rule) bool {
		return o.Filter == r.Filter && (len(r.Exclusions) == 0 && o.Exclude == "" || len(r.Exclusions) == 1 && o.Exclude == r.Exclusions[0].Filter)
	})]
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

// miscounted compares an account with what the model makes of every line, where the stream has lost none.
func (w *World) miscounted(route string, revisions revised, counts ledger.Counts) string {
	var want ledger.Counts
	for _, s := range w.sent {
		if s.seq < revisions.begin(route) {
			continue
		}
		want.Examined++
		switch revisions.verdict(route, s) {
		case "notMatched":
			want.NotMatched++
		case "intercepted":
			want.Intercepted++
		case "excluded":
			want.Excluded = map[string]uint64{"x": want.Excluded["x"] + 1}
		case "kept":
			want.Kept++
		}
	}
	got := counts
	got.Messages, got.Kept = 0, got.Kept+got.Dead
	got.Dead = 0
	if a, b := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got); a != b {
		return strings.Join([]string{"counts are", b, "and should be", a}, " ")
	}
	return ""
}
