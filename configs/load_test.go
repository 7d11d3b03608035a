package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
)

// sameConfig compares configurations by what their author wrote: a filter by its canonical text.
var sameConfig = cmp.Options{
	cmp.AllowUnexported(fakeLayout{}),
	cmp.Comparer(func(a, b *filters.Filter) bool {
		return a == nil && b == nil || a != nil && b != nil && a.String() == b.String()
	}),
	cmp.Comparer(func(a, b *exprs.Where) bool {
		return a == nil && b == nil || a != nil && b != nil && a.String() == b.String()
	}),
}

func TestDefaults(t *testing.T) {
	got := mustParse(t, "routes: [{name: all, sink: {file: {dir: out}}}]")
	dead := &Sink{Kind: "file", Options: fake(func(o *fakeOptions) { o.Dir = "./sluice-data/dead" })}
	want := &Config{
		Bus:        Bus{Embedded: &Embedded{Dir: "./sluice-data"}, Streams: []Stream{{Name: "LOGS", Subjects: []string{"logs.>"}}}},
		Ledger:     Ledger{File: "./sluice-data/ledger"},
		Memory:     192 << 20,
		Bounds:     Bounds{Entry: 1 << 20, Depth: 100},
		Limits:     logentry.Limits{Entry: 1 << 20, Depth: 100},
		DeadLetter: dead,
		Routes: []Route{{
			Name:   "all",
			OnLoss: RecordLoss, Batch: Batch{Bytes: 16 << 20, Entries: 50_000, Age: time.Minute},
			Sink:       Sink{Kind: "file", Options: fake(func(o *fakeOptions) { o.Dir = "out" })},
			DeadLetter: dead,
		}},
		Prices:     Prices{Currency: "USD"},
		SinkErrors: SinkErrors{Parent: "projects/sluice", Every: 15 * time.Minute},
		Files:      []string{"sluice.yaml"},
	}
	if diff := cmp.Diff(want, got, sameConfig); diff != "" {
		t.Error(diff)
	}
	if got.Routes[0].DeadLetter != got.DeadLetter {
		t.Error("a route without dead letters of its own must share the global ones")
	}
	builtIn := got.Unreadable()
	if diff := cmp.Diff(got.Routes[0].Batch, builtIn.Batch); diff != "" {
		t.Errorf("the built-in route has other defaults: %s", diff)
	}
}

