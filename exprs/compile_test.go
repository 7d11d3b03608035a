package exprs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/logentry"
)

func placeOf(e *Error) string { return fmt.Sprintf("%d:%d: %v", e.Line, e.Column, e) }

func ones(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]" }

func TestMistakes(t *testing.T) {
	for src, want := range map[string]string{
		`severty == "ERROR"`:                     `1:1: unknown name severty (did you mean severity?)`,
		"true and\n  httpRequest.statuss == 500": `2:15: unknown field statuss (did you mean status?)`,
		`owner == "x"`:                           `1:1: unknown name owner (the first name must be a LogEntry field: did you mean jsonPayload.owner?)`,
		`httpRequest.status == "500"`:            `1:20: invalid operation: == (mismatched types int and string)`,
		`timestamp > "2026-01-01"`:               `1:11: invalid operation: > (mismatched types time.Time and string) (write date("2026-01-31T00:00:00Z"))`,
		`timestamp > date("2026-13-01")`:         `1:18: date wants a time like 2026-01-31T00:00:00Z or a day like 2026-01-31`,
		`httpRequest.latency > "1s"`:             `1:21: invalid operation: > (mismatched types time.Duration and string) (write duration("1.5s"))`,
		`severity >= "EROR"`:                     `1:13: "EROR" is not a severity (did you mean ERROR?)`,
		`severity in ["INFO", "x"]`:              `1:22: "x" is not a severity`,
		`labels.a = "b"`:                         `1:10: unexpected token Operator("=") (compare with ==)`,
		`labels.a == "b" AND labels.c == "d"`:    `1:17: unexpected token Identifier("AND") (write and)`,
		`httpRequest.status`:                     `1:1: expected bool, but got int (an expression is true or false of an entry)`,
		`timestamp < now()`:                      `1:13: unknown name now (an expression gives the same answer at any time: compare timestamp with receiveTimestamp, or with date(…))`,
		`httpRequest == httpRequest`:             `1:1: httpRequest is not a value (name one of its fields: cacheFillBytes, cacheHit, cacheLookup, cacheValidatedWithOriginServer, latency, protocol, referer, remoteIp, requestMethod, requestSize, requestUrl, responseSize, serverIp, status, userAgent)`,
		`jsonPayload.n == 18446744073709551616`:  `1:37: invalid integer literal: strconv.ParseInt: parsing "18446744073709551616": value out of range (compare string(field) with such a long number in quotes)`,
		`logName matches "("`:                    "1:9: error parsing regexp: missing closing ): `(`",
		`logName matches labels.pattern`:         `1:24: the pattern of matches must be a text in quotes`,
		`$env["logName"] == "x"`:                 `1:1: unknown name $env (name a field)`,
		`jsonPayload.x()`:                        `1:13: this cannot be called (a time has Year, Month, Day, Weekday, Hour, Minute, Second and Unix; a duration Hours, Minutes, Seconds and Milliseconds)`,
		`timestamp.Local() == timestamp`:         `1:11: this cannot be called (a time has Year, Month, Day, Weekday, Hour, Minute, Second and Unix; a duration Hours, Minutes, Seconds and Milliseconds)`,
		`keys(labels)[0] == "x"`:                 `1:1: unknown name keys (the first name must be a LogEntry field: did you mean jsonPayload.keys?)`,
		`true; false`:                            `1:1: this cannot be used in an expression`,
		``:                                       `1:1: unexpected token EOF`,
		strings.Repeat("x", 20_001):              `1:20001: the expression has 20001 characters, at most 20000`,
		strings.Repeat("true and ", 1200) + "x":  `1:9006: compilation failed: expression exceeds maximum allowed nodes`,
	} {
		_, err := CompileWhere(src)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60s: error %v", src, err)
			continue
		}
		if got := placeOf(e); got != want {
			t.Errorf("%.60s:\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestCaret(t *testing.T) {
	_, err := CompileWhere("true and\n\thttpRequest.statuss == 500")
	if got, want := err.(*Error).Caret(), "\thttpRequest.statuss == 500\n\t            ^"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFields(t *testing.T) {
	w, err := CompileWhere(`insertId != "" and receiveTimestamp > timestamp and labels.a == labels.b and insertId == labels.c`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(w.Fields()), "[insertId receiveTimestamp timestamp]"; got != want {
		t.Errorf("fields %s, want %s", got, want)
	}
}

// FuzzWhere: whatever the text and whatever the entry, the answer is always the same, and nothing panics.
func FuzzWhere(f *testing.F) {
	for _, src := range []string{
		`protoPayload.authenticationInfo.principalEmail != labels.owner`, `any(protoPayload.authorizationInfo, .granted and .permission == "a.get")`,
		`let x = [1, jsonPayload.id]; jsonPayload.id in x ? severity >= "ERROR" : timestamp.Hour() < 8`,
		`sum(jsonPayload.list, # * 2) + len(split(jsonPayload.text, "")) ** 2 > min(jsonPayload.list[0:2]) / 0`,
		`{"a": jsonPayload}["a"].x ?? jsonPayload == map(1..3, {"b": #}) || labels[insertId] matches "^a+$"`,
	} {
		f.Add(src, []byte(entry))
		f.Add(src, []byte(absentHere))
	}
	f.Fuzz(func(t *testing.T, src string, raw []byte) {
		w, err := CompileWhere(src)
		if err != nil {
			e, ok := err.(*Error)
			if !ok || e.Line < 1 || e.Column < 1 || utf8.ValidString(src) && e.Column > utf8.RuneCountInString(src)+1 {
				t.Fatalf("%q: error %#v", src, err)
			}
			return
		}
		e := logentry.Entry{Raw: bytes.Clone(raw), Stream: "S"}
		if logentry.NewFields(w.Fields()...).Extract(&e, logentry.Limits{}) != nil {
			return
		}
		first, firstErr := w.Eval(&e)
		again, againErr := w.Eval(&e)
		if first != again || fmt.Sprint(firstErr) != fmt.Sprint(againErr) {
			t.Fatalf("%q: %v, %v; then %v, %v", src, first, firstErr, again, againErr)
		}
		if !bytes.Equal(e.Raw, raw) {
			t.Fatal("the entry was changed")
		}
	})
}

func BenchmarkWhere(b *testing.B) {
	for _, src := range []string{`protoPayload.authenticationInfo.principalEmail != labels.owner`, `jsonPayload.id == 1234567890123456789`, `any(protoPayload.authorizationInfo, .granted)`} {
		b.Run(src, func(b *testing.B) {
			w, err := CompileWhere(src)
			if err != nil {
				b.Fatal(err)
			}
			e := logentry.Entry{Raw: []byte(entry)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Eval(&e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
