package filters

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

func TestSetHits(t *testing.T) {
	all := mustCompile(t, "")
	errors := mustCompile(t, "severity>=ERROR")
	shop := mustCompile(t, `labels.shop="a"`)
	never := mustCompile(t, "severity=LOUD")
	rules := []Rule{
		{Include: errors, Exclude: []*Filter{shop, never, errors}},
		{},
		{Include: shop},
		{Include: all, Exclude: []*Filter{nil, shop}},
		{Include: never},
		{Include: errors, Exclude: []*Filter{never}},
	}
	entry := []byte(`{"severity":"ERROR","labels":{"shop":"A"}}`)
	want := []Hit{{Rule: 0, Excluded: 0b101}, {Rule: 1}, {Rule: 2}, {Rule: 3, Excluded: 0b11}, {Rule: 5}}
	for copies := range 3 { // a few rules are decided one by one, many in bulk
		many := rules
		for range copies {
			many = append(many[:len(many):len(many)], crowd(t)...)
		}
		got := matchOnce(t, NewSet(nil, many...), entry)
		if diff := cmp.Diff(want, below(got, len(rules))); diff != "" {
			t.Errorf("with %d rules (-want +got)\n%s", len(many), diff)
		}
	}
	if got := matchOnce(t, NewSet(nil), entry); len(got) != 0 {
		t.Errorf("a set of no rules gives %v", got)
	}
}

func matchOnce(t testing.TB, s *Set, raw []byte) []Hit {
	t.Helper()
	e := logentry.Entry{Raw: raw}
	if d := s.Fields().Extract(&e, logentry.Limits{}); d != nil {
		t.Fatal(d)
	}
	return s.Match(&e, s.NewWorker(), nil)
}

func below(hits []Hit, rules int) (out []Hit) {
	for _, h := range hits {
		if int(h.Rule) < rules {
			out = append(out, h)
		}
	}
	return out
}

func TestFiftyExclusions(t *testing.T) {
	r := Rule{Include: mustCompile(t, "")}
	want := uint64(0)
	for i := range 50 {
		r.Exclude = append(r.Exclude, mustCompile(t, fmt.Sprintf(`labels.n="%d" OR labels.m="%d"`, i, i%7)))
		if i == 49 || i%7 == 3 {
			want |= 1 << i
		}
	}
	got := matchOnce(t, NewSet(nil, append([]Rule{r}, crowd(t)...)...), []byte(`{"labels":{"n":"49","m":"3"}}`))
	if got[0] != (Hit{Excluded: want}) {
		t.Errorf("got %+v, want the bits %b", got[0], want)
	}
}

func TestExtraPaths(t *testing.T) {
	path := logentry.PathLabels.Key("team")
	s := NewSet([]logentry.Path{path}, Rule{Include: mustCompile(t, "severity=ERROR")})
	e := logentry.Entry{Raw: []byte(`{"labels":{"team":"x"}}`)}
	if d := s.Fields().Extract(&e, logentry.Limits{}); d != nil {
		t.Fatal(d)
	}
	if got := string(e.Get(path).Text); got != "x" {
		t.Errorf("the extra path holds %q", got)
	}
}

