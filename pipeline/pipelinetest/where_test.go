package pipelinetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/configs"
	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// TestWhere routes entries by expressions, through the recorded form of the settings: field against field, a 19-digit integer, and
// expressions that fail, of which the route keeps the entry and the exclusion does not take it.
func TestWhere(t *testing.T) {
	messages := []string{
		`{"insertId":"a","labels":{"owner":"ana","size":"large"},"protoPayload":{"authenticationInfo":{"principalEmail":"ben"}}}`,
		`{"insertId":"b","labels":{"owner":"ana","size":"7"},"protoPayload":{"authenticationInfo":{"principalEmail":"ana"}}}`,
		`{"insertId":"c","jsonPayload":{"id":1234567890123456789}}`,
		`{"insertId":"d","jsonPayload":{"id":1234567890123456788}}`,
	}
	routes := map[string]struct {
		route configs.Route
		keeps string // insertIds
		count ledger.Counts
		fails uint64
	}{
		"others": {route: route("protoPayload:*", "protoPayload.authenticationInfo.principalEmail != labels.owner"), keeps: "a",
			count: ledger.Counts{NotMatched: 3, Kept: 1}},
		"long":  {route: route("", "jsonPayload.id == 1234567890123456789"), keeps: "c", count: ledger.Counts{NotMatched: 3, Kept: 1}},
		"fails": {route: route("", "int(labels.size) > 100"), keeps: "a", fails: 1, count: ledger.Counts{NotMatched: 3, Kept: 1}},
		"keeps": {route: route("", "", exclusion("small", "labels.size:*", "int(labels.size) < 100"),
			exclusion("derived", "", `insertId == "" or timestamp.Year() < 2000`), exclusion("d", "", "jsonPayload.id < 1234567890123456789")),
			keeps: "ac", fails: 1, count: ledger.Counts{Kept: 2, Excluded: map[string]uint64{"small": 1, "d": 1},
				ExcludedBytes: map[string]uint64{"small": uint64(len(messages[1])), "d": uint64(len(messages[3]))}}},
	}
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes = nil
		for name := range routes {
			w.Routes = append(w.Routes, &Route{Name: name, Batch: configs.Batch{Bytes: 1 << 20, Entries: 100, Age: time.Second}})
		}
		w.Decide = func(name string, b []byte) (pipeline.Decision, error) {
			r, ok := routes[name]
			if !ok {
				return decide(name, b)
			}
			terms, err := configs.ParseDecision(r.route.Decision(logentry.Limits{}))
			return pipeline.DecisionOf(terms), err
		}
		for _, m := range messages {
			w.Stream.Append([]byte(m))
		}
		life := w.Live(NewGate(0, false))
		life.Await(time.Minute)
		for _, s := range life.Router.Status() {
			if s.WhereErrors != routes[s.Route].fails || (s.WhereErrors > 0) != (s.WhereError != "") {
				t.Errorf("%s: %d where errors, want %d: %s", s.Route, s.WhereErrors, routes[s.Route].fails, s.WhereError)
			}
		}
		life.Drain()
		for name, r := range routes {
			var kept []string
			for _, lines := range w.Places.Contents(t, name, false) {
				kept = append(kept, lines...)
			}
			slices.Sort(kept)
			var want []string
			for _, m := range messages {
				if slices.Contains([]byte(r.keeps), m[len(`{"insertId":"`)]) {
					want = append(want, m)
				}
			}
			if diff := cmp.Diff(want, kept); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			account, err := ledger.Audit(context.Background(), w.memory, pipeline.LaneName(name, "LOGS"))
			if err != nil {
				t.Fatal(err)
			}
			r.count.Messages, r.count.Examined = 4, 4
			if got, want := fmt.Sprintf("%+v", account.Tally.Counts), fmt.Sprintf("%+v", r.count); got != want {
				t.Errorf("%s: counts %s, want %s", name, got, want)
			}
		}
	})
}

func route(filter, where string, exclusions ...configs.Exclusion) configs.Route {
	return configs.Route{FilterText: filter, WhereText: where, Exclusions: exclusions}
}

func exclusion(name, filter, where string) configs.Exclusion {
	return configs.Exclusion{Name: name, FilterText: filter, WhereText: where}
}

// TestJudge: the first exclusion counts whose where holds; those whose where is false or fails are passed over.
func TestJudge(t *testing.T) {
	where := func(src string) *exprs.Where {
		if src == "" {
			return nil
		}
		w, err := exprs.CompileWhere(src)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, c := range []struct {
		where, first, second string
		excluded             int // bits of the exclusions whose filter matches
		exclusion            int32
		matched              bool
		err                  string
	}{
		{excluded: 0, exclusion: -1, matched: true},
		{excluded: 3, exclusion: 0, matched: true},
		{excluded: 2, exclusion: 1, matched: true},
		{where: "false", excluded: 3, exclusion: -1, matched: false},
		{where: "true", first: "false", excluded: 3, exclusion: 1, matched: true},
		{first: "false", excluded: 1, exclusion: -1, matched: true},
		{first: "1 % 0 == 1", excluded: 3, exclusion: 1, matched: true, err: "exclusion one: where: % by zero"},
		{where: "labels.a + 1 > 1", first: "1 % 0 == 1", second: "false", excluded: 3, exclusion: -1, matched: true,
			err: "where: cannot compute nil + a number\nexclusion one: where: % by zero"},
	} {
		d := pipeline.Decision{
			Rule: filters.Rule{}, Where: where(c.where), Exclusions: []string{"one", "two"},
			ExclusionWheres: []*exprs.Where{where(c.first), where(c.second)},
		}
		for i := range 2 {
			f, err := filters.Compile(fmt.Sprintf("NOT labels.x=%d", c.excluded>>i&1))
			if err != nil {
				t.Fatal(err)
			}
			d.Rule.Exclude = append(d.Rule.Exclude, f)
		}
		bench := pipeline.NewBench([]*pipeline.Decision{nil, &d}, nil)
		e := logentry.Entry{Raw: []byte(`{"labels":{"x":"0"}}`)}
		if defect := bench.Fields().Extract(&e, logentry.Limits{}); defect != nil {
			t.Fatal(defect)
		}
		found := bench.NewJudge().Judge(&e, func(int) bool { return true })
		text, exclusion := "", int32(-1)
		for _, f := range found {
			if exclusion = f.Excluded; f.Err != nil {
				text = f.Err.Error()
			}
		}
		if exclusion != c.exclusion || (len(found) == 1) != c.matched || text != c.err {
			t.Errorf("%+v: exclusion %d, matched %t, error %q", c, exclusion, len(found) == 1, text)
		}
	}
}
