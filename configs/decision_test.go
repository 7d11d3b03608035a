package configs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

// The stored forms are read by later versions: these texts must never change.
const (
	goldenDecision = `{"v":1,"filter":"severity>=ERROR","exclusions":[{"name":"one.x","filter":"severity>=ERROR"},{"name":"two","filter":"severity=INFO","disabled":true}],"limits":{"entry":2000000,"depth":7},"sample":"xxhash64"}`
	goldenWhere    = `{"v":1,"filter":"","where":"labels.a != labels.b","exclusions":[{"name":"x","filter":"severity>=ERROR","where":"labels.a != labels.b"}],"limits":{"entry":2000000,"depth":7},"sample":"xxhash64"}`
	goldenScope    = `{"v":1,"filter":"","limits":{"entry":1048576,"depth":100},"sample":"xxhash64","scope":{"parent":"folders/2","children":["projects/a","projects/b"]},"interceptors":[{"route":"org","filter":"severity>=ERROR","where":"labels.a != labels.b","exclusions":[{"name":"x","filter":"severity=ALERT"}]}],"required":true}`
	goldenDelivery = `{"v":1,"kind":"file","options":{"dir":"/var/out/a","layout":"databricks","compression":"none","part":5242880,"ratio":0.5,"level":9,"small":255,"tags":{"team":"pay"},"mode":"good"},"deadLetter":{"kind":"file","options":{"dir":"dead-a","layout":"hourly","compression":"none","part":0,"ratio":0,"level":0,"small":0,"mode":""}},"batch":{"bytes":1,"entries":2,"age":"3m0s"}}`
)

func loadEveryKey(t *testing.T) *Config {
	t.Helper()
	t.Setenv("SLUICE_TEST_DIR", "/var/out")
	t.Setenv("SLUICE_TEST_TOKEN", "hunter2")
	return mustParse(t, everyKey)
}

func TestDecision(t *testing.T) {
	cfg := loadEveryKey(t)
	for i, golden := range []string{goldenDecision, goldenWhere} {
		r := &cfg.Routes[i]
		b := r.Decision(cfg.Limits)
		if diff := cmp.Diff(golden, string(b)); diff != "" {
			t.Fatal(diff)
		}
		got, err := ParseDecision(b)
		if err != nil {
			t.Fatal(err)
		}
		want := r.Terms(cfg.Limits)
		if len(want.Rule.Exclude) != 1 { // the disabled one is left out
			t.Errorf("%d exclusions are active", len(want.Rule.Exclude))
		}
		if diff := cmp.Diff(want, got, sameConfig); diff != "" {
			t.Error(diff)
		}
	}
}

// TestScopedDecision: the recorded form holds the route's slice of the hierarchy and what is intercepted above it.
func TestScopedDecision(t *testing.T) {
	cfg := mustParse(t, `
hierarchy: {organizations/1: {folders/2: {projects/b: {}, projects/a: {}}, projects/c: }}
routes:
  - {name: team, parent: folders/2, includeChildren: true, required: true, sink: {file: {dir: team}}}
  - name: org
    parent: organizations/1
    includeChildren: true
    interceptChildren: true
    filter: severity>=ERROR
    where: labels.a != labels.b
    exclusions: [{name: x, filter: severity=ALERT}, {name: y, filter: severity=INFO, disabled: true}]
    sink: {file: {dir: org}}
`)
	b := cfg.Routes[0].Decision(cfg.Limits)
	if diff := cmp.Diff(goldenScope, string(b)); diff != "" {
		t.Fatal(diff)
	}
	got, err := ParseDecision(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cfg.Routes[0].Terms(cfg.Limits), got, sameConfig); diff != "" {
		t.Error(diff)
	}
	if names := cfg.Hierarchy.Names(); !cmp.Equal(names, []string{"folders/2", "organizations/1", "projects/a", "projects/b", "projects/c"}) {
		t.Error(names)
	}
}

// TestDecisionHash changes one setting at a time: the hash must change with those that decide, and with no other.
func TestDecisionHash(t *testing.T) {
	limits := logentry.Limits{}
	hashOf := func(change func(*Route)) string {
		r := loadEveryKey(t).Routes[0]
		change(&r)
		return r.DecisionHash(limits)
	}
	base := hashOf(func(*Route) {})
	for name, c := range map[string]struct {
		change  func(*Route)
		decides bool
	}{
		"filter":             {func(r *Route) { r.FilterText += " " }, true},
		"where":              {func(r *Route) { r.WhereText = "true" }, true},
		"exclusion's where":  {func(r *Route) { r.Exclusions[0].WhereText = "true" }, true},
		"exclusion's filter": {func(r *Route) { r.Exclusions[0].FilterText = "a" }, true},
		"exclusion's name":   {func(r *Route) { r.Exclusions[0].Name = "a" }, true},
		"exclusion disabled": {func(r *Route) { r.Exclusions[0].Disabled = true }, true},
		"order":              {func(r *Route) { r.Exclusions[0], r.Exclusions[1] = r.Exclusions[1], r.Exclusions[0] }, true},
		"scope":              {func(r *Route) { r.Scope = &Scope{Parent: "projects/p"} }, true},
		"interceptor":        {func(r *Route) { r.Interceptors = []*Route{{Name: "org"}} }, true},
		"required":           {func(r *Route) { r.Required = true }, true},
		"name":               {func(r *Route) { r.Name = "z" }, false},
		"batch":              {func(r *Route) { r.Batch.Bytes = 7 }, false},
		"sink":               {func(r *Route) { r.Sink = *r.DeadLetter }, false},
		"start":              {func(r *Route) { r.Start = Start{Latest: true} }, false},
	} {
		if got := hashOf(c.change) != base; got != c.decides {
			t.Errorf("%s: changed %t, want %t", name, got, c.decides)
		}
	}
	r := loadEveryKey(t).Routes[0]
	if r.DecisionHash(logentry.Limits{Entry: 1 << 20, Depth: 100}) != base {
		t.Error("limits of zero are not their defaults")
	}
	if r.DecisionHash(logentry.Limits{Depth: 99}) == base {
		t.Error("the limits do not decide")
	}
}

