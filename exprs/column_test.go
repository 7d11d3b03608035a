package exprs

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

func column(t *testing.T, src, raw string) (Type, any, error) {
	t.Helper()
	c, err := CompileColumn(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	e := logentry.Entry{Raw: []byte(raw), Stream: "S", Seq: 7, Stored: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
	if d := logentry.NewFields(c.Fields()...).Extract(&e, logentry.Limits{}); d != nil {
		t.Fatal(d)
	}
	v, err := c.Eval(&e)
	return c.Type(), v, err
}

func TestColumn(t *testing.T) {
	for _, c := range []struct {
		src  string
		kind Type
		want any
	}{
		{`labels.owner`, Any, "ana@example.com"},
		{`jsonPayload.id`, Any, 1234567890123456789},
		{`jsonPayload.huge`, Any, func() any { n, _ := new(big.Int).SetString("18446744073709551616", 10); return n }()},
		{`jsonPayload.object`, Any, map[string]any{"a": map[string]any{"b": 1}}},
		{`jsonPayload.list`, Any, []any{3, 1, 2}},
		{`1..3`, Any, []any{1, 2, 3}},
		{`map(protoPayload.authorizationInfo, .permission)`, Any, []any{"a.get", "a.set", nil}},
		{`severity`, Text, "ERROR"},
		{`lower(severity)`, Text, "error"},
		{`httpRequest.status`, Integer, 503},
		{`httpRequest.status + 1`, Integer, 504},
		{`httpRequest.status / 2`, Double, 251.5},
		{`2 ** 3`, Double, 8.0},
		{`httpRequest.cacheHit`, Truth, true},
		{`httpRequest.status >= 500`, Truth, true},
		{`timestamp`, Time, time.Date(2026, 1, 31, 22, 30, 0, 5e8, time.UTC)},
		{`receiveTimestamp - timestamp`, Span, 9*time.Minute + 59*time.Second + 500*time.Millisecond},
		{`httpRequest.latency`, Span, 1500 * time.Millisecond},
		{`severity >= "WARNING" ? labels.owner : "nobody"`, Any, "ana@example.com"},
		// absent
		{`jsonPayload.no`, Any, nil},
		{`trace`, Text, nil},
		{`httpRequest.remoteIp`, Text, nil},
		{`httpRequest.remoteIp + "x"`, Text, "x"},
		{`jsonPayload.null`, Any, nil},
		{`httpRequest?.responseSize`, Integer, nil},
		{`protoPayload.authenticationInfo.principalEmail ?? "none"`, Any, "ben@example.com"},
	} {
		kind, got, err := column(t, c.src, entry)
		if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" || err != nil || kind != c.kind {
			t.Errorf("%s: type %v, want %v, error %v (-want +got):\n%s", c.src, kind, c.kind, err, diff)
		}
	}
}

func TestColumnErrors(t *testing.T) {
	for src, want := range map[string]string{
		`protoPaylod.x`: "unknown name protoPaylod", `severty`: "unknown name severty", `httpRequest`: "httpRequest is not a value",
		`severity + 1`: "invalid operation: + (mismatched types string and int)", `now()`: "unknown name now", ``: "unexpected token EOF",
	} {
		_, err := CompileColumn(src)
		var e *Error
		if !errors.As(err, &e) || e.Message != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
	for src, want := range map[string]string{
		`int(jsonPayload.huge)`:                  "1:1: want integer, found a number",
		`jsonPayload.many > 5`:                   "1:18: cannot compare a text with a number",
		`jsonPayload.list.x`:                     "1:18: jsonPayload.list is a list: write any(jsonPayload.list, .x …)",
		`jsonPayload.list[9]`:                    "1:17: no [9] in a list of 3",
		`protoPayload.authorizationInfo.granted`: "1:32: protoPayload.authorizationInfo is a list: write any(protoPayload.authorizationInfo, .granted …)",
	} {
		_, _, err := column(t, src, entry)
		var e *Error
		if !errors.As(err, &e) || placeOf(e) != want {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		v          any
		text, json string
	}{
		{nil, "", "null"}, {"a\"\\\n\u2028ü\xff", "a\"\\\n\u2028ü\xff", `"a\"\\\u000a` + "\u2028ü\ufffd" + `"`}, {true, "true", "true"}, {-7, "-7", "-7"}, {2.5, "2.5", "2.5"},
		{1e300, "1e+300", "1e+300"}, {math.Inf(1), "null", "null"}, {new(big.Int).Lsh(big.NewInt(1), 64), "18446744073709551616", "18446744073709551616"},
		{time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC), "2026-01-02T03:04:05.0000006Z", `"2026-01-02T03:04:05.0000006Z"`},
		{1500 * time.Millisecond, "1.5s", `"1.5s"`}, {-time.Second / 4, "-0.25s", `"-0.25s"`}, {time.Hour, "3600s", `"3600s"`}, {time.Duration(math.MinInt64), "-9223372036.854775808s", `"-9223372036.854775808s"`},
		{[]any{1, []int{2}, map[string]any{"b": nil, "a": "<"}}, `[1,[2],{"a":"<","b":null}]`, `[1,[2],{"a":"<","b":null}]`},
	} {
		if got := string(AppendText(nil, c.v)); got != c.text {
			t.Errorf("%v: text %q, want %q", c.v, got, c.text)
		}
		got := AppendJSON(nil, c.v)
		if string(got) != c.json || !json.Valid(got) {
			t.Errorf("%v: JSON %s, want %s", c.v, got, c.json)
		}
	}
}

func TestColumnPath(t *testing.T) {
	for src, want := range map[string][]string{
		`protoPayload.a["b c"]?.d`: {"protoPayload", "a", "b c", "d"}, `labels`: {"labels"}, `trace`: nil, `resource.labels.zone`: nil,
		`labels.a + "x"`: nil, `labels.a ?? "x"`: nil, `lower(labels.a)`: nil, `jsonPayload.list[0]`: nil,
	} {
		c, err := CompileColumn(src)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, c.Path()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src, diff)
		}
	}
}
