package filters

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

func TestErrorTexts(t *testing.T) {
	for _, c := range []struct{ query, text, caret string }{
		{`severity="ERROR" AND textPayload:("a" OR )`,
			`syntax error at line 1, column 42, token ")" (something is missing before ), or ( was never opened)`,
			"severity=\"ERROR\" AND textPayload:(\"a\" OR )\n" + strings.Repeat(" ", 41) + "^"},
		{"severty=ERROR", `undefined field "severty" (did you mean severity?)`, "severty=ERROR\n^"},
		{"a\nAND  msg:x", `undefined field "msg" (the first name must be a LogEntry field: did you mean jsonPayload.msg?)`, "AND  msg:x\n     ^"},
		{"resource.typ=x", `undefined field "resource.typ" (did you mean type?)`, "resource.typ=x\n^"},
		{"operation.xyzzy=1", `undefined field "operation.xyzzy" (operation has id, producer, first, last)`, "operation.xyzzy=1\n^"},
		{"textPayload.x=1", `undefined field "textPayload.x" (textPayload has no subfields)`, "textPayload.x=1\n^"},
		{"sampel(insertId, 0.5)", `unknown function "sampel" (did you mean sample?)`, "sampel(insertId, 0.5)\n^"},
		{"log_id()", `function "log_id" does not take 0 arguments (write log_id("LOG"))`, "log_id()\n^"},
		{"textPayload=~x", `syntax error at line 1, column 14, token "x" (a pattern stands in double quotes)`, "textPayload=~x\n             ^"},
		{`textPayload=~"("`, "invalid regular expression (missing closing ): `(`)", "textPayload=~\"(\"\n             ^"},
		{"\tx = \"a", `syntax error at line 1, column 6, token """ (the string is not closed)`, "\tx = \"a\n\t    ^"},
		{`textPayload(x)`, `unknown function "textPayload"`, "textPayload(x)\n^"},
		{`jsonPayload.x("y")`, `unknown function "jsonPayload.x" (is an operator missing before the parenthesis?)`, "jsonPayload.x(\"y\")\n^"},
	} {
		_, err := Compile(c.query)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if diff := cmp.Diff([]string{c.text, c.caret}, []string{e.Error(), e.Caret()}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.query, diff)
		}
	}
}

func TestWarnings(t *testing.T) {
	for query, want := range map[string]string{
		`severity=ERROR`:                              "",
		`severity="LOUD"`:                             `1:10 "LOUD" is no severity, so the comparison with severity never holds`,
		`timestamp>="now"`:                            `1:12 "now" is no timestamp, so the comparison with timestamp never holds`,
		`httpRequest.status=abc`:                      `1:20 "abc" is no int32, so the comparison with httpRequest.status never holds`,
		`severity=~"ERR"`:                             `1:11 severity is a severity and patterns match only text, so this never holds`,
		`resource=x`:                                  `1:10 resource is a message, which has no value to compare, so this never holds`,
		`jsonPayload.a!=("x" OR "y")`:                 `1:14 != with OR holds as soon as one of the values differs`,
		`insertId="a" OR "b"`:                         `1:17 "b" is searched in every field, not compared with insertId`,
		`severity=INFO and insertId=x`:                `1:15 "and" in lower case is text to search for, not an operator`,
		`insertId=x && severity=INFO`:                 `1:12 "&&" is text to search for, not an operator`,
		`log_id ("x")`:                                `1:1 "log_id" with a blank before the parenthesis is text to search for, not a function`,
		`textPayload='x'`:                             `1:13 single quotes are read as string quotes here, but not by Cloud Logging`,
		`textPayload=~"\\d"`:                          `1:14 \\d in a pattern is a literal backslash`,
		`logName="projects/p/logs/a/b"`:               `1:9 a stored logName has its log id URL-encoded`,
		`logName="/projects/p/logs/a"`:                `1:9 a stored logName never begins with /`,
		`source("shop")`:                              `1:8 "shop" is no resource of a log, so this never holds`,
		`jsonPayload.a<NULL_VALUE`:                    `1:15 NULL_VALUE takes only = and !=, so this never holds`,
		`sample(labels, 0.5)`:                         `1:8 labels is a map, which has no value to sample by, so this never holds`,
		`ip_in_net(severity, "10.0.0.0/8")`:           `1:11 severity is a severity, not an address, so this never holds`,
		`cast(jsonPayload.a, INT64)=x`:                `1:28 "x" is no int64, so the comparison with jsonPayload.a never holds`,
		"textPayload='a'\nAND NOT severity=~\"ERR\" ": `1:13 single quotes are read as string quotes here, but not by Cloud Logging; 2:19 severity is a severity and patterns match only text, so this never holds`,
	} {
		f := mustCompile(t, query)
		var got []string
		for _, w := range f.Warnings() {
			got = append(got, strings.TrimSpace(strings.Join([]string{itoa(w.Line) + ":" + itoa(w.Column), w.Message}, " ")))
		}
		if diff := cmp.Diff(want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", query, diff)
		}
		if _, err := CompileStrict(query); (err == nil) != (want == "") {
			t.Errorf("%s: strict gives %v", query, err)
		}
	}
}

