package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/sinks/gcs/gcstest"
)

// bucketRoutes: one route to a folder, one to a bucket, and, unless target is empty, one to a bucket that may be mistyped.
func bucketRoutes(endpoint, target string) string {
	text := fmt.Sprintf(`
routes:
  - name: free
    batch: {age: 100ms}
    sink: {file: {dir: out/free}}
  - name: denied
    batch: {age: 100ms}
    sink: {gcs: {bucket: acme, prefix: denied, endpoint: %q, compression: none}}
`, endpoint)
	if target != "" {
		text += fmt.Sprintf("  - {name: mistyped, start: earliest, batch: {age: 100ms}, sink: {gcs: {bucket: %s, prefix: mistyped, endpoint: %q, compression: none}}}\n", target, endpoint)
	}
	return text
}

// TestRefusingBuckets: a bucket answers 403 until the right is granted, and another's name is mistyped until it is corrected in the
// configuration while a plan is open there. Both routes resume and lose nothing; the third goes on delivering meanwhile, at what rate
// BenchmarkBesideRefusing tells.
func TestRefusingBuckets(t *testing.T) {
	entries := heavy(20_000, 300_000)
	b := newBucket(t, "acme")
	p := newPlace(t, bucketRoutes(b.server.URL, ""))
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	s := p.stream()
	deliver := func(from int) { // entries of the free route
		last, _ := publishPacks(t, s, entries, 50, func(n int) string { return heavyEntry(from + n) })
		d.await("delivery by the free route", p.settled(last, "free"))
	}
	deliver(0)
	d.await("delivery by the granted route", p.settled(1, "denied"))
	deliver(entries)
	d.await("delivery by the granted route", p.settled(p.status("free").Cursor, "denied"))

	b.server.SetFault(func(c gcstest.Call) gcstest.Fault {
		if c.Bucket != "acme" {
			return gcstest.Fault{}
		}
		return gcstest.Fault{Kind: gcstest.Status, Status: http.StatusForbidden, Reason: "forbidden", Message: "sluice@test does not have storage.objects.create access"}
	})
	p.reconfigure(placeConfig + bucketRoutes(b.server.URL, "acmee"))
	p.hangup(d)
	d.await("pause of the mistyped route", func() bool { return p.status("mistyped").State == pipeline.Paused })
	deliver(2 * entries)
	d.await("pause of the denied route", func() bool { return p.status("denied").State == pipeline.Paused })
	for route, want := range map[string]string{"denied": "storage.objects.create", "mistyped": "acmee"} {
		if m := p.status(route).Message; !strings.Contains(m, want) {
			t.Errorf("route %s: the status does not tell what is wrong: %q", route, m)
		}
	}
	b.server.SetFault(nil)
	last := p.status("free").Cursor
	d.await("delivery by the granted route", p.settled(last, "denied"))

	b.server.CreateBucket("acme2", gcstest.Bucket{})
	p.reconfigure(placeConfig + bucketRoutes(b.server.URL, "acme2"))
	p.hangup(d)
	corrected := time.Now()
	if heavy(0, 1) == 0 { // else it is given up after a minute by itself
		d.await("the correction", func() bool { return strings.Contains(d.err.String(), "in force") && p.giveUp("mistyped") })
	}
	d.await("delivery by the corrected route", p.settled(last, "mistyped"))
	resumed := time.Since(corrected)
	d.drain()
	abandons := 0
	for _, r := range p.records("mistyped/LOGS") {
		abandons += count(r.Kind == ledger.KindAbandon)
	}
	if abandons != 1 {
		t.Errorf("%d plans were abandoned, want 1", abandons)
	}
	want := make(map[string]int)
	for n := range 3 * entries {
		want[heavyEntry(n)] = 1
	}
	p.sameLines("free", want, p.lines("out/free"))
	p.sameLines("denied", want, b.lines("denied"))
	p.sameLines("mistyped", want, (&bucket{t, b.server, "acme2"}).lines("mistyped"))
	p.balance()
	t.Logf("%d entries three times; the corrected route had all delivered after %v", entries, resumed.Round(time.Millisecond))
}

// hangup tells a daemon to reload.
func (p *place) hangup(d *process) {
	p.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatalf("SIGHUP: %v; the daemon said:\n%s", err, d.err.String())
	}
}

// giveUp gives up a route's open plan by hand, until the ledger says that it is.
func (p *place) giveUp(route string) bool {
	for _, r := range p.records(route + "/LOGS") {
		if r.Kind == ledger.KindAbandon {
			return true
		}
	}
	startProcess(p.t, p.dir, "sluice", "abandon", route, "--reason", "the name was mistyped").code()
	return false
}
