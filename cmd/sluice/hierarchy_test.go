package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/configs"
	"sluice/logentry"
	"sluice/pipeline"
)

// testHierarchy has an organization of two levels, a billing account, and a project of nobody (projects/lone is in no hierarchy).
const testHierarchy = `
hierarchy:
  organizations/1:
    folders/2:
      projects/pay: {}
      folders/3: {projects/deep: {}}
    projects/web:
  billingAccounts/B: {}
  projects/own: {}
routes:
`

// TestHierarchy holds each rule of aggregated and intercepting routes. The verdicts are those on one entry, by route.
func TestHierarchy(t *testing.T) {
	const org = "parent: organizations/1, includeChildren: true"
	for _, c := range []struct {
		name   string
		routes []string // name, settings
		logs   string   // whose log the entry is in, perhaps with a severity
		want   string   // kept, notMatched or the route that intercepted, by route
	}{
		{"a route of a resource sees its own entries", []string{"parent: projects/pay", "parent: projects/web"}, "projects/pay", "kept notMatched"},
		{"a route without parent sees every entry", []string{"disabled: false"}, "projects/lone", "kept"},
		{"also one without logName", []string{"disabled: false", org}, "", "kept notMatched"},
		{"routes of one resource decide independently", []string{"parent: projects/pay", "parent: projects/pay"}, "projects/pay", "kept kept"},
		{"without includeChildren only the parent's own entries", []string{"parent: organizations/1"}, "projects/pay", "notMatched"},
		{"the organization's own entries", []string{"parent: organizations/1", org}, "organizations/1", "kept kept"},
		{"includeChildren reaches folders and projects", []string{org}, "projects/pay", "kept"},
		{"at any depth", []string{org, "parent: folders/2, includeChildren: true"}, "projects/deep", "kept kept"},
		{"but not what lies beside", []string{"parent: folders/2, includeChildren: true"}, "projects/web", "notMatched"},
		{"nor above", []string{"parent: folders/2, includeChildren: true"}, "organizations/1", "notMatched"},
		{"billing accounts are roots of their own", []string{org, "parent: billingAccounts/B"}, "billingAccounts/B", "notMatched kept"},
		{"a project without organization", []string{org, "parent: projects/own"}, "projects/own", "notMatched kept"},
		{"unknown resources are nobody's children", []string{org, "parent: projects/lone"}, "projects/lone", "notMatched kept"},
		{"the name decides, not how it begins", []string{org}, "projects/payroll", "notMatched"},

		{"a route that does not intercept has no effect below", []string{org, "parent: projects/pay"}, "projects/pay", "kept kept"},
		{"one that intercepts hides the entry from its children", []string{org + ", interceptChildren: true", "parent: projects/pay"}, "projects/pay", "kept r0"},
		{"wherever it stands in the file", []string{"parent: projects/pay", org + ", interceptChildren: true"}, "projects/pay", "r1 kept"},
		{"only what it matches", []string{org + ", interceptChildren: true, filter: severity>=ERROR", "parent: projects/pay"}, "projects/pay INFO", "notMatched kept"},
		{"and its where holds for", []string{org + ", interceptChildren: true, where: severity >= \"ERROR\"", "parent: projects/pay"}, "projects/pay INFO", "notMatched kept"},
		{"and it does not exclude", []string{org + ", interceptChildren: true, exclusions: [{name: x, filter: severity=INFO}]", "parent: projects/pay"}, "projects/pay INFO", "excluded kept"},
		{"a disabled exclusion does not count", []string{org + ", interceptChildren: true, exclusions: [{name: x, filter: severity=INFO, disabled: true}]", "parent: projects/pay"}, "projects/pay INFO", "kept r0"},
		{"exclusions above do not apply below", []string{org + ", exclusions: [{name: x, filter: severity=INFO}]", "parent: projects/pay"}, "projects/pay INFO", "excluded kept"},
		{"a disabled route intercepts nothing", []string{org + ", interceptChildren: true, disabled: true", "parent: projects/pay"}, "projects/pay", "kept"},
		{"a folder intercepts before its projects", []string{"parent: folders/2, includeChildren: true, interceptChildren: true", "parent: projects/deep", "parent: folders/3, includeChildren: true"}, "projects/deep", "kept r0 r0"},
		{"not from what lies above", []string{org, "parent: folders/2, includeChildren: true, interceptChildren: true"}, "projects/deep", "kept kept"},
		{"the highest is named", []string{"parent: folders/2, includeChildren: true, interceptChildren: true", org + ", interceptChildren: true", "parent: projects/deep"}, "projects/deep", "r1 kept r1"},
		{"of two at one level the first", []string{org + ", interceptChildren: true", org + ", interceptChildren: true", "parent: projects/pay"}, "projects/pay", "kept kept r0"},
		{"all of one level still evaluate", []string{org + ", interceptChildren: true", org, "parent: organizations/1"}, "organizations/1", "kept kept kept"},
		{"a route without parent is nobody's child", []string{org + ", interceptChildren: true", "disabled: false"}, "projects/pay", "kept kept"},
		{"nor are other organizations' projects", []string{org + ", interceptChildren: true", "parent: projects/lone"}, "projects/lone", "notMatched kept"},
		{"what is not matched is not intercepted", []string{org + ", interceptChildren: true", "parent: projects/pay, filter: severity>=ERROR"}, "projects/pay INFO", "kept notMatched"},
		{"what would be excluded is intercepted first", []string{org + ", interceptChildren: true", "parent: projects/pay, exclusions: [{name: x, filter: severity=INFO}]"}, "projects/pay INFO", "kept r0"},

		{"the required route of the originating resource always sees it", []string{org + ", interceptChildren: true", "parent: projects/pay, required: true", "parent: projects/pay"}, "projects/pay", "kept kept r0"},
		{"a required route between does not: the entry is its child's", []string{org + ", interceptChildren: true", "parent: folders/2, includeChildren: true, required: true"}, "projects/pay", "kept r0"},
		{"but sees its own", []string{org + ", interceptChildren: true", "parent: folders/2, includeChildren: true, required: true"}, "folders/2", "kept kept"},
		{"_Required and _Default divide the entries", []string{"filter: _Required", "filter: _Default"}, "projects/pay", "notMatched kept"},
		{"activity is required", []string{"filter: _Required", "filter: _Default"}, "projects/pay activity", "kept notMatched"},
		{"a name begins a longer filter", []string{"filter: _Default AND severity>=INFO", "filter: _Required OR severity=INFO"}, "projects/pay INFO", "kept kept"},
		{"in quotes it is a text", []string{"filter: '\"a _Default b\"'"}, "projects/pay", "notMatched"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.TrimPrefix(testHierarchy, "\n")
			for i, r := range c.routes {
				text += fmt.Sprintf("  - {name: r%d, %s, sink: {file: {dir: out/%d}}}\n", i, r, i)
			}
			cfg, err := configs.Parse("sluice.yaml", []byte(text), registry())
			if err != nil {
				t.Fatal(err)
			}
			if got := verdictsOn(t, cfg, entryOf(c.logs)); !cmp.Equal(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := recordedVerdictsOn(t, cfg, entryOf(c.logs)); !cmp.Equal(got, c.want) {
				t.Errorf("by the recorded settings: got %s, want %s", got, c.want)
			}
		})
	}
}

