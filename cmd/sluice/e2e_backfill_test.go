package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestBackfill widens a filter after the route has passed by: a backfill, killed twice with its daemon, delivers what was not kept
// before, and nothing twice; entries that come meanwhile go the usual way.
func TestBackfill(t *testing.T) {
	const n = 12000
	route := func(filter string) string {
		return placeConfig + fmt.Sprintf("\nroutes:\n  - {name: wide, filter: '%s', start: earliest, batch: {age: 50ms, entries: 200}, sink: {file: {dir: out}}}\n", filter)
	}
	p := newPlace(t, "")
	p.reconfigure(route("jsonPayload.n>=7 AND severity>=INFO"))
	entries := diffEntries(n)
	p.writeLines("first.jsonl", entries[:n/2])
	p.writeLines("second.jsonl", entries[n/2:])
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	p.publish("first.jsonl", n/2)
	d.await("the first half", p.settled(p.end(), "wide"))

	p.reconfigure(route("jsonPayload.n>=2"))
	p.hangup(d)
	d.await("the second revision", func() bool { _, n := p.revisions(); return n >= 2 })
	p.publish("second.jsonl", n/2)
	for kills := range 2 {
		backfill := startProcess(t, p.dir, "sluice", "backfill", "wide", "--since", "1h", "--rate", "400KiB", "--reason", "it was too narrow")
		at := uint64(1 + kills)
		d.await("a plan of the backfill", func() bool { return p.plans("wide/LOGS/b1") >= at })
		d.kill()
		if code := backfill.code(); code != 1 {
			t.Errorf("the daemon is gone and backfill ends with %d", code)
		}
		d = p.daemon()
		d.await("health", func() bool { return p.health() == 200 })
	}
	p.sluice(0, "backfill", "wide", "--since", "1h")
	d.await("the end", p.settled(p.end(), "wide"))
	if out := p.sluice(0, "backfill", "wide", "--since", "1h"); !strings.Contains(out, "wide/LOGS/b") {
		t.Errorf("a backfill of nothing new says:\n%s", out)
	}
	d.drain()
	var want []string
	for _, line := range entries {
		if !strings.HasSuffix(line, `"n":0}}`) && !strings.HasSuffix(line, `"n":1}}`) {
			want = append(want, line)
		}
	}
	p.same("out", want)
	if b := p.balance()["wide"]; b.Delivered != uint64(len(want)) || b.Backfilled == 0 || b.Backfilled >= n/2 {
		t.Errorf("balance: %+v, want %d delivered", b, len(want))
	}
	p.sluice(2, "backfill", "wide", "--since", "tomorrow")
	p.sluice(2, "backfill", "wide")
	p.sluice(1, "backfill", "nobody", "--since", "1h")
}

// plans counts the plans that a lane has recorded.
func (p *place) plans(lane string) (n uint64) {
	p.t.Helper()
	for _, r := range p.records(lane) {
		if len(r.Open) > 0 {
			n++
		}
	}
	return n
}
