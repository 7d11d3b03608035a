package logentry

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marker drops keys that begin with d, renames those with r, and upper-cases the text of values below u.
type marker struct{}

func (marker) Key(dst []byte, level int, key Value) ([]byte, int, Edit) {
	switch text := string(key.AppendText(nil)); text[0] {
	case 'd':
		return dst, 0, Drop
	case 'r':
		return append(dst, `"R"`...), level, Change
	case 'u':
		return dst, 1, Keep
	}
	return dst, level, Keep
}

func (marker) Scalar(dst []byte, level int, v Value) ([]byte, Edit) {
	if level == 0 {
		return dst, Keep
	}
	return append(append(append(dst, '"'), strings.ToUpper(string(v.Text))...), '"'), Change
}

func TestRewrite(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1}`:                             "",
		` { "a" : [ 1 , {} , [ ] ] } `:        "",
		`{"d":1}`:                             `{}`,
		`{ "d" : 1 }`:                         `{}`,
		`{ "d" : 1 , "a" : 2 }`:               `{ "a" : 2 }`,
		`{"a":1, "d":{"x":[1,{}]} ,"b":2}`:    `{"a":1,"b":2}`,
		`{"a":1 , "d":2 }`:                    `{"a":1 }`,
		`{"d":1,"d2":2,"a":3,"d3":4,"d4":5}`:  `{"a":3}`,
		`{"d":1,"d2":2}`:                      `{}`,
		`{"u":"x","a":"x"}`:                   `{"u":"X","a":"x"}`,
		`{"u":["x", {"d":1,"b":true}],"a":0}`: `{"u":["X", {"b":"TRUE"}],"a":0}`,
		`{"r" : {"r":{"d":null}}}`:            `{"R" : {"R":{}}}`,
		`{"\u0064rop":1,"a":"\u0064"}`:        `{"a":"\u0064"}`,
		`{"a":[{"d":1},{"d":2,"b":3}]}`:       `{"a":[{},{"b":3}]}`,
	} {
		out, changed := Rewrite([]byte("before "), []byte(in), 0, marker{})
		got := strings.TrimPrefix(string(out), "before ")
		if diff := cmp.Diff(want, got); diff != "" || changed != (want != "") {
			t.Errorf("%s: changed %v: %s", in, changed, diff)
		}
	}
}

// TestRewriteWhatIsNoJSON never panics, and changes nothing.
func TestRewriteWhatIsNoJSON(t *testing.T) {
	const text = `{"d":1,"u":["x",{"r":true,"b":-1.5e3}],"r":null}`
	for i := range len(text) {
		if out, changed := Rewrite(nil, []byte(text[:i]), 0, marker{}); changed || len(out) > 0 {
			t.Errorf("%s: %s", text[:i], out)
		}
	}
}
