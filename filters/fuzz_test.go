package filters

import (
	"bytes"
	"testing"

	"sluice/logentry"
)

// seedQueries adds the fixtures' queries and some random ones.
func seedQueries(f *testing.F, add func(query string, entry []byte)) {
	for _, file := range []string{"lexing", "grammar", "fields", "presence", "comparison", "arrays", "globals", "functions"} {
		for _, c := range readLines[conformanceCase](f, "testdata/"+file+".jsonl") {
			add(c.Filter, c.Entry)
		}
	}
	g := newGenerator(99)
	for range 50 {
		add(g.filter(3), g.entry())
	}
}

// FuzzCompile holds that Compile never panics, that errors point into the text and that canonical text reads back the same.
func FuzzCompile(f *testing.F) {
	seedQueries(f, func(query string, _ []byte) { f.Add(query) })
	f.Fuzz(func(t *testing.T, query string) {
		filter, err := compile(query, &Options{})
		if err != nil {
			lines := 1 + bytes.Count([]byte(query), []byte("\n"))
			if err.Line < 1 || err.Line > lines || err.Column < 1 || err.Column > len(query)+1 || err.Message == "" {
				t.Fatalf("%q: error out of place: %+v", query, err)
			}
			_ = err.Caret()
			return
		}
		if len(filter.String()) <= maxCharacters {
			roundTrip(t, filter)
		}
		if _, err := CompileStrict(query); (err == nil) != (len(filter.Warnings()) == 0) {
			t.Fatalf("%q: strict gives %v, warnings are %v", query, err, filter.Warnings())
		}
	})
}

// FuzzMatch compares a filter's answer, alone and in sets where indexes are at work, with the oracle's.
func FuzzMatch(f *testing.F) {
	seedQueries(f, func(query string, entry []byte) { f.Add(query, entry) })
	crowd := crowd(f)
	f.Fuzz(func(t *testing.T, query string, entry []byte) {
		filter, err := Compile(query)
		if err != nil || !oracleKnows(query) {
			return
		}
		e := &logentry.Entry{Raw: entry}
		got := filter.Match(e)
		if x := filter.Explain(e); x.Holds != got {
			t.Fatalf("%q: explained as %v, answered %v", query, x.Holds, got)
		}
		if d := logentry.NewFields().Extract(&logentry.Entry{Raw: entry}, logentry.Limits{}); d != nil {
			if got {
				t.Fatalf("%q matches an unreadable entry", query)
			}
			return
		}
		decoded, err := decode(entry)
		if err != nil {
			return
		}
		if want := naiveMatch(parseFor(t, query), decoded); got != want {
			t.Fatalf("%q on %s: match = %v, oracle says %v", query, entry, got, want)
		}
		if inSet := matchInCrowd(t, crowd, filter, entry); inSet != got {
			t.Fatalf("%q on %s: in a set %v, alone %v", query, entry, inSet, got)
		}
	})
}

// crowd is other rules, so many that a set of them is indexed.
func crowd(t testing.TB) []Rule {
	g := newGenerator(12)
	var rules []Rule
	for range 60 {
		rules = append(rules, Rule{Include: mustCompile(t, g.term())})
	}
	return rules
}

func matchInCrowd(t testing.TB, crowd []Rule, f *Filter, raw []byte) bool {
	set := NewSet(nil, append(crowd[:len(crowd):len(crowd)], Rule{Include: f})...)
	e := logentry.Entry{Raw: raw}
	if d := set.Fields().Extract(&e, logentry.Limits{}); d != nil {
		t.Fatal(d)
	}
	hits := set.Match(&e, set.NewWorker(), nil)
	return len(hits) > 0 && hits[len(hits)-1].Rule == int32(len(crowd))
}

// FuzzEntry runs a set with every kind of predicate over any bytes: it must not panic, whatever Extract accepts.
func FuzzEntry(f *testing.F) {
	seedQueries(f, func(_ string, entry []byte) { f.Add(entry) })
	g := newGenerator(5)
	w := newWorld(f, g, 120)
	f.Fuzz(func(t *testing.T, entry []byte) {
		w.entry.Raw = entry
		if d := w.set.Fields().Extract(&w.entry, logentry.Limits{}); d != nil {
			return
		}
		first := w.set.Match(&w.entry, w.worker, nil)
		again := w.set.Match(&w.entry, w.set.NewWorker(), nil)
		if len(first) != len(again) {
			t.Fatalf("%s: a used worker gives %v, a fresh one %v", entry, first, again)
		}
	})
}