func TestEveryKey(t *testing.T) {
	t.Setenv("SLUICE_TEST_DIR", "/var/out")
	t.Setenv("SLUICE_TEST_TOKEN", "hunter2")
	got := mustParse(t, everyKey)
	filter := func(text string) *filters.Filter {
		f, err := filters.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	dead := &Sink{Kind: "file", Options: fake(func(o *fakeOptions) { o.Dir = "dead" })}
	batch := Batch{Bytes: 16 << 20, Entries: 50_000, Age: time.Minute}
	plain := func(name string, start Start) Route {
		return Route{Name: name, OnLoss: RecordLoss, Batch: batch, Start: start, DeadLetter: dead,
			Sink: Sink{Kind: "file", Options: fake(func(o *fakeOptions) { o.Dir = name })}}
	}
	where, err := exprs.CompileWhere("labels.a != labels.b")
	if err != nil {
		t.Fatal(err)
	}
	compared := plain("b", Start{Earliest: true})
	compared.Where, compared.WhereText = where, where.String()
	compared.Exclusions = []Exclusion{{Name: "x", Filter: filter("severity>=ERROR"), FilterText: "severity>=ERROR", Where: where, WhereText: where.String()}}
	want := &Config{
		Bus: Bus{Embedded: &Embedded{Dir: "d", Listen: "127.0.0.1:4222"}, Streams: []Stream{
			{Name: "B", Subjects: []string{"b.>", "c.*.d"}, MaxAge: 36 * time.Hour, MaxBytes: 50 << 30, Replicas: 1},
			{Name: "C", Subjects: []string{"c.x"}},
		}},
		Ledger: Ledger{File: "l"}, Memory: 64 << 20, Bounds: Bounds{Entry: 2e6, Depth: 7, EnabledRoutes: EnabledRoutes{PerParent: 9}}, Limits: logentry.Limits{Entry: 2e6, Depth: 7}, DeadLetter: dead,
		SinkErrors: SinkErrors{Disabled: true, Parent: "folders/7", Every: time.Hour},
		HTTP:       HTTP{Listen: ":0"}, Prices: Prices{Currency: "EUR", GiB: map[string]float64{"file": 0.5}},
		Files: []string{"sluice.yaml"},
		Routes: []Route{
			{
				Name: "a", Description: "what ${NOBODY} knows", Disabled: true,
				Filter: filter("severity>=ERROR"), FilterText: "severity>=ERROR",
				Exclusions: []Exclusion{
					{Name: "one.x", Filter: filter("severity>=ERROR"), FilterText: "severity>=ERROR"},
					{Name: "two", Filter: filter("severity=INFO"), FilterText: "severity=INFO", Disabled: true},
				},
				Start:  Start{Time: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
				OnLoss: HaltOnLoss, Batch: Batch{Bytes: 1, Entries: 2, Age: 3 * time.Minute},
				Sink: Sink{Kind: "file", Options: &fakeOptions{
					Dir: "/var/out/a", Layout: fakeLayout{"databricks"}, Compression: "none", Token: "Bearer hunter2", Timeout: 48 * time.Hour,
					Part: 5 << 20, Ratio: 0.5, Level: 9, Small: 255, Tags: map[string]string{"team": "pay"}, Mode: "good",
				}, Calls: Calls{Rate: Rate{10 << 20, 5000}, InFlight: 4, Retry: Retry{time.Minute, 20 * time.Second, 100 * time.Millisecond, 5 * time.Second}}},
				DeadLetter: &Sink{Kind: "file", Options: fake(func(o *fakeOptions) { o.Dir = "dead-a" })},
			},
			compared,
			plain("c", Start{Latest: true}),
			plain("d", Start{Sequence: 4711}),
			plain("e", Start{Time: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}),
		},
	}
	if diff := cmp.Diff(want, got, sameConfig); diff != "" {
		t.Error(diff)
	}
}

const everyKey = `
bus:
  listen: 127.0.0.1:4222
  embedded: {dir: d}
  streams:
    - {name: B, subjects: [b.>, "c.*.d"], maxAge: 1d12h, maxBytes: 50GiB, replicas: 1}
    - &third
      name: C
      subjects: [c.x]
ledger: {file: l}
memory: 64 MiB
limits: {entry: 2MB, depth: 7, enabledRoutes: {perParent: 9}}
deadLetter: {file: {dir: dead}}
http: {listen: ":0"}
prices: {currency: EUR, gib: {file: 0.5}}
sinkErrors: {disabled: true, parent: folders/7, every: 1h}
routes:
  - name: a
    description: what ${NOBODY} knows
    disabled: true
    filter: &f 'severity>=ERROR'
    exclusions:
      - {name: one.x, filter: *f}
      - {name: two, filter: 'severity=INFO', disabled: true}
    start: 2026-01-31T01:00:00+01:00
    onLoss: halt
    batch: {bytes: 1, entries: 2, age: 3m}
    deadLetter: {file: {dir: dead-a}}
    sink:
      file:
        dir: ${SLUICE_TEST_DIR}/a
        layout: databricks
        token: Bearer ${SLUICE_TEST_TOKEN}
        timeout: 2d
        part: 5MiB
        ratio: 0.5
        level: 9
        small: 255
        tags: {team: pay}
        mode: good
      rate: {bytes: 10MiB, entries: 5000}
      inFlight: 4
      retry: {deadline: 60s, patience: 20s, first: 100ms, max: 5s}
  - {name: b, start: earliest, filter: , where: &w 'labels.a != labels.b', exclusions: [{name: x, filter: *f, where: *w}], sink: {file: {dir: b}}}
  - {name: c, start: latest, sink: {file: {dir: c}}}
  - {name: d, start: 4711, sink: {file: {dir: d}}}
  - {name: e, start: 2026-01-31, sink: {file: {dir: e}}}
`

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := Parse("sluice.yaml", []byte(text), fakes)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func fake(change func(*fakeOptions)) *fakeOptions {
	o := newFake().(*fakeOptions)
	change(o)
	return o
}

// TestExamples also holds each example against the schema, so that an editor does not mark what Load takes.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := Load(file, exampleFakes)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings) > 0 {
				t.Errorf("an example must not make anybody wary: %v", cfg.Warnings)
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if complaint := schemaComplaint(t, b, exampleFakes); complaint != "" {
				t.Errorf("the schema refuses it: %s", complaint)
			}
		})
	}
}