// What is derived from an entry's position is seen by comparisons of its field, never by text that is searched everywhere.
func TestDerivedValues(t *testing.T) {
	e := &logentry.Entry{Raw: []byte(`{"textPayload":"x"}`), Stream: "LOGS", Seq: 7, Index: 2, Stored: time.Unix(86400, 5)}
	for query, want := range map[string]bool{
		`insertId="logs-7-2"`: true,
		`insertId:*`:          true,
		`sample(insertId, 1)`: true,
		`timestamp="1970-01-02T00:00:00.000000005Z"`: true,
		`receiveTimestamp>"1970-01-01"`:              true,
		`SEARCH(insertId, "7")`:                      true,
		`"LOGS-7-2"`:                                 false,
		`SEARCH("LOGS")`:                             false,
		`"1970-01-02T00:00:00.000000005Z"`:           false,
	} {
		if got := mustCompile(t, query).Match(e); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	bare := &logentry.Entry{Raw: e.Raw}
	if mustCompile(t, "insertId:*").Match(bare) {
		t.Error("an entry of no stream has a derived insertId")
	}
}

func TestMatchIsTotal(t *testing.T) {
	f := mustCompile(t, "")
	for _, raw := range []string{"", "{", "[]", "1", `{"a":1} x`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`} {
		if f.Match(&logentry.Entry{Raw: []byte(raw)}) {
			t.Errorf("%q matches", raw)
		}
	}
	if !f.Match(&logentry.Entry{Raw: []byte("{}")}) {
		t.Error("{} does not match the empty query")
	}
}

// A worker's answers must not depend on how many entries it has seen.
func TestGenerationWrapsAround(t *testing.T) {
	s := NewSet(nil, append(selectiveRules(t, 200), broadRules(t, 200)...)...)
	used := s.NewWorker()
	var e logentry.Entry
	for i, raw := range corpus(64) {
		if i == 32 {
			used.generation, used.looks = maxGeneration, maxGeneration+1
		}
		e.Raw = raw
		if d := s.Fields().Extract(&e, logentry.Limits{}); d != nil {
			t.Fatal(d)
		}
		if diff := cmp.Diff(s.Match(&e, s.NewWorker(), nil), s.Match(&e, used, nil)); diff != "" {
			t.Fatalf("entry %d (-fresh +used)\n%s", i, diff)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	s := NewSet(nil, append(selectiveRules(t, 500), broadRules(t, 300)...)...)
	w := s.NewWorker()
	entries := make([]logentry.Entry, 50)
	var hits []Hit
	for i, raw := range corpus(len(entries)) {
		entries[i].Raw = raw
		if d := s.Fields().Extract(&entries[i], logentry.Limits{}); d != nil {
			t.Fatal(d)
		}
	}
	run := func() {
		for i := range entries {
			hits = s.Match(&entries[i], w, hits[:0])
		}
	}
	// regexp keeps its machines in a sync.Pool, from which the race detector takes some away.
	if n := testing.AllocsPerRun(20, run); n > 0.1*float64(len(entries)) {
		t.Errorf("%v allocations for %d entries", n, len(entries))
	}
}

// A selective rule may ask for the default of an absent field.
func TestDefaultsLeadToRules(t *testing.T) {
	var rules []Rule
	for i := range 40 {
		rules = append(rules, Rule{Include: mustCompile(t, fmt.Sprintf(`spanId="%d" OR httpRequest.status=%d`, i+1, i+1))})
	}
	for _, query := range []string{`spanId=""`, `httpRequest.status=0`, `spanId:""`, `severity=DEFAULT`, `httpRequest.cacheHit=false`} {
		s := NewSet(nil, append(rules[:40:40], Rule{Include: mustCompile(t, query+" AND NOT labels.a=b")})...)
		if got := matchOnce(t, s, []byte(`{}`)); len(got) != 1 || got[0].Rule != 40 {
			t.Errorf("%s: hits %v", query, got)
		}
	}
}

// Folding may join what a pattern sees apart: the automaton over folded text must not hide such a text from the pattern.
func TestPatternsBesideFolding(t *testing.T) {
	var rules []Rule
	for i := range 30 {
		rules = append(rules, Rule{Include: mustCompile(t, fmt.Sprintf(`textPayload:"needle%d"`, i))})
	}
	rules = append(rules, Rule{Include: mustCompile(t, `textPayload=~"cafe"`)})
	got := matchOnce(t, NewSet(nil, rules...), []byte(`{"textPayload":"un cafe\u0301"}`))
	if len(got) != 1 || got[0].Rule != 30 {
		t.Errorf("hits %v", got)
	}
}
