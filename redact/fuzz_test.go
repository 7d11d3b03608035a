package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

// FuzzRedact compares with a plain reading of the rules over encoding/json: the output is an entry again, what no rule is about has
// the bytes that it had, in its order, and what a rule is about is dropped or hashed.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{
		`{"a":{"b":1,"c":[{"b":"x"},2]},"d":"ana@acme.example 10.0.0.1"}`,
		` { "drop" : 1 , "hash" : [ "x" , null , { "y" : true } ] , "k" : { "\u0064rop" : { } } } `,
		`{"x":{"drop":{"deep":[1,2]},"y":-1.5e+3},"hash":{"10.0.0.1":1},"labels":{"Drop_":"é\ud83d\ude00\n"}}`,
	} {
		f.Add([]byte(seed))
	}
	key, _ := NewKey(testKey)
	keys := func() (Key, error) { return key, nil }
	fields, err := New([]Rule{{Fields: []string{"**.drop", "labels.*.x"}, With: Drop}, {Fields: []string{"hash", "a.*.b"}, With: Hash}}, keys)
	if err != nil {
		f.Fatal(err)
	}
	pii, err := New([]Rule{{Preset: PII, With: Drop}}, keys)
	if err != nil {
		f.Fatal(err)
	}
	if err := fields.Ready(); err != nil {
		f.Fatal(err)
	}
	none := logentry.NewFields()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if none.Extract(&logentry.Entry{Raw: raw}, logentry.Limits{}) != nil {
			return
		}
		before := bytes.Clone(raw)
		for _, r := range []*Redactor{fields, pii} {
			out, changed := r.Redact(nil, raw)
			if !bytes.Equal(before, raw) {
				t.Fatal("the entry was changed in place")
			}
			if !changed {
				out = raw
			}
			if d := none.Extract(&logentry.Entry{Raw: out}, logentry.Limits{Entry: 1 << 30}); d != nil {
				t.Fatalf("%s became %s: %v", raw, out, d)
			}
			if r == pii {
				if again, changed := r.Redact(nil, out); changed {
					t.Errorf("%s became %s, and that %s", raw, out, again)
				}
				continue
			}
			if diff := cmp.Diff(plainly(raw, nil, false), leaves(out, nil)); diff != "" {
				t.Errorf("%s became %s: %s", raw, out, diff)
			}
		}
	})
}

// leaves lists the values inside a JSON value with their paths, tokens as they are written, of objects and arrays the bracket.
func leaves(raw json.RawMessage, path []string) (list []string) {
	list = append(list, bracket(raw, path)...)
	each(raw, func(name string, value json.RawMessage) {
		list = append(list, leaves(value, append(path[:len(path):len(path)], name))...)
	}, func() { list = append(list, fmt.Sprintf("%q %s", path, bytes.TrimSpace(raw))) })
	return list
}

// plainly lists what the fuzzed rules leave.
func plainly(raw json.RawMessage, path []string, hash bool) (list []string) {
	list = append(list, bracket(raw, path)...)
	each(raw, func(name string, value json.RawMessage) {
		below := append(path[:len(path):len(path)], name)
		var keys []string
		for _, k := range below {
			if k != "[]" {
				keys = append(keys, strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(k)))
			}
		}
		n := len(keys)
		switch {
		case name == "[]":
			list = append(list, plainly(value, below, hash)...)
		case keys[n-1] == "drop", n == 3 && keys[0] == "labels" && keys[2] == "x":
		default:
			hashed := hash || n == 1 && keys[0] == "hash" || n == 3 && keys[0] == "a" && keys[2] == "b"
			list = append(list, plainly(value, below, hashed)...)
		}
	}, func() {
		text := string(bytes.TrimSpace(raw))
		if hash && text != "null" {
			if text[0] == '"' {
				var s string
				if err := json.Unmarshal(raw, &s); err != nil {
					panic(err)
				}
				text = s
			}
			text = `"` + hashed(text) + `"`
		}
		list = append(list, fmt.Sprintf("%q %s", path, text))
	})
	return list
}

func bracket(raw json.RawMessage, path []string) []string {
	if raw = bytes.TrimSpace(raw); raw[0] == '{' || raw[0] == '[' {
		return []string{fmt.Sprintf("%q %c", path, raw[0])}
	}
	return nil
}

// each yields the members of an object, or those of an array as [], or says that it is a scalar.
func each(raw json.RawMessage, member func(name string, value json.RawMessage), scalar func()) {
	raw = bytes.TrimSpace(raw)
	if raw[0] != '{' && raw[0] != '[' {
		scalar()
		return
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		panic(err)
	}
	for dec.More() {
		name := "[]"
		if raw[0] == '{' {
			token, err := dec.Token()
			if err != nil {
				panic(err)
			}
			name = token.(string)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			panic(err)
		}
		member(name, value)
	}
}