// openEnded lets a wanted line that ends in … stand for all that go on: the words of filters are not ours to test.
var openEnded = cmp.Comparer(func(a, b string) bool {
	begins := func(long, short string) bool {
		short, open := strings.CutSuffix(short, "…")
		return open && strings.HasPrefix(long, short)
	}
	return a == b || begins(a, b) || begins(b, a)
})

// TestBad loads each file of testdata that must not load: its last lines list, as comments, the messages it must give, in their order. Files
// marked "structure" are those that the schema refuses too.
func TestBad(t *testing.T) {
	t.Setenv("SLUICE_TEST_TOKEN", "hunter2")
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("bad files: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			structure := false
			for line := range strings.Lines(string(b)) {
				if message, ok := strings.CutPrefix(line, "# want "); ok {
					want = append(want, "bad.yaml:"+strings.TrimSuffix(message, "\n"))
				}
				structure = structure || line == "# structure\n"
			}
			cfg, err := Parse("bad.yaml", b, fakes)
			if err == nil {
				t.Fatalf("it loads: %+v", cfg)
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n"), openEnded); diff != "" {
				t.Error(diff)
			}
			if complaint := schemaComplaint(t, b, fakes); structure != (complaint != "") {
				t.Errorf("marked structure: %t, but the schema says %q", structure, complaint)
			}
		})
	}
}

func TestLoadUnreadable(t *testing.T) {
	_, err := Load("testdata/none.yaml", fakes)
	var problems Errors
	if !errors.As(err, &problems) || err.Error() != "testdata/none.yaml: read the configuration: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestSecretFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := mustParse(t, "routes: [{name: a, sink: {file: {dir: out, token: 'file:"+file+"'}}}]")
	if got := cfg.Routes[0].Sink.Options.(*fakeOptions).Token.Reveal(); got != "hunter2" {
		t.Errorf("got %q", got)
	}
	if b := cfg.Routes[0].Delivery(); strings.Contains(string(b), "hunter2") {
		t.Errorf("delivery settings show the secret: %s", b)
	}
}

func TestNotUTF8(t *testing.T) {
	_, err := Parse("f.yaml", []byte("routes:\n  - name: caf\xe9\n"), fakes)
	if err == nil || err.Error() != "f.yaml:2:14: the file is not UTF-8" {
		t.Errorf("got %v", err)
	}
}

func TestWarnings(t *testing.T) {
	cfg := mustParse(t, `
routes:
  - name: a
    filter: |
      severity>=ERROR
        or logName:x
    sink: {file: {dir: out}}
`[1:])
	if len(cfg.Warnings) != 1 {
		t.Fatalf("got %v", cfg.Warnings)
	}
	got := cfg.Warnings[0]
	if got.File != "sluice.yaml" || got.Line != 5 || got.Column != 9 || got.Path != "routes[0].filter" || got.Message == "" {
		t.Errorf("got %+v", got)
	}
}

func TestSizesAndDurations(t *testing.T) {
	for text, want := range map[string]any{
		"0": int64(0), "4096": int64(4096), "5B": int64(5), "192MiB": int64(192 << 20), "50 GiB": int64(50 << 30), "2kB": int64(2000),
		"8PiB": int64(8 << 50), "8192PiB": nil, "": nil, "MiB": nil, "-1": nil, "1.5GiB": nil, "1Mi": nil, "1mib": nil, "99999999999999999999": nil,
	} {
		got, err := ParseSize(text)
		if want == nil != (err != nil) || err == nil && got != want {
			t.Errorf("size %q: got %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]any{
		"0s": time.Duration(0), "60s": time.Minute, "7d": 168 * time.Hour, "0d": time.Duration(0), "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute,
		"1.5h": 90 * time.Minute, "": nil, "7": nil, "d": nil, "-1s": nil, "+1s": nil, "1d-1h": nil, "12h1d": nil, "99999d": 99999 * 24 * time.Hour, "106751d24h": nil,
		"999999d": nil, "1 d": nil,
	} {
		got, err := ParseDuration(text)
		if want == nil != (err != nil) || err == nil && got != want {
			t.Errorf("duration %q: got %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a.>", "a.b.c", true}, {"a.>", "a", false}, {"a.*", "a.b", true}, {"a.*", "a.b.c", false},
		{">", "x", true}, {"*.b", "a.*", true}, {"*.b", "a.c", false}, {"a.>", "*.b", true}, {"a.b.>", "a.c.>", false},
	} {
		if overlap(c.a, c.b) != c.want || overlap(c.b, c.a) != c.want {
			t.Errorf("%s and %s: want %t", c.a, c.b, c.want)
		}
	}
}