func entryOf(log string) string {
	parent, severity, _ := strings.Cut(log, " ")
	switch {
	case parent == "":
		return `{"insertId":"a"}`
	case severity == "activity":
		return fmt.Sprintf(`{"insertId":"a","logName":%q}`, parent+"/logs/cloudaudit.googleapis.com%2Factivity")
	}
	return fmt.Sprintf(`{"insertId":"a","logName":%q,"severity":%q}`, parent+"/logs/app", severity)
}

// verdictsOn gives the verdicts of the routes that are not disabled; of an intercepted entry the route that intercepts.
func verdictsOn(t *testing.T, cfg *configs.Config, entry string) string {
	var words []string
	defect := explainJudges(cfg)().verdicts([]byte(entry), 1, func(line explained, err error) {
		word := line.Verdict
		if word == verdictIntercepted {
			word = line.Rule
		}
		if words = append(words, word); err != nil {
			t.Error(err)
		}
	})
	if defect != nil {
		t.Fatal(defect)
	}
	return strings.Join(words, " ")
}

// TestEscapedLogName: an entry's resource is read through JSON's escapes.
func TestEscapedLogName(t *testing.T) {
	cfg, err := configs.Parse("sluice.yaml", []byte("routes: [{name: a, parent: projects/pay, sink: {file: {dir: out}}}]"), registry())
	if err != nil {
		t.Fatal(err)
	}
	if got := verdictsOn(t, cfg, `{"logName":"projects\/pa\u0079\/logs\/app"}`); got != verdictKept {
		t.Error(got)
	}
}

// recordedVerdictsOn is verdictsOn by the settings as the ledger keeps them, each route on its own as at a redo.
func recordedVerdictsOn(t *testing.T, cfg *configs.Config, entry string) string {
	var words []string
	for i := range cfg.Routes {
		if cfg.Routes[i].Disabled {
			continue
		}
		terms, err := configs.ParseDecision(cfg.Routes[i].Decision(cfg.Limits))
		if err != nil {
			t.Fatal(err)
		}
		d := pipeline.DecisionOf(terms)
		bench := pipeline.NewBench([]*pipeline.Decision{&d}, nil)
		e := logentry.Entry{Raw: []byte(entry)}
		if defect := bench.Fields().Extract(&e, cfg.Limits); defect != nil {
			t.Fatal(defect)
		}
		word := verdictNotMatched
		for _, f := range bench.NewJudge().Judge(&e, everyRoute) {
			verdict, rule := verdictOf(&d, f)
			if word = verdict; word == verdictIntercepted {
				word = rule
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
