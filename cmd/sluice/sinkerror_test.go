package main

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/configs"
	"sluice/pipeline"
)

// TestSinkErrorsAreSeldom: one for each route and kind in a quarter of an hour; of a destination that is away, only once it lasts.
func TestSinkErrorsAreSeldom(t *testing.T) {
	s := newSinkErrors(new(atomic.Pointer[configs.Config]))
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		at          time.Duration
		route, code string
		want        bool
	}{
		{0, "a", "misconfigured", true},
		{time.Minute, "a", "misconfigured", false},
		{time.Minute, "a", "rejected", true},
		{time.Minute, "b", "misconfigured", true},
		{14 * time.Minute, "a", "misconfigured", false},
		{15 * time.Minute, "a", "misconfigured", true},
		{16 * time.Minute, "a", "misconfigured", false},
		{20 * time.Minute, "a", "unavailable", false},
		{21*time.Minute - 1, "a", "unavailable", false},
		{21 * time.Minute, "a", "unavailable", true},
		{22 * time.Minute, "a", "unavailable", false},
		{40 * time.Minute, "a", "unavailable", false}, // it had answered in between
		{41 * time.Minute, "a", "unavailable", true},
	} {
		trouble := pipeline.Trouble{Route: c.route, Stream: "LOGS", Code: c.code, At: begin.Add(c.at)}
		got := s.due(trouble, 15*time.Minute)
		if got != c.want {
			t.Errorf("%d: %s of %s after %s: %v", i, c.code, c.route, c.at, got)
		}
		if got {
			s.noteTold(trouble)
		}
	}
}

// TestHaltsAreToldOnce: each stream's, each reason's; and again when one could not be published.
func TestHaltsAreToldOnce(t *testing.T) {
	s := newSinkErrors(new(atomic.Pointer[configs.Config]))
	for i, c := range []struct {
		stream, detail  string
		want, published bool
	}{
		{"A", "the bucket", true, false},
		{"A", "the bucket", true, true},
		{"A", "the bucket", false, false},
		{"B", "the bucket", true, true},
		{"A", "the schema", true, true},
	} {
		trouble := pipeline.Trouble{Route: "r", Stream: c.stream, Code: pipeline.TroubleHalted, Detail: c.detail, At: time.Unix(int64(i), 0)}
		if got := s.due(trouble, 15*time.Minute); got != c.want {
			t.Errorf("%d: %s: %v", i, c.detail, got)
		}
		if c.published {
			s.noteTold(trouble)
		}
	}
}

// TestSinkErrorEntry: the entry is Google's, and one that our own filters find.
func TestSinkErrorEntry(t *testing.T) {
	trouble := pipeline.Trouble{Route: "audit", Stream: "LOGS", Code: "misconfigured", Detail: "no bucket\xff", At: time.Unix(5, 0).UTC()}
	entry, err := sinkErrorEntry(trouble, "audit-LOGS-misconfigured-5000000000", "projects/pay", "gs://acme/audit/")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"logName":"projects/pay/logs/logging.googleapis.com%2Fsink_error",` +
		`"resource":{"type":"logging_sink","labels":{"destination":"gs://acme/audit/","name":"audit","project_id":"pay"}},` +
		`"timestamp":"1970-01-01T00:00:05Z","insertId":"audit-LOGS-misconfigured-5000000000","severity":"ERROR",` +
		`"labels":{"error_code":"misconfigured","error_detail":"no bucket","sink_id":"audit","stream":"LOGS"},` +
		`"textPayload":"Cloud Logging sink configuration error in projects/pay, sink audit: misconfigured (no bucket)"}`
	if diff := cmp.Diff(want, string(entry)); diff != "" {
		t.Error(diff)
	}
}

// sinkErrorRoutes: a route whose folder cannot be, one that keeps what is said about that, and one that keeps it too and cannot
// deliver it either.
const sinkErrorRoutes = `
bus: {embedded: {dir: data/bus}, streams: [LOGS]}
ledger: {file: data/ledger}
deadLetter: {file: {dir: data/dead}}
routes:
  - {name: broken, filter: 'NOT resource.type="logging_sink"', batch: {age: 20ms}, sink: {file: {dir: a-file/out}}}
  - {name: errors, filter: 'resource.type="logging_sink"', batch: {age: 20ms}, sink: {file: {dir: out/errors}}}
  - {name: worse, parent: folders/7, includeChildren: false, batch: {age: 20ms}, sink: {file: {dir: a-file/other}}}
  - {name: worst, filter: 'resource.type="logging_sink"', batch: {age: 20ms}, sink: {file: {dir: a-file/third}}}
`

// TestSinkErrorsOnTheBus: what keeps a route from delivering is an entry on the bus, once, however often it is tried, and also
// where the route that fails is one that keeps such entries.
func TestSinkErrorsOnTheBus(t *testing.T) {
	p := newPlace(t, "")
	p.write("a-file", []byte("no folder"))
	p.reconfigure(sinkErrorRoutes)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	p.writeLines("source.jsonl", []string{`{"logName":"projects/p/logs/a","insertId":"1"}`, `{"logName":"folders/7/logs/a","insertId":"2"}`})
	p.publish("source.jsonl", 2)
	told := func() map[string]int {
		of := make(map[string]int)
		for line := range p.lines("out/errors") {
			var e struct {
				LogName string
				Labels  map[string]string
			}
			p.decode(line, &e)
			of[e.LogName+" "+e.Labels["sink_id"]+" "+e.Labels["error_code"]]++
		}
		return of
	}
	d.await("an entry of each failing route", func() bool { return len(told()) >= 3 })
	before := p.status("worst").LastAttempt
	d.await("more attempts", func() bool { return p.status("worst").LastAttempt.Sub(before) > 0 })
	want := map[string]int{
		"projects/sluice/logs/logging.googleapis.com%2Fsink_error broken misconfigured": 1,
		"folders/7/logs/logging.googleapis.com%2Fsink_error worse misconfigured":        1,
		"projects/sluice/logs/logging.googleapis.com%2Fsink_error worst misconfigured":  1,
	}
	p.diff("entries on the bus", want, told())
	if err := os.Remove(p.path("a-file")); err != nil { // so that all can be delivered
		t.Fatal(err)
	}
	for route, n := range map[string]uint64{"broken": 2, "worse": 2, "worst": 3, "errors": 3} {
		d.await("delivery by "+route, func() bool { return p.balanceOf(route).Delivered == n })
	}
	d.drain()
	p.diff("entries on the bus", want, told())
	for route, b := range p.balance() {
		if b.Examined != 5 {
			t.Errorf("%s examined %d entries: more than the two that were published and three about troubles", route, b.Examined)
		}
	}
}

// TestSinkErrorsOff: nothing is put on the bus.
func TestSinkErrorsOff(t *testing.T) {
	p := newPlace(t, "")
	p.write("a-file", []byte("no folder"))
	p.reconfigure(sinkErrorRoutes + "sinkErrors: {disabled: true}\n")
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	p.writeLines("source.jsonl", []string{`{"logName":"projects/p/logs/a","insertId":"1"}`})
	p.publish("source.jsonl", 1)
	d.await("a pause", func() bool { return p.status("broken").State == pipeline.Paused })
	before := p.status("broken").LastAttempt
	d.await("another attempt", func() bool { return p.status("broken").LastAttempt.After(before) })
	if s := p.status("errors"); s.Last != 1 {
		t.Errorf("the stream has %d messages", s.Last)
	}
	d.drain()
}
