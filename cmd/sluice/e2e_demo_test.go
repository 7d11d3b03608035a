package main

import (
	"regexp"
	"testing"

	"sluice/pipeline/ledger"
)

// whenStored is what an envelope says of when the stream stored its entry.
var whenStored = regexp.MustCompile(`"stored":"[^"]*",`)

// demoContents are the lines that a demo delivered, by the folder of each route.
func demoContents(p *place) map[string]map[string]int {
	all := make(map[string]map[string]int)
	for _, route := range []string{"audit-archive", "data-access", "policy-and-system"} {
		all[route] = p.lines("sluice-demo/out/" + route)
	}
	all["dead letters"] = make(map[string]int)
	for line, n := range p.lines("sluice-demo/dead") {
		all["dead letters"][whenStored.ReplaceAllString(line, "")] += n // two demos differ in that
	}
	return all
}

// runDemo runs the demo to its end and gives what it delivered in this run.
func runDemo(p *place) (delivered uint64) {
	p.t.Helper()
	var b ledger.Balance
	p.decode(p.sluice(0, "demo", "-o", "json"), &b)
	if len(b.Routes) < 3 || !b.Balanced() {
		p.t.Errorf("the demo's account does not balance: %+v", b)
	}
	for _, r := range b.Routes {
		delivered += r.Delivered
	}
	return delivered
}

// A second demo delivers nothing; demos that were killed, and the one that then finishes, deliver what an undisturbed one does.
func TestDemoAgainAndKilled(t *testing.T) {
	whole := &place{t: t, dir: t.TempDir(), ledger: "sluice-demo/ledger"}
	if n := runDemo(whole); n < 2000 {
		t.Errorf("the demo delivered %d entries only", n)
	}
	want := demoContents(whole)
	if n := runDemo(whole); n != 0 {
		t.Errorf("the second demo delivered %d entries", n)
	}
	whole.diff("contents after the second demo", want, demoContents(whole))

	broken := &place{t: t, dir: t.TempDir(), ledger: "sluice-demo/ledger"}
	delivered := func() int { return len(broken.files("sluice-demo/out")) }
	for _, what := range []string{"the bus", "an open plan", "a delivery", "another delivery"} {
		run, before := startProcess(t, broken.dir, "sluice", "demo"), delivered()
		run.await(what, func() bool {
			switch what {
			case "the bus":
				return len(broken.files("sluice-demo/bus/jetstream")) > 0
			case "an open plan":
				return len(broken.last("audit-archive/LOGS").Open) > 0
			}
			return delivered() > before
		})
		run.kill()
		t.Logf("killed at %s: %d files delivered, plan open: %t", what, delivered(), len(broken.last("audit-archive/LOGS").Open) > 0)
	}
	runDemo(broken)
	for route, lines := range want {
		broken.sameLines(route, lines, demoContents(broken)[route])
	}
	if n := runDemo(broken); n != 0 {
		t.Errorf("a demo after the one that finished delivered %d entries", n)
	}
}
