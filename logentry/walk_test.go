package logentry

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// visits lists what Walk visits: depth, top key, key, kind, text.
func visits(raw string) (all []string) {
	Walk([]byte(raw), func(v Visit) bool {
		all = append(all, fmt.Sprintf("%d %s/%s %d %s", v.Depth, v.Top.AppendText(nil), v.Key.AppendText(nil), v.Value.Kind, v.Value.AppendText(nil)))
		return true
	})
	return all
}

func TestWalk(t *testing.T) {
	cases := []struct {
		raw  string
		want []string
	}{
		{`"a"`, []string{"0 / 4 a"}},
		{` {"a" : {"\u0062":["x\n", {"c":1.50}, []]}, "d":null, "e":true} `, []string{
			"0 / 5 ", "1 a/a 5 ", "2 a/b 6 ", "3 a/b 4 x\n", "3 a/b 5 ", "4 a/c 3 1.50", "3 a/b 6 ", "1 d/d 1 null", "1 e/e 2 true"}},
		{`[{"a":1}]`, []string{"0 / 6 ", "1 / 5 ", "2 /a 3 1"}},
		{`{"a":1,"b"`, []string{"0 / 5 ", "1 a/a 3 1"}},
		{`{"a":01}`, []string{"0 / 5 ", "1 a/a 3 0"}},
		{``, nil},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, visits(c.raw)); diff != "" {
			t.Errorf("Walk(%s): (-want +got)\n%s", c.raw, diff)
		}
	}
}

func TestWalkStops(t *testing.T) {
	for stop := 1; stop <= 5; stop++ {
		n := 0
		Walk([]byte(`{"a":[1,{"b":2}]}`), func(Visit) bool { n++; return n < stop })
		if n != stop {
			t.Errorf("%d visits, want %d", n, stop)
		}
	}
}

func TestWalkVisitsWhatTheOracleHolds(t *testing.T) {
	var flat func(*tree) []seen
	flat = func(n *tree) []seen {
		all := []seen{{Kind: n.kind, Text: n.text}}
		for _, m := range n.members {
			all = append(all, flat(m)...)
		}
		return all
	}
	for seed := range uint64(2000) {
		raw := []byte(generator{rand.New(rand.NewPCG(seed, 4))}.object(0))
		whole, _, _ := decode(raw)
		var got []seen
		Walk(raw, func(v Visit) bool {
			got = append(got, seen{Kind: v.Value.Kind, Text: string(v.Value.AppendText(nil))})
			return true
		})
		if diff := cmp.Diff(flat(whole), got); diff != "" {
			t.Fatalf("seed %d, Walk(%s): (-want +got)\n%s", seed, raw, diff)
		}
	}
}

func TestWalkAllocatesNothing(t *testing.T) {
	entries := corpus(50)
	n := 0
	visit := func(v Visit) bool { n += len(v.Value.Text); return true }
	if allocs := testing.AllocsPerRun(10, func() {
		for _, raw := range entries {
			Walk(raw, visit)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
