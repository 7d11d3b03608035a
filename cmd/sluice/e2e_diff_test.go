package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/ledger"
)

// diffEntries are entries of four kinds by turns, some of them in two streams of logs.
func diffEntries(n int) []string {
	var lines []string
	for i := range n {
		log := []string{"activity", "data_access", "system_event", "policy"}[i%4]
		lines = append(lines, fmt.Sprintf(`{"logName":"projects/p%d/logs/cloudaudit.googleapis.com%%2F%s","timestamp":"2026-03-01T00:00:%02d.%06dZ",`+
			`"insertId":"d%d","severity":"%s","jsonPayload":{"n":%d}}`, i%3, log, i%60, i, i, []string{"DEBUG", "INFO", "ERROR"}[i%7%3], i%10))
	}
	return lines
}

const diffOld = `
routes:
  - {name: audit, filter: 'logName:"cloudaudit.googleapis.com"', batch: {age: 100ms}, sink: {file: {dir: out/audit}}}
  - {name: errors, filter: severity>=ERROR, batch: {age: 100ms}, sink: {file: {dir: out/errors}}}
  - {name: gone, filter: jsonPayload.n=3, batch: {age: 100ms}, sink: {file: {dir: out/gone}}}
`

// The new one takes out what was taken, adds a route, and lets activity of p2 reach nobody.
const diffNew = `
prices: {currency: EUR, gib: {file: 1000}}
routes:
  - name: audit
    filter: 'logName:"cloudaudit.googleapis.com" AND NOT logName:"projects/p2/"'
    exclusions:
      - {name: reads, filter: 'log_id("cloudaudit.googleapis.com/data_access")'}
      - {name: thin, filter: 'jsonPayload.n>5 AND sample(insertId, 0.5) AND NOT log_id("cloudaudit.googleapis.com/activity")'}
    batch: {age: 100ms}
    sink: {file: {dir: new/audit}}
  - {name: errors, filter: severity>=ERROR AND NOT log_id("cloudaudit.googleapis.com/activity"), batch: {age: 100ms}, sink: {file: {dir: new/errors}}}
  - {name: policies, filter: log_id("cloudaudit.googleapis.com/policy"), where: jsonPayload.n in 2..6, start: earliest, batch: {age: 100ms}, sink: {file: {dir: new/policies}}}
`

// TestDiff predicts what a changed configuration does, and then does it: the counts are equal. Activity that would reach no route
// makes it fail.
func TestDiff(t *testing.T) {
	p := newPlace(t, diffOld)
	p.writeLines("entries.jsonl", diffEntries(4000))
	p.publish("entries.jsonl", 4000)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	d.await("all routed", p.settled(p.end(), "audit", "errors", "gone"))

	config := strings.ReplaceAll(placeConfig, "data/ledger", "data/ledger2")
	p.write("new.yaml", []byte(strings.ReplaceAll(placeConfig, "data/dead", "data/dead2")+diffNew))
	var report diffReport
	p.decode(p.sluice(1, "diff", "-c", "new.yaml", "-o", "json"), &report)
	d.drain()

	p.configure(strings.ReplaceAll(config, "data/dead", "data/dead2") + diffNew)
	d = p.daemon()
	p.ledger = "data/ledger2"
	d.await("health", func() bool { return p.health() == 200 })
	d.await("all routed anew", p.settled(p.end(), "audit", "errors", "policies"))
	d.drain()

	want := map[string]ledger.RouteBalance{}
	for _, r := range p.balance() {
		r.Objects, r.Bytes = 0, 0
		want[r.Route] = r
	}
	got := map[string]ledger.RouteBalance{}
	changes := map[string]string{}
	for _, r := range report.Routes {
		changes[r.Route] = r.Change
		if r.After != nil {
			b := r.After.RouteBalance
			b.Objects, b.Bytes = 0, 0
			got[r.Route] = b
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the run (-) and what was predicted (+):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"audit": "changed", "errors": "changed", "gone": "removed", "policies": "added"}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	p.checkDiffDetails(report)
}

// end is the last sequence of the stream.
func (p *place) end() uint64 {
	p.t.Helper()
	info, err := p.stream().Info(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return info.Last
}

// checkDiffDetails counts by another road what the report says beside the balances.
func (p *place) checkDiffDetails(report diffReport) {
	p.t.Helper()
	var unserved, gone, bytes uint64
	for i, line := range diffEntries(4000) {
		if i%4 == 0 && i%3 == 2 { // activity of p2: errors leaves all activity out
			unserved++
		}
		if i%10 == 3 {
			gone++
			bytes += uint64(len(line))
		}
	}
	if report.Unserved != unserved || len(report.Examples) != examplesMost {
		p.t.Errorf("activity that reaches no route: %d, %d examples; want %d, %d", report.Unserved, len(report.Examples), unserved, examplesMost)
	}
	for _, x := range report.Examples {
		if x.LogName != "projects/p2/logs/cloudaudit.googleapis.com%2Factivity" || x.InsertID == "" {
			p.t.Errorf("example %+v", x)
		}
	}
	for _, r := range report.Routes {
		if r.Route == "gone" && (r.Dropped != gone || r.Before.Bytes != bytes || r.After != nil) {
			p.t.Errorf("gone: %+v, want %d entries and %d bytes before, nothing after", r, gone, bytes)
		}
		if r.Route == "policies" && (r.After.Cost == nil || *r.After.Cost <= 0) {
			p.t.Errorf("policies has no cost: %+v", r.After)
		}
	}
}
