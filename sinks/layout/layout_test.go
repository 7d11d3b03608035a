package layout_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

var stored = time.Date(2026, 3, 1, 23, 59, 59, 0, time.FixedZone("", -2*3600)) // 01:59:59 UTC of the next day

func extract(t testing.TB, l *layout.Layout, raw string) *logentry.Entry {
	t.Helper()
	e := &logentry.Entry{Raw: []byte(raw), Stream: "LOGS", Seq: 7, Stored: stored}
	if defect := logentry.NewFields(l.Fields()...).Extract(e, logentry.Limits{}); defect != nil {
		t.Fatalf("extract %s: %v", raw, defect)
	}
	return e
}

func TestHourlyKey(t *testing.T) {
	const day = `"timestamp":"2026-02-28T12:34:56Z"`
	for _, c := range []struct{ name, raw, want string }{
		{"audit", `{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity",` + day + `}`,
			"cloudaudit.googleapis.com/activity/2026/02/28/12:00:00_12:59:59"},
		{"lower case escape, leading slash", `{"logName":"/organizations/1/logs/a%2fb",` + day + `}`, "a/b/2026/02/28/12:00:00_12:59:59"},
		{"JSON escapes", `{"logName":"projects\/p\/logs\/\u0061",` + day + `}`, "a/2026/02/28/12:00:00_12:59:59"},
		{"offset", `{"logName":"projects/p/logs/a","timestamp":"2026-12-31T23:30:00.123456789-00:30"}`, "a/2027/01/01/00:00:00_00:59:59"},
		{"lower case t and z", `{"logName":"projects/p/logs/a","timestamp":"2024-02-29t09:00:60z"}`, "a/2024/02/29/09:00:00_09:59:59"},
		{"first year", `{"logName":"projects/p/logs/a","timestamp":"0000-01-01T00:00:00Z"}`, "a/0000/01/01/00:00:00_00:59:59"},
		{"no time", `{"logName":"projects/p/logs/a"}`, "a/2026/03/02/01:00:00_01:59:59"},
		{"time before year 0", `{"logName":"projects/p/logs/a","timestamp":"0000-01-01T00:00:00+00:01"}`, "a/2026/03/02/01:00:00_01:59:59"},
		{"time after year 9999", `{"logName":"projects/p/logs/a","timestamp":"9999-12-31T23:59:59-00:01"}`, "a/2026/03/02/01:00:00_01:59:59"},
		{"no such day", `{"logName":"projects/p/logs/a","timestamp":"2026-02-29T00:00:00Z"}`, "a/2026/03/02/01:00:00_01:59:59"},
		{"time with a path", `{"logName":"projects/p/logs/a","timestamp":"2026-../../T00:00:00Z"}`, "a/2026/03/02/01:00:00_01:59:59"},
		{"time as a number", `{"logName":"projects/p/logs/a","timestamp":1772323200}`, "a/2026/03/02/01:00:00_01:59:59"},
		{"no log", `{` + day + `}`, "_none/2026/02/28/12:00:00_12:59:59"},
		{"not a log name", `{"logName":"syslog",` + day + `}`, "_none/2026/02/28/12:00:00_12:59:59"},
		{"climbing", `{"logName":"projects/p/logs/..%2F..%2Fetc",` + day + `}`, "%2E./%2E./etc/2026/02/28/12:00:00_12:59:59"},
		{"our own folder", `{"logName":"projects/p/logs/.sluice%2Ftmp",` + day + `}`, "%2Esluice/tmp/2026/02/28/12:00:00_12:59:59"},
		{"empty part", `{"logName":"projects/p/logs/a%2F%2Fb",` + day + `}`, "a/_none/b/2026/02/28/12:00:00_12:59:59"},
		{"literal none", `{"logName":"projects/p/logs/_none",` + day + `}`, "%5Fnone/2026/02/28/12:00:00_12:59:59"},
		{"like a file", `{"logName":"projects/p/logs/12:00:00_12:59:59_S",` + day + `}`, "12%3A00%3A00_12%3A59%3A59_S/2026/02/28/12:00:00_12:59:59"},
		{"control and letters", `{"logName":"projects/p/logs/a\u0000\né\\b",` + day + `}`, "a%00%0A%C3%A9%5Cb/2026/02/28/12:00:00_12:59:59"},
		{"percent twice", `{"logName":"projects/p/logs/a%252Fb",` + day + `}`, "a%252Fb/2026/02/28/12:00:00_12:59:59"},
	} {
		l := layout.Hourly()
		got := string(l.Key([]byte("before "), extract(t, l, c.raw)))
		if diff := cmp.Diff("before "+c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What a layout remembers of log names makes no difference, also when they are too many.
func TestHourlyKeyOfManyLogs(t *testing.T) {
	l := layout.Hourly()
	for range 2 {
		for i := range 3000 {
			e := extract(t, l, fmt.Sprintf(`{"logName":"projects/p%d/logs/a%d%%2Fb"}`, i%7, i))
			want := fmt.Sprintf("a%d/b/2026/03/02/01:00:00_01:59:59", i)
			if got := string(l.Key(nil, e)); got != want {
				t.Fatalf("log %d: %s, want %s", i, got, want)
			}
		}
	}
}

func TestDatabricksKey(t *testing.T) {
	const day = `"timestamp":"2026-02-28T12:34:56Z"`
	for _, c := range []struct{ name, raw, want string }{
		{"label", `{"logName":"projects/9/logs/a","labels":{"databricks.com/workspace_id":"123"},` + day + `}`, "workspaceId=123/date=2026-02-28/auditlogs"},
		{"project", `{"logName":"projects/9/logs/a",` + day + `}`, "workspaceId=9/date=2026-02-28/auditlogs"},
		{"empty label", `{"logName":"projects/9/logs/a","labels":{"databricks.com/workspace_id":""},` + day + `}`, "workspaceId=9/date=2026-02-28/auditlogs"},
		{"account", `{"logName":"organizations/9/logs/a",` + day + `}`, "workspaceId=0/date=2026-02-28/auditlogs"},
		{"nothing", `{}`, "workspaceId=0/date=2026-03-02/auditlogs"},
		{"climbing", `{"labels":{"databricks.com/workspace_id":"../../x"}}`, "workspaceId=%2E.%2F..%2Fx/date=2026-03-02/auditlogs"},
	} {
		l := layout.Databricks()
		if diff := cmp.Diff(c.want, string(l.Key(nil, extract(t, l, c.raw)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestPlanNamesEachGroup(t *testing.T) {
	a, b := []driver.Ref{{Seq: 1}}, []driver.Ref{{Seq: 2}}
	batch := &driver.Batch{Route: "r", Stream: "LOGS", Epoch: 3, First: 4711, Last: 4712,
		Groups: []driver.Group{{Key: "z/2026/01/01/05:00:00_05:59:59", Refs: b}, {Key: "a/2026/01/01/05:00:00_05:59:59", Refs: a}}}
	want := driver.Plan{Units: []driver.Unit{
		{Name: "z/2026/01/01/05:00:00_05:59:59_SLOGS-e3-00000000000000004711.json.gz", Codec: "json.gz", Refs: b},
		{Name: "a/2026/01/01/05:00:00_05:59:59_SLOGS-e3-00000000000000004711.json.gz", Codec: "json.gz", Refs: a},
	}}
	if diff := cmp.Diff(want, layout.Hourly().Plan(batch, "json.gz")); diff != "" {
		t.Error(diff)
	}
}

func TestDeadLetterNames(t *testing.T) {
	l := layout.DeadLetters()
	names := func(route, stream, side string, amend int) string {
		return l.Name(route, &driver.Batch{Stream: stream, Epoch: 1, First: 5, Side: side, Amend: amend}, "json")
	}
	got := []string{names("_unreadable", "LOGS", "", 0), names("a/../b", "L.O/G", "", 2), names("a", "LOGS", "r7", 2)}
	want := []string{"_unreadable/SLOGS-e1-00000000000000000005.json", "a%2F..%2Fb/SL.O%2FG-e1-00000000000000000005-a2.json",
		"a/SLOGS-e1-00000000000000000005-r7-a2.json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if key := l.Key([]byte("x"), extract(t, l, `{"logName":"projects/p/logs/a"}`)); string(key) != "x" {
		t.Errorf("key %q: the pipeline gives it", key)
	}
}

func TestLongLogIDsAreBounded(t *testing.T) {
	l := layout.Hourly()
	names := make(map[string]string)
	for _, id := range []string{
		strings.Repeat("a", 200), strings.Repeat("a", 201), strings.Repeat("a", 202), strings.Repeat("a/", 15) + "a", strings.Repeat("a/", 16) + "a",
		strings.Repeat("%2e", 100), strings.Repeat("é", 300), strings.Repeat("/", 600), strings.Repeat("x", 900<<10), strings.Repeat("x", 900<<10) + "y",
	} {
		key := string(l.Key(nil, extract(t, l, fmt.Sprintf(`{"logName":"projects/p/logs/%s"}`, id))))
		name := l.Name(key, &driver.Batch{Stream: strings.Repeat("S", 255), Epoch: 1<<32 - 1, First: 1<<64 - 1, Amend: 1}, "json.zst")
		for part := range strings.SplitSeq(name, "/") {
			if len(part) > 255 {
				t.Errorf("a part of %d bytes: %s", len(part), part)
			}
		}
		if len(name) > 1024 {
			t.Errorf("a name of %d bytes", len(name))
		}
		if other, taken := names[key]; taken {
			t.Errorf("%.20s… and %.20s… share %s", id, other, key)
		}
		names[key] = id
	}
}

var component = regexp.MustCompile(`^([A-Za-z0-9_@+,=-]|%[0-9A-F]{2})([A-Za-z0-9._@+,=~-]|%[0-9A-F]{2})*$`)

func FuzzKeysAreSafeAndDistinct(f *testing.F) {
	f.Add("a", "b")
	f.Add("..", "%2E.")
	f.Add("_none", "")
	f.Add(strings.Repeat("a", 199), strings.Repeat("a", 300))
	f.Add(strings.Repeat("a", 167)+"~2b3c", strings.Repeat("a", 300))
	f.Fuzz(func(t *testing.T, a, b string) {
		keys := [2]string{}
		for i, v := range []string{a, b} {
			key := layout.DeadLetters().Name(v, &driver.Batch{}, "json")
			part, _, _ := strings.Cut(key, "/")
			if !component.MatchString(part) || len(part) > 200 {
				t.Errorf("%q gives the component %q", v, part)
			}
			keys[i] = key
		}
		if (a == b) != (keys[0] == keys[1]) && !none(a, b) {
			t.Errorf("%q and %q give %q and %q", a, b, keys[0], keys[1])
		}
	})
}

// none says whether the values are the two that mean none.
func none(a, b string) bool { return a == "" && b == "" }

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// FuzzTimes compares the reading of timestamps with the standard library's, which is laxer than the grammar.
func FuzzTimes(f *testing.F) {
	for _, s := range []string{"2026-02-28T12:34:56Z", "2026-02-28T12:34:56.5+05:30", "2026-02-30T00:00:00Z", "2026-02-28T24:00:00Z", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			return
		}
		want, err := time.Parse(time.RFC3339Nano, strings.Replace(strings.ToUpper(s), ":60", ":59", 1))
		if want = want.UTC(); err != nil || !rfc3339.MatchString(s) || want.Year() < 0 || want.Year() > 9999 {
			want = stored.UTC()
		}
		if len(s) > 17 && s[14:16] == "60" {
			return // the replacement above hit the minutes
		}
		l := layout.Hourly()
		got := string(l.Key(nil, extract(t, l, `{"timestamp":"`+s+`"}`)))
		h := want.Format("15")
		if w := want.Format("_none/2006/01/02/") + h + ":00:00_" + h + ":59:59"; got != w {
			t.Errorf("%q gives %s, want %s", s, got, w)
		}
	})
}

func BenchmarkHourlyKey(b *testing.B) {
	l := layout.Hourly()
	var entries []*logentry.Entry
	for i := range 160 {
		entries = append(entries, extract(b, l, fmt.Sprintf(
			`{"logName":"projects/acme-%d/logs/cloudaudit.googleapis.com%%2F%s","timestamp":"2026-02-28T12:34:56.789Z"}`,
			i%40, []string{"activity", "data_access", "system_event", "policy"}[i/40])))
	}
	var key []byte
	i := 0
	for b.Loop() {
		key = l.Key(key[:0], entries[i%len(entries)])
		i++
	}
}