func TestDelivery(t *testing.T) {
	r := &loadEveryKey(t).Routes[0]
	b := r.Delivery()
	if diff := cmp.Diff(goldenDelivery, string(b)); diff != "" {
		t.Fatal(diff)
	}
	got, err := ParseDelivery(b, fakes)
	if err != nil {
		t.Fatal(err)
	}
	want := Delivery{r.Sink, *r.DeadLetter, r.Batch}
	options := *want.Sink.Options.(*fakeOptions)
	options.Token, options.Timeout = "", 30*time.Second // not pinned
	want.Sink.Options, want.Sink.Calls = &options, Calls{}
	if diff := cmp.Diff(want, got, sameConfig); diff != "" {
		t.Error(diff)
	}
	r.Disabled, r.FilterText = !r.Disabled, "a"
	if string(r.Delivery()) != goldenDelivery {
		t.Error("delivery settings depend on others")
	}
}

func TestParseRecordedRefuses(t *testing.T) {
	for name, c := range map[string]struct{ from, old, new, want string }{
		"filter":            {goldenDecision, `"filter":"severity>=ERROR","ex`, `"filter":")","ex`, "filter: syntax error"},
		"exclusion":         {goldenDecision, `"filter":"severity=INFO"`, `"filter":")"`, "exclusion two: filter: syntax error"},
		"where":             {goldenWhere, `"where":"labels.a`, `"where":"lables.a`, "where: unknown name lables (did you mean labels?)"},
		"version":           {goldenDecision, `"v":1`, `"v":2`, "version 2"},
		"sample hash":       {goldenDecision, "xxhash64", "md5", `"md5"`},
		"decision key":      {goldenDecision, `"v":1`, `"v":1,"parent":"x"`, `unknown field "parent"`},
		"not JSON":          {goldenDecision, `{"v"`, `{`, "invalid character"},
		"after it":          {goldenDecision, `"xxhash64"}`, `"xxhash64"}{}`, "something after"},
		"delivery version":  {goldenDelivery, `"v":1`, `"v":2`, "version 2"},
		"kind":              {goldenDelivery, `"kind":"file","options":{"dir":"/`, `"kind":"tape","options":{"dir":"/`, `no sink "tape"`},
		"dead letters":      {goldenDelivery, `"deadLetter":{"kind":"file"`, `"deadLetter":{"kind":"tape"`, `dead letters: this program has no sink "tape"`},
		"option":            {goldenDelivery, `"small":255`, `"large":255`, `unknown field "large"`},
		"age":               {goldenDelivery, `"3m0s"`, `"3 m"`, "unknown unit"},
		"not as it was put": {goldenDelivery, `"3m0s"`, `"180s"`, "reads them differently"},
	} {
		b := strings.Replace(c.from, c.old, c.new, 1)
		var err error
		if c.from != goldenDelivery {
			_, err = ParseDecision([]byte(b))
		} else {
			_, err = ParseDelivery([]byte(b), fakes)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// FuzzParse holds each answer of Parse against what it promises: one-line problems that lie in the file, or a configuration
// whose settings come back from their stored forms and which the schema accepts.
func FuzzParse(f *testing.F) {
	f.Add(everyKey)
	f.Add(string(Starter))
	f.Add("routes: [{name: a, filter: \"x\\\n )\", sink: {file: {dir: out}}}]")
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := Parse("f.yaml", []byte(text), fakes)
		if err != nil {
			checkProblems(t, text, err.(Errors))
			return
		}
		if complaint := schemaComplaint(t, []byte(text), fakes); complaint != "" {
			t.Errorf("the schema refuses what Parse takes: %s", complaint)
		}
		for i := range cfg.Routes {
			r := &cfg.Routes[i]
			got, err := ParseDecision(r.Decision(cfg.Limits))
			if diff := cmp.Diff(r.Terms(cfg.Limits), got, sameConfig); diff != "" || err != nil {
				t.Fatal(diff, err)
			}
			if _, err := ParseDelivery(r.Delivery(), fakes); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func checkProblems(t *testing.T, text string, problems Errors) {
	lines := strings.Split(text, "\n")
	if len(problems) == 0 {
		t.Fatal("an error without a problem")
	}
	for _, p := range problems {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1 {
			t.Errorf("%s: not a place in the file", p)
		}
		if strings.ContainsAny(p.String(), "\n\r") {
			t.Errorf("%q: more than a line", p)
		}
	}
}

func TestSameDestination(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"kind":"file","options":{"dir":"/a"},"batch":{"bytes":1}}`, `{"kind":"file","options":{"dir":"/a"},"batch":{"bytes":2}}`, true},
		{`{"kind":"file","options":{"dir":"/a"},"batch":{"bytes":1}}`, `{"kind":"file","options":{"dir":"/b"},"batch":{"bytes":1}}`, false},
		{`{"kind":"file"}`, `broken`, false},
	} {
		if got := SameDestination([]byte(c.a), []byte(c.b)); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}
