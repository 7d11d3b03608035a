package ledger_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/ledgertest"
	"sluice/sinks/driver"
)

func TestUnmarshalRefuses(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"an unknown field":  {`{"v":1,"lane":"a/LOGS","colour":"red"}`, `unknown field "colour"`},
		"another version":   {`{"v":2,"lane":"a/LOGS","n":7}`, "record 7 of lane a/LOGS: version 2, this program reads version 1"},
		"two records":       {`{"v":1} {"v":1}`, "more than one JSON value"},
		"something behind":  {`{"v":1}]`, "more than one JSON value"},
		"half a record":     {`{"v":1`, "unexpected EOF"},
		"another JSON type": {`[]`, "cannot unmarshal"},
	}
	for name, test := range tests {
		if _, err := ledger.Unmarshal([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want …%s…", name, err, test.want)
		}
	}
}

// A record and what is read back of it have the same canonical JSON and so the same hash, whatever its strings hold.
func FuzzCanonical(f *testing.F) {
	f.Add("a/LOGS", "rejected: <b> &", `{"offset": 12}`, uint64(3))
	f.Add("\xff\xfe", "\u2028 \ufffd \\ufffd", `"\ufffd"`, uint64(0))
	f.Add("", "\x00\n", `null`, uint64(1)<<63)
	f.Fuzz(func(t *testing.T, name, reason, state string, n uint64) {
		if !json.Valid([]byte(state)) {
			state = "{}"
		}
		plan := ledgertest.MakePlan(n)
		plan.Rejects = []driver.Reject{{Seq: n, Reason: reason}}
		plan.State = driver.State(state)
		plan.Units[0].Name = name
		plan.Counts.Excluded = map[string]uint64{name: 1}
		r := ledger.Record{V: ledger.Version, Lane: name, N: n, Kind: ledger.KindPlan, Nonce: reason, Open: []ledger.Plan{plan}, State: driver.State(state)}
		first, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsRune(string(first), '\n') {
			t.Errorf("a line feed in %s", first)
		}
		back, err := ledger.Unmarshal(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := back.Marshal()
		if diff := cmp.Diff(string(first), string(second)); err != nil || diff != "" {
			t.Errorf("%v (-first +second):\n%s", err, diff)
		}
		hash, err := back.Hash()
		if want := ledger.HashOf(first); err != nil || hash != want {
			t.Errorf("hash %s, %v, want %s", hash, err, want)
		}
	})
}

// The sum of two accounts balances when both do, and holds every field.
func TestCountsAdd(t *testing.T) {
	c := ledgertest.MakePlan(1).Counts
	sum := ledger.Counts{}
	sum.Add(c)
	sum.Add(c)
	want := ledger.Counts{Messages: 18, Examined: 28, NotMatched: 4, Intercepted: 2, Excluded: map[string]uint64{"thin": 2, "<a&b>": 4},
		Duplicates: 2, Sampled: 2, OverQuota: 2, Dead: 2, Kept: 8}
	if diff := cmp.Diff(want, sum); diff != "" || !sum.Balanced() {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.Excluded["thin"] != 1 {
		t.Error("the sum shares its map with what was added")
	}
	for _, spoil := range []func(*ledger.Counts){
		func(c *ledger.Counts) { c.Examined++ }, func(c *ledger.Counts) { c.NotMatched++ }, func(c *ledger.Counts) { c.Intercepted++ },
		func(c *ledger.Counts) { c.Excluded["thin"]++ }, func(c *ledger.Counts) { c.Duplicates++ }, func(c *ledger.Counts) { c.Sampled++ },
		func(c *ledger.Counts) { c.OverQuota++ }, func(c *ledger.Counts) { c.Dead++ }, func(c *ledger.Counts) { c.Kept++ },
	} {
		c := ledgertest.MakePlan(1).Counts
		if spoil(&c); c.Balanced() {
			t.Errorf("%+v balances", c)
		}
	}
}
