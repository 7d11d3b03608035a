package layout_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

func template(t testing.TB, text string) *layout.Layout {
	t.Helper()
	l, err := layout.Template(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTemplateKey(t *testing.T) {
	const raw = `{"logName":"projects/pay/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-02-28T12:34:56Z","severity":"INFO",` +
		`"labels":{"team":"a/b","k8s-pod/app":"web","n":7,"yes":true,"o":{"x":1},"dots":"..","Team":"T"},"resource":{"type":"gce","labels":{"project_id":"p1"}},` +
		`"jsonPayload":{"tenant":"t","list":[{"id":"x"},{"id":"y"}]},"protoPayload":{"service_name":"s"}}`
	for text, want := range map[string]string{
		"team={labels.team}/{yyyy}/{MM}/{dd}/{HH}":   "team=a%2Fb/2026/02/28/12",
		"{yyyy}-{MM}-{dd}T{HH}:{mm}":                 "2026-02-28T12:34",
		`{labels."k8s-pod/app"}`:                     "web",
		`{"labels"}`:                                 "", // a quoted name is no field
		"{LABELS.team}/x":                            "a%2Fb/x",
		"{labels.TEAM}":                              "_none",
		"{labels.Team}":                              "T",
		"{labels.n}/{labels.yes}/{labels.o}":         "7/true/_none",
		"a{labels.dots}b":                            "a%2E.b",
		"{resource.labels.project_id}":               "p1",
		"{resource.type}/{severity}":                 "gce/INFO",
		"{jsonPayload.tenant}/{jsonPayload.list.id}": "t/x",
		"{protoPayload.serviceName}":                 "s",
		"{logId}/{parentKind}/{parentId}":            "cloudaudit.googleapis.com%2Factivity/projects/pay",
		"{log_name}":                                 "projects%2Fpay%2Flogs%2Fcloudaudit.googleapis.com%252Factivity",
		"all":                                        "all",
	} {
		l, err := layout.Template(text)
		if want == "" {
			if err == nil {
				t.Errorf("%s was accepted", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(l.Key([]byte("before "), extract(t, l, raw))); got != "before "+want {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
}

func TestTemplateOfNothing(t *testing.T) {
	l := template(t, "t={labels.team}/{logId}/{yyyy}/{MM}")
	if got := string(l.Key(nil, extract(t, l, `{"labels":{"team":""}}`))); got != "t=_none/_none/2026/03" {
		t.Errorf("got %q", got)
	}
	name := l.Name("t=a/b", &driver.Batch{Stream: "LOGS", Epoch: 2, First: 7}, "json.gz")
	if name != "t=a/b/SLOGS-e2-00000000000000000007.json.gz" {
		t.Errorf("the name is %s", name)
	}
	if got := len(l.Fields()); got != 3 {
		t.Errorf("%d fields: %v", got, l.Fields())
	}
}

func TestTemplateMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "column 1: the template is empty",
		"a/{labels.team":                        "column 3: a { without its }",
		"a}b":                                   `column 2: "}" cannot stand in a folder name`,
		"a b":                                   `column 2: " " cannot stand in a folder name`,
		"/a":                                    "column 1: an empty folder name",
		"a/":                                    "column 3: an empty folder name",
		"a//b":                                  "column 3: an empty folder name",
		"a/../b":                                "column 3: a folder name that begins with a dot",
		".sluice/{yyyy}":                        "column 1: a folder name that begins with a dot",
		"_sluice/{yyyy}":                        "column 1: the folder _sluice is the program's own",
		"{YYYY}":                                `column 2: "YYYY" is no field`,
		"{lables.team}":                         `column 2: "lables" is no field`,
		"{labels}":                              "column 2: labels holds several values",
		"{resource}":                            "column 2: resource holds several values",
		"{labels.}":                             "column 9: a name was expected",
		"{labels.a/b}":                          "column 10: a dot or } was expected",
		`{labels."a}`:                           "column 1: a { without its }",
		"{labels.a}-{labels.b}":                 "column 12: a second field in one folder name",
		strings.Repeat("a", 140) + "{labels.a}": "column 1: the folder name leaves less than",
		strings.Repeat("{yyyy}/", 17):           "column 113: more than 16 placeholders",
		strings.Repeat("a", 501):                "column 501: the template is longer than 500 bytes",
	} {
		_, err := layout.Template(text)
		var bad *layout.TemplateError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.30q gives %v, want %s", text, err, want)
		}
		problems := layout.Spec{Template: text}.Problems()
		if text != "" && (len(problems) != 1 || problems[0].Path != "layout.template" || !strings.HasPrefix(problems[0].Message, want)) {
			t.Errorf("%.30q: problems %+v", text, problems)
		}
	}
	if problems := (layout.Spec{Template: "{yyyy}"}).Problems(); problems != nil {
		t.Errorf("a good template has problems: %v", problems)
	}
}

func TestSpecMakesItsLayout(t *testing.T) {
	for _, c := range []struct {
		spec layout.Spec
		want string
	}{
		{layout.Spec{Name: "hourly"}, "a/2026/03/02/01:00:00_01:59:59"},
		{layout.Spec{Name: "databricks"}, "workspaceId=9/date=2026-03-02/auditlogs"},
		{layout.Spec{Template: "x/{dd}"}, "x/02"},
	} {
		l := c.spec.Layout()
		if got := string(l.Key(nil, extract(t, l, `{"logName":"projects/9/logs/a"}`))); got != c.want {
			t.Errorf("%+v: %s, want %s", c.spec, got, c.want)
		}
	}
}

func TestShorten(t *testing.T) {
	long := strings.Repeat("folder-of-some-length/", 60) + "SLOGS-e1-00000000000000000001.json"
	other := strings.Replace(long, "some", "more", 1)
	got := []string{layout.Shorten("a/b", 512), layout.Shorten(long, 600), layout.Shorten(other, 600)}
	if got[0] != "a/b" || got[1] == got[2] {
		t.Errorf("got %v", got)
	}
	for _, name := range got[1:] {
		if len(name) > 600 || !strings.HasSuffix(name, "/SLOGS-e1-00000000000000000001.json") || strings.Contains(name, "//") || !strings.HasPrefix(name, "folder") {
			t.Errorf("%d bytes: %s", len(name), name)
		}
	}
	if long := strings.Repeat("x", 2000); len(layout.Shorten("y/"+long[:900]+"/f", 512)) > 512 {
		t.Error("a single long folder is not cut")
	}
}

func FuzzTemplates(f *testing.F) {
	for _, s := range []string{"team={labels.team}/{yyyy}", `{labels."a\"}b"}/x`, "{jsonPayload.a.b}:{mm}", "{", "a//", "{logId}{logId}"} {
		f.Add(s, "v/../w")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		l, err := layout.Template(text)
		if err != nil {
			var bad *layout.TemplateError
			if !errors.As(err, &bad) || bad.Column < 1 || bad.Column > len(text)+1 || bad.Message == "" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		quoted := fmt.Appendf(nil, `{"labels":{"team":%q},"jsonPayload":{"a":{"b":%q}}}`, value, value)
		e := &logentry.Entry{Raw: quoted, Stream: "LOGS", Stored: stored}
		if logentry.NewFields(l.Fields()...).Extract(e, logentry.Limits{}) != nil {
			return // %q is not JSON for every value
		}
		key := string(l.Key(nil, e))
		for part := range strings.SplitSeq(key, "/") {
			if part == "" || part[0] == '.' || len(part) > 200 || strings.ContainsFunc(part, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
				t.Errorf("%q gives %q", text, key)
			}
		}
	})
}

func TestTemplateValuesStayApart(t *testing.T) {
	l := template(t, "a-{labels.team}-{yyyy}")
	seen := make(map[string]string)
	values := []string{"", "_none", "a", "a-2026", "..", ".", "%2E", strings.Repeat("x", 190), strings.Repeat("x", 191), strings.Repeat("é", 99), "~"}
	for _, v := range values {
		key := string(l.Key(nil, extract(t, l, fmt.Sprintf(`{"labels":{"team":%q}}`, v))))
		if other, taken := seen[key]; taken {
			t.Errorf("%.20q and %.20q share %s", v, other, key)
		}
		seen[key] = v
	}
	if diff := cmp.Diff(len(values), len(seen)); diff != "" || slices.Contains(values, "x") {
		t.Error(diff)
	}
}

func BenchmarkTemplateKey(b *testing.B) {
	l := template(b, "team={labels.team}/{yyyy}/{MM}/{dd}/{HH}")
	e := extract(b, l, `{"labels":{"team":"payments"},"timestamp":"2026-02-28T12:34:56.123456Z"}`)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = l.Key(dst[:0], e)
	}
}