func itoa(n int) string { return string(appendNumber(nil, float64(n))) }

func TestOptions(t *testing.T) {
	f, err := CompileWith(`textPayload='a'`, Options{PlainQuotes: true})
	if err != nil || !f.Match(&logentry.Entry{Raw: []byte(`{"textPayload":"'A'"}`)}) {
		t.Errorf("plain quotes: %v, %v", f, err)
	}
	if _, err := CompileWith(`NOT SEARCH("x")`, Options{Deny: []string{"search"}}); err == nil || err.Error() != `function "search" is not allowed here` {
		t.Errorf("denied function: %v", err)
	}
}

func TestCanonicalText(t *testing.T) {
	for query, want := range map[string]string{
		``:                             "",
		`-- x`:                         "",
		`SEVERITY = "ERROR"`:           `severity=ERROR`,
		`a OR (b c)`:                   `"a" OR ("b" AND "c")`,
		`(a OR b) c`:                   `"a" OR "b" AND "c"`,
		`-(NOT (a))`:                   `NOT (NOT "a")`,
		`log_name:("x" OR -"y" z)`:     `logName:(x OR NOT y AND z)`,
		`labels."a/b".c!=('it' "s p")`: `labels.a/b.c != (it AND "s p")`,
		`labels."1a"=null`:             `labels."1a"=null`,
		`jsonPayload.a=NULL_VALUE jsonPayload.a="AND"`: `jsonPayload.a=NULL_VALUE AND jsonPayload.a="AND"`,
		`jsonPayload.a:* jsonPayload.b:"*"`:            `jsonPayload.a:* AND jsonPayload.b:"*"`,
		`textPayload=~'a"\d'`:                          `textPayload =~ "a\"\d"`,
		`jsonPayload.n>=-1.5 jsonPayload.n=1.5e-3`:     `jsonPayload.n >= -1.5 AND jsonPayload.n=1.5e-3`,
		`Log_Id(x)`:               `log_id("x")`,
		`Sample(insert_id, 0.25)`: `sample(insertId, 0.25)`,
		`CAST(regexp_extract(textPayload, "\d(x)"), int64)>1`: `cast(regexp_extract(textPayload, "\\d(x)"), INT64) > 1`,
		`cast(timestamp, string, time_zone("UTC"))="x"`:       `cast(timestamp, STRING, time_zone("UTC"))=x`,
	} {
		f := mustCompile(t, query)
		if f.String() != want {
			t.Errorf("%s became %s, want %s", query, f, want)
		}
		roundTrip(t, f)
	}
}

func TestLimits(t *testing.T) {
	fits := "-- " + strings.Repeat("é", maxCharacters-3)
	if _, err := Compile(fits); err != nil {
		t.Errorf("%d characters: %v", maxCharacters, err)
	}
	_, err := Compile("\n" + fits)
	var e *Error
	if !errors.As(err, &e) || e.Line != 2 || e.Column != maxCharacters {
		t.Errorf("one character too many: %+v", e)
	}
	if _, err := Compile("a\xffb"); err == nil {
		t.Error("text that is not UTF-8 compiles")
	}
	for _, open := range []string{"(", "NOT (", "textPayload:(", "cast(", "textPayload:(-("} {
		deep := strings.Repeat(open, maxCharacters/len(open))
		if _, err := Compile(deep); err == nil {
			t.Errorf("%s… compiles", open)
		}
	}
	if _, err := Compile(strings.Repeat("(", maxNesting) + "a" + strings.Repeat(")", maxNesting)); err != nil {
		t.Errorf("%d parentheses: %v", maxNesting, err)
	}
}

func TestExplain(t *testing.T) {
	f := mustCompile(t, `resource.type="vm" AND (severity>=ERROR OR labels.a=(x OR NOT y)) AND severity=LOUD AND jsonPayload.list:"b"`)
	e := &logentry.Entry{Raw: []byte(`{"resource":{"type":"VM"},"labels":{"a":"y"},"jsonPayload":{"list":["b",null,{"c":1},[],5]}}`)}
	want := []string{
		`false * AND`,
		`true      resource.type=vm    # resource.type is "VM"`,
		`false *   OR`,
		`false *     severity >= ERROR    # severity is absent, which counts as DEFAULT`,
		`false *     OR`,
		`false *       labels.a=x    # labels.a is "y"`,
		`false *       NOT`,
		`true  *         labels.a=y    # labels.a is "y"`,
		`false     severity=LOUD    # it can hold for no entry`,
		`true      jsonPayload.list:b    # jsonPayload.list is "b", null, {"c":1}, and 2 more`,
	}
	if diff := cmp.Diff(want, f.Explain(e).Lines()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := mustCompile(t, "").Explain(e).Lines()[0]; got != `true  * every entry` {
		t.Error(got)
	}
	if x := f.Explain(&logentry.Entry{Raw: []byte("{")}); x.Holds || x.Found == "" {
		t.Errorf("an unreadable entry: %+v", x)
	}
}
