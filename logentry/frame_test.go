package logentry

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// framed lists what Frame yields.
func framed(t *testing.T, payload string) (all []string) {
	t.Helper()
	Frame([]byte(payload), func(index int, raw []byte) bool {
		if index != len(all) {
			t.Errorf("Frame(%q): index %d comes as number %d", payload, index, len(all))
		}
		all = append(all, string(raw))
		return true
	})
	return all
}

func TestFrame(t *testing.T) {
	pretty := "{\n  \"a\": [1,\n    {}\n  ],\n  \"b\": \"}\\n\"\n}"
	cases := []struct {
		name, payload string
		want          []string
	}{
		{"empty", "", nil},
		{"blank", " \r\n\t\n", nil},
		{"one line", `{"a":1}`, []string{`{"a":1}`}},
		{"one line and its end", "{\"a\":1}\r\n", []string{`{"a":1}`}},
		{"one broken line", `{"a":`, []string{`{"a":`}},
		{"pretty", "\n" + pretty + "\n", []string{pretty}},
		{"pretty, with a repeated key", "{\"a\":1,\n\"a\":2}", []string{"{\"a\":1,\n\"a\":2}"}},
		{"pretty scalar in an array", "[1,\n2]", []string{"[1,\n2]"}},
		{"lines", "{\"a\":1}\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}},
		{"CRLF, blank lines, blanks around", "\r\n{}\r\n\r\n \t\r\n [] \r\n1", []string{"{}", "[]", "1"}},
		{"a broken line among others", "{}\n{\"a\":\n{}", []string{"{}", `{"a":`, "{}"}},
		{"a broken first line", "{]\n{}", []string{"{]", "{}"}},
		{"two pretty values are lines", "{\n}\n{\n}", []string{"{", "}", "{", "}"}},
		{"pretty and garbage are lines", "{\n}x", []string{"{", "}x"}},
		{"pretty with a trailing comma is lines", "{\"a\":1,\n}", []string{`{"a":1,`, "}"}},
		{"a raw newline in a string is lines", "{\"a\":\"\n\"}", []string{`{"a":"`, `"}`}},
		{"deep", "[\n" + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "]", []string{"[\n" + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "]"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, framed(t, c.payload)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestFrameStops(t *testing.T) {
	n := 0
	Frame([]byte("1\n2\n3"), func(int, []byte) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

// checkOneValue compares isOneValue with encoding/json, below its limit of depth.
func checkOneValue(t *testing.T, text []byte) {
	t.Helper()
	trimmed := []byte(strings.Trim(string(text), blankBytes))
	if depthOf(trimmed) > maxDepth {
		return
	}
	if got, want := isOneValue(trimmed), json.Valid(trimmed); got != want {
		t.Fatalf("isOneValue(%q) = %t, want %t", trimmed, got, want)
	}
}

func TestOneValueEqualsEncodingJSON(t *testing.T) {
	for _, c := range defectCases {
		checkOneValue(t, []byte(c.raw))
	}
	for seed := range uint64(10_000) {
		g := generator{rand.New(rand.NewPCG(seed, 3))}
		checkOneValue(t, g.mutate([]byte(g.object(0))))
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("{}\n{}"))
	f.Add([]byte("{\n\"a\":[]}\n"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkOneValue(t, payload)
		lines := framed(t, string(payload))
		for _, raw := range lines {
			if raw != strings.Trim(raw, blankBytes) || raw == "" {
				t.Errorf("Frame(%q) gives %q", payload, raw)
			}
		}
		if len(lines) > 1 && strings.Contains(strings.Join(lines, ""), "\n") {
			t.Errorf("Frame(%q) gives a line with a newline among %d", payload, len(lines))
		}
	})
}
