package main

import (
	"os/exec"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// TestRouteActs pauses a route through the daemon, restarts it, resumes the route in the ledger while no daemon runs, and disables
// and enables it: nothing is missing, and the ledger says who did what.
func TestRouteActs(t *testing.T) {
	p := newPlace(t, `
routes:
  - {name: a, batch: {age: 20ms}, sink: {file: {dir: out/a}}}
  - {name: b, batch: {age: 20ms}, sink: {file: {dir: out/b}}}
  - {name: off, disabled: true, sink: {file: {dir: out/off}}}
`)
	refuse := func(what string, args ...string) {
		t.Helper()
		run := exec.Command("sluice", append([]string{"route"}, args...)...)
		run.Dir = p.dir
		if out, err := run.CombinedOutput(); err == nil || !strings.Contains(string(out), what) {
			t.Errorf("route %s: %v, %s", args, err, out)
		}
	}
	refuse("a route can be acted upon once the daemon has run it", "pause", "a")
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	s := p.stream()
	d.await("delivery", p.settled(putOn(t, s, `{"insertId":"1"}`), "a", "b"))
	if out := p.sluice(0, "route", "pause", "a", "--reason", "the disk moves", "--who", "ana"); out != "a: pause is recorded\n" {
		t.Errorf("pause said %q", out)
	}
	refuse(`no route "c"`, "pause", "c")
	refuse("route b: it is running", "resume", "b")
	refuse("route off is disabled in the configuration", "enable", "off")
	last := putOn(t, s, `{"insertId":"2"}`)
	d.await("delivery", p.settled(last, "b"))
	d.drain()
	d = p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	held := p.status("a")
	if held.State != pipeline.Paused || held.Cursor >= last || !strings.HasPrefix(held.Message, "paused by ana since ") {
		t.Errorf("after a restart a is %s at %d: %s", held.State, held.Cursor, held.Message)
	}
	d.drain()

	p.configure(placeConfig + "routes: [{name: a, batch: {age: 20ms}, sink: {file: {dir: out/a}}}]")
	refuse("the ledger has no record of it", "pause", "c")
	refuse("it is not disabled by hand", "enable", "a")
	if out := p.sluice(0, "route", "resume", "a", "--who", "ben"); out != "a: resume is recorded for the next start: no daemon runs\n" {
		t.Errorf("resume said %q", out)
	}
	d = p.daemon()
	d.await("delivery", p.settled(last, "a"))
	p.sluice(0, "route", "disable", "a", "--who", "ana")
	d.await("the hold", func() bool { return p.status("a").State == pipeline.Disabled })
	last = putOn(t, p.stream(), `{"insertId":"3"}`)
	p.sluice(0, "route", "enable", "a")
	d.await("delivery", p.settled(last, "a"))
	d.drain()
	if got := len(p.lines("out/a")); got != 3 {
		t.Errorf("a holds %d of 3 entries", got)
	}
	var acts []string
	for _, r := range p.records("a/LOGS") {
		if r.Kind == ledger.KindAct {
			acts = append(acts, r.Act.Who+" "+r.Act.What+" "+r.Act.Why)
		}
	}
	want := []string{"ana pause the disk moves", "ben resume ", "ana disable ", operator() + " enable "}
	if strings.Join(acts, "; ") != strings.Join(want, "; ") {
		t.Errorf("the ledger holds %q, want %q", acts, want)
	}
	p.balance()
	if out := p.sluice(0, "ledger", "show", "b"); !strings.Contains(out, "lane b/LOGS") { // which is not configured any more
		t.Errorf("the removed route's ledger: %s", out)
	}
}
