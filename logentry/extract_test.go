package logentry

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// defectCases are the traps, each with the reason it is refused for, or none.
var defectCases = []struct {
	name, raw string
	want      Reason
}{
	{"smallest", `{}`, ""},
	{"surrounding blanks", " \r\n\t{} \n", ""},
	{"every escape", `{"a":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00\ud800"}`, ""},
	{"any magnitude", `{"a":1e400,"b":-0,"c":9007199254740993,"d":0.10E-7}`, ""},
	{"DEL is no control character", "{\"a\":\"\x7f\"}", ""},
	{"same key in other objects", `{"a":{"a":1},"b":[{"a":1},{"a":2}]}`, ""},
	{"keys equal only when folded", `{"insertId":"a","insert_id":"b","INSERTID":"c"}`, ""},
	{"empty", ``, ReasonSyntax},
	{"blank", ` `, ReasonSyntax},
	{"byte order mark", "\ufeff{}", ReasonSyntax},
	{"trailing garbage", `{} x`, ReasonSyntax},
	{"two values", `{}{}`, ReasonSyntax},
	{"trailing comma in object", `{"a":1,}`, ReasonSyntax},
	{"trailing comma in array", `{"a":[1,]}`, ReasonSyntax},
	{"comma first", `{,}`, ReasonSyntax},
	{"no comma", `{"a":1 "b":2}`, ReasonSyntax},
	{"no colon", `{"a" 1}`, ReasonSyntax},
	{"no value", `{"a":}`, ReasonSyntax},
	{"no quotes", `{a:1}`, ReasonSyntax},
	{"single quotes", `{'a':1}`, ReasonSyntax},
	{"wrong bracket", `{"a":[1}}`, ReasonSyntax},
	{"form feed between tokens", "{\f}", ReasonSyntax},
	{"newline before a broken token", "{\n\x01}", ReasonSyntax},
	{"leading zero", `{"a":01}`, ReasonSyntax},
	{"negative leading zero", `{"a":-01}`, ReasonSyntax},
	{"bare minus", `{"a":-}`, ReasonSyntax},
	{"plus", `{"a":+1}`, ReasonSyntax},
	{"no digit before the point", `{"a":.5}`, ReasonSyntax},
	{"no digit after the point", `{"a":1.}`, ReasonSyntax},
	{"no exponent", `{"a":1e}`, ReasonSyntax},
	{"hexadecimal", `{"a":0x10}`, ReasonSyntax},
	{"NaN", `{"a":NaN}`, ReasonSyntax},
	{"upper case literal", `{"a":True}`, ReasonSyntax},
	{"short literal", `{"a":nul}`, ReasonSyntax},
	{"long literal", `{"a":nulll}`, ReasonSyntax},
	{"unknown escape", `{"a":"\x41"}`, ReasonSyntax},
	{"short unicode escape", `{"a":"\u00e"}`, ReasonSyntax},
	{"unknown escape in a key", `{"a\q":1}`, ReasonSyntax},
	{"open string", `{"a":"b`, ReasonSyntax},
	{"open escape", `{"a":"b\`, ReasonSyntax},
	{"open key", `{"a`, ReasonSyntax},
	{"open object", `{"a":1`, ReasonSyntax},
	{"open array", `{"a":[1`, ReasonSyntax},
	{"raw newline in a string", "{\"a\":\"b\nc\"}", ReasonControl},
	{"raw tab in a key", "{\"a\t\":1}", ReasonControl},
	{"raw NUL in a long string", "{\"a\":\"0123456789abcdef\x000123456789\"}", ReasonControl},
	{"invalid UTF-8 in a string", "{\"a\":\"\xff\"}", ReasonUTF8},
	{"invalid UTF-8 in a key", "{\"a\xc3\":1}", ReasonUTF8},
	{"overlong UTF-8", "{\"a\":\"\xc0\x80\"}", ReasonUTF8},
	{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", ReasonUTF8},
	{"cut UTF-8 at the end of a long string", "{\"a\":\"0123456789abcdef\xe2\x82\"}", ReasonUTF8},
	{"duplicate key", `{"a":1,"a":2}`, ReasonDuplicateKey},
	{"duplicate empty key", `{"":1,"":2}`, ReasonDuplicateKey},
	{"duplicate unwanted key far below", `{"x":[[{"y":{"q":1,"r":2,"q":3}}]]}`, ReasonDuplicateKey},
	{"duplicate after unescaping", `{"severity":1,"sever\u0069ty":2}`, ReasonDuplicateKey},
	{"duplicate before unescaping", `{"sever\u0069ty":1,"severity":2}`, ReasonDuplicateKey},
	{"duplicate by lone surrogates", `{"\ud800":1,"\udfff":2}`, ReasonDuplicateKey},
	{"duplicate among many", `{` + manyMembers(500) + `"k77":0}`, ReasonDuplicateKey},
	{"duplicate among many, escaped", `{` + manyMembers(500) + `"\u006b77":0}`, ReasonDuplicateKey},
	{"duplicate in the last before sorting", `{` + manyMembers(manyKeys-1) + `"k0":0}`, ReasonDuplicateKey},
	{"duplicate in the first to be sorted", `{` + manyMembers(manyKeys) + `"k0":0}`, ReasonDuplicateKey},
	{"many keys", `{` + manyMembers(500) + `"k":0}`, ""},
	{"at the depth limit", nested(100), ""},
	{"below the depth limit", nested(101), ReasonDepth},
	{"10,000 deep", nested(10_000), ReasonDepth},
	{"200,000 deep", nested(200_000), ReasonDepth},
	{"1,000,000 open brackets", `{"a":` + strings.Repeat("[", 1_000_000), ReasonDepth},
	{"array", `[{}]`, ReasonNotObject},
	{"string", `"a"`, ReasonNotObject},
	{"number", `1`, ReasonNotObject},
	{"null", ` null `, ReasonNotObject},
	{"broken array", `[1`, ReasonSyntax},
	{"too large", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, ReasonTooLarge},
}

// manyMembers writes members k0, k1, … each with a comma.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"k` + strings.TrimLeft(string([]byte{byte('0' + i/100), byte('0' + i/10%10)}), "0") + string(rune('0'+i%10)) + `":0,`)
	}
	return b.String()
}

// nested writes objects and arrays in turn, n in all.
func nested(n int) string {
	return strings.Repeat(`{"a":[`, n/2) + strings.Repeat(`{`, n%2) + strings.Repeat(`}`, n%2) + strings.Repeat(`]}`, n/2)
}

func TestExtractJudges(t *testing.T) {
	fields := NewFields(Field("a"), Field("severity"))
	var e Entry
	for _, c := range defectCases {
		t.Run(c.name, func(t *testing.T) {
			e.Raw = []byte(c.raw)
			var got Reason
			if d := fields.Extract(&e, Limits{}); d != nil {
				got = d.Reason
			}
			if got != c.want {
				t.Errorf("reason %q, want %q", got, c.want)
			}
		})
	}
}

func TestDefectSaysWhere(t *testing.T) {
	cases := []struct {
		raw    string
		limits Limits
		want   string
	}{
		{`{"a":01}`, Limits{}, "syntax at byte 6: a character that JSON does not allow here"},
		{`{"a":"\x"}`, Limits{}, "syntax at byte 6: an escape that JSON does not know"},
		{`{"a":`, Limits{}, "syntax at byte 5: the text ends inside a JSON value"},
		{`{} 1`, Limits{}, "syntax at byte 3: more text after the JSON value"},
		{"{\"a\":\"\x01\"}", Limits{}, "control at byte 6: a raw control character inside a string"},
		{"{\"a\":\"é\xff\"}", Limits{}, "utf8 at byte 8: bytes that are not UTF-8"},
		{`{"a":1, "a":2}`, Limits{}, "duplicateKey at byte 8: an object holds this key twice"},
		{`{"a":[{}]}`, Limits{Depth: 2}, "depth at byte 6: nested deeper than an entry may be"},
		{`{"a":1}`, Limits{Entry: 6}, "tooLarge at byte 6: more bytes than an entry may have"},
		{` [1]`, Limits{}, "notObject at byte 1: a JSON value, but an entry is an object"},
	}
	for _, c := range cases {
		d := NewFields().Extract(&Entry{Raw: []byte(c.raw)}, c.limits)
		if d == nil || d.Error() != c.want {
			t.Errorf("Extract(%q): %v, want %s", c.raw, d, c.want)
		}
	}
}

func TestExtractFinds(t *testing.T) {
	cases := []struct {
		name, raw string
		path      Path
		want      []seen
	}{
		{"string", `{"a":"x"}`, Field("a"), []seen{{String, "x"}}},
		{"number as written", `{"a":-1.50E+2}`, Field("a"), []seen{{Number, "-1.50E+2"}}},
		{"int64 beyond float64", `{"a":9007199254740993}`, Field("a"), []seen{{Number, "9007199254740993"}}},
		{"true", `{"a":true}`, Field("a"), []seen{{Bool, "true"}}},
		{"null is not absent", `{"a":null}`, Field("a"), []seen{{Null, "null"}}},
		{"absent", `{"b":{"a":1}}`, Field("a"), nil},
		{"scalar where an object is wanted", `{"a":1}`, Field("a", "b"), nil},
		{"escapes", `{"a":"\u0041\n\/\u0000\ud83d\ude00"}`, Field("a"), []seen{{String, "A\n/\x00😀"}}},
		{"lone surrogates", `{"a":"\ud800x\udc00\ud800\u0041"}`, Field("a"), []seen{{String, "\ufffdx\ufffd\ufffdA"}}},
		{"escaped key", `{"sever\u0069ty":"INFO"}`, Field("severity"), []seen{{String, "INFO"}}},
		{"array at the leaf", `{"a":["x",2,["y",[]]]}`, Field("a"), []seen{{String, "x"}, {Number, "2"}, {String, "y"}, {Array, "["}}},
		{"empty array", `{"a":[]}`, Field("a"), []seen{{Array, "["}}},
		{"empty array above", `{"a":[]}`, Field("a", "b"), nil},
		{"across arrays", `{"a":[{"b":1},{"c":0},3,{"b":[2,3]}]}`, Field("a", "b"), []seen{{Number, "1"}, {Number, "2"}, {Number, "3"}}},
		{"map key with dots and slashes", `{"labels":{"k8s-pod/a.b":"x"}}`, PathLabels.Key("k8s-pod/a.b"), []seen{{String, "x"}}},
		{"exact key is exact", `{"labels":{"env_name":"x"}}`, PathLabels.Key("envName"), nil},
		{"folded", `{"HTTP_request":{"STATUS":200}}`, Field("httpRequest", "status"), []seen{{Number, "200"}}},
		{"exact wins over an earlier folded one", `{"a_b":{"c":1},"aB":{"c":2}}`, Field("aB", "c"), []seen{{Number, "2"}}},
		{"exact wins over a later folded one", `{"aB":{"c":2},"a_b":{"c":1}}`, Field("aB", "c"), []seen{{Number, "2"}}},
		{"exact wins although it lacks the rest", `{"a_b":{"c":1},"aB":{}}`, Field("aB", "c"), nil},
		{"exact wins in its own object only", `{"x":[{"a_b":1},{"a_b":2,"aB":3},{"AB":4}]}`, Field("x", "aB"), []seen{{Number, "1"}, {Number, "3"}, {Number, "4"}}},
		{"the first of several folded", `{"A_B":1,"AB":2}`, Field("aB"), []seen{{Number, "1"}}},
		{"object as a leaf", `{"a":{"b":[1]}}`, Field("a"), []seen{{Object, `{"b"[1  `}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := &Entry{Raw: []byte(c.raw)}
			fields := NewFields(Field("zz"), c.path)
			if d := fields.Extract(e, Limits{}); d != nil {
				t.Fatal(d)
			}
			if diff := cmp.Diff(c.want, seenIn(e, fields.Slot(c.path))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLeafAndPrefix(t *testing.T) {
	fields := NewFields(Field("a"), Field("a", "b"), Field("a"))
	e := &Entry{Raw: []byte(` {"a" : {"b" : 1} } `)}
	if d := fields.Extract(e, Limits{}); d != nil {
		t.Fatal(d)
	}
	if got := string(e.Get(Field("a")).Text); got != `{"b" : 1}` {
		t.Errorf("object: %q", got)
	}
	if got := string(e.Get(Field("a", "b")).Text); got != "1" {
		t.Errorf("member: %q", got)
	}
	if got := fields.Slot(Field("b")); got != -1 {
		t.Errorf("slot of a path that is not wanted: %d", got)
	}
	if got := e.Get(Field("b")); got.Kind != Absent {
		t.Errorf("a path that is not wanted: %v", got)
	}
}

func TestDerived(t *testing.T) {
	stored := time.Date(2026, 3, 1, 13, 4, 5, 67_000_000, time.FixedZone("", 3600))
	fields := NewFields(Field("insert_id"), PathTimestamp, Path{}.Key("receiveTimestamp"), PathSeverity)
	const at = "2026-03-01T12:04:05.067Z"
	cases := []struct {
		name, stream, raw string
		want              [3]Value // insertId, timestamp, receiveTimestamp
	}{
		{"all", "LOGS", `{"severity":"INFO"}`, [3]Value{derivedText("LOGS-7-2"), derivedText(at), derivedText(at)}},
		{"without a stream none", "", `{}`, [3]Value{}},
		{"own values stay", "LOGS", `{"insertId":"i","timestamp":"t","receiveTimestamp":"r"}`, [3]Value{ownText("i"), ownText("t"), ownText("r")}},
		{"snake case too", "LOGS", `{"insert_id":"i","timestamp":"t","receive_timestamp":"r"}`, [3]Value{ownText("i"), ownText("t"), ownText("r")}},
		{"null and empty are absent", "LOGS", `{"insertId":"","timestamp":null,"receiveTimestamp":"r"}`, [3]Value{derivedText("LOGS-7-2"), derivedText(at), ownText("r")}},
		{"only at the top", "LOGS", `{"labels":{"insertId":"x"},"timestamp":"t","receiveTimestamp":"r"}`, [3]Value{derivedText("LOGS-7-2"), ownText("t"), ownText("r")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := &Entry{Raw: []byte(c.raw), Stream: c.stream, Seq: 7, Index: 2, Stored: stored}
			if d := fields.Extract(e, Limits{}); d != nil {
				t.Fatal(d)
			}
			got := [3]Value{e.Get(PathInsertID), e.Get(Field("TIMESTAMP")), e.Get(PathReceiveTimestamp)}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if i := e.First(fields.Slot(PathInsertID)); i >= 0 && e.Next(i) >= 0 {
				t.Error("insertId has two values")
			}
		})
	}
}

func derivedText(s string) Value { return Value{Kind: String, Derived: true, Text: []byte(s)} }

func ownText(s string) Value { return Value{Kind: String, Text: []byte(s)} }

func TestExtractForgetsTheLastEntry(t *testing.T) {
	wide, narrow := NewFields(Field("a"), Field("b"), Field("c")), NewFields(Field("b"))
	e := &Entry{Raw: []byte(`{"a":[1,2],"b":3,"c":4}`)}
	if d := wide.Extract(e, Limits{}); d != nil {
		t.Fatal(d)
	}
	e.Raw = []byte(`{"a":1,"A":2`)
	if d := wide.Extract(e, Limits{}); d == nil {
		t.Fatal("accepted an open object")
	}
	e.Raw = []byte(`{"b":"x"}`)
	if d := narrow.Extract(e, Limits{}); d != nil {
		t.Fatal(d)
	}
	if diff := cmp.Diff([]seen{{String, "x"}}, seenIn(e, narrow.Slot(Field("b")))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := e.First(1); got != -1 {
		t.Errorf("a slot of the earlier fields: %d", got)
	}
}

func TestExtractAllocatesNothing(t *testing.T) {
	fields := NewFields(append(slicesOf(benchmarkPaths), Field("insert_id"), Field("proto_payload", "method_name"))...)
	entries := corpus(200)
	entries = append(entries, []byte(`{"sever\u0069ty":"\n","labels":{`+manyMembers(300)+`"k":0},"Insert_Id":"é","insertId":"x"}`))
	e := &Entry{Stream: "LOGS", Stored: time.Unix(0, 1)}
	all := func() {
		for i, raw := range entries {
			e.Raw, e.Seq = raw, uint64(i)
			if d := fields.Extract(e, Limits{}); d != nil {
				t.Fatal(d)
			}
			_ = e.Get(PathSeverity)
		}
	}
	all()
	if n := testing.AllocsPerRun(20, all); n != 0 {
		t.Errorf("%v allocations for %d entries", n, len(entries))
	}
}
