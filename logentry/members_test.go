package logentry

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func members(raw string) (all []string) {
	Members([]byte(raw), func(key Value, value []byte) bool {
		all = append(all, string(key.AppendText(nil))+"="+string(value))
		return true
	})
	return all
}

func TestMembers(t *testing.T) {
	for raw, want := range map[string][]string{
		` {"a" : {"\u0062":["x}\n", {"c":1.50}, []]} ,"d":null,"e":[ ]} `: {`a={"\u0062":["x}\n", {"c":1.50}, []]}`, "d=null", "e=[ ]"},
		`{"\u0061\"":"b,\"","n":-1e5}`:                                    {`a"="b,\""`, "n=-1e5"},
		`{}`:                                                              nil, ``: nil, `[{"a":1}]`: nil, `"a"`: nil,
		`{"a":1,"b"`: {"a=1"}, `{"a":1,"b":}`: {"a=1"}, `{"a":1,"b":[1`: {"a=1"}, `{"a":"x`: nil, `{"a":`: nil, `{"a":{"b":"`: nil,
	} {
		if diff := cmp.Diff(want, members(raw)); diff != "" {
			t.Errorf("Members(%s): (-want +got)\n%s", raw, diff)
		}
	}
	n := 0
	Members([]byte(`{"a":1,"b":2,"c":3}`), func(Value, []byte) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("%d visits", n)
	}
}

// FuzzMembers holds Members against encoding/json: the same keys in the same order with the same bytes.
func FuzzMembers(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(generator{rand.New(rand.NewPCG(seed, 5))}.object(0))
	}
	f.Add(`{"a":[`)
	f.Fuzz(func(t *testing.T, raw string) {
		got := members(raw) // never panics
		var object map[string]json.RawMessage
		e := Entry{Raw: []byte(raw)}
		if NewFields(PathInsertID).Extract(&e, Limits{Entry: 1 << 20, Depth: 100}) != nil || json.Unmarshal([]byte(raw), &object) != nil || len(object) != len(got) {
			return // no object, or a key twice
		}
		for _, m := range got {
			found := false
			for key, value := range object {
				found = found || m == key+"="+string(value)
			}
			if !found {
				t.Errorf("%s: %s is no member", raw, m)
			}
		}
	})
}
