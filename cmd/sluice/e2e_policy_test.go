package main

import (
	"os/user"
	"strings"
	"testing"

	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// A required route goes only when somebody acknowledges it, at a start and at a reload, and the ledger says who did.
func TestRequiredRoute(t *testing.T) {
	const other = "routes:\n  - {name: other, sink: {file: {dir: out/other}}}\n"
	const required = other + "  - {name: audit, required: true, filter: _Required, sink: {file: {dir: out/audit}}}\n"
	p := newPlace(t, required)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	p.sluice(1, "route", "disable", "audit")
	p.sluice(0, "route", "disable", "other")
	p.sluice(0, "route", "enable", "other")
	p.configure(placeConfig + other)
	d.await("the refusal", func() bool { return strings.Contains(d.err.String(), "required routes would be removed") })
	if s := p.status("audit"); s.State != pipeline.Running {
		t.Errorf("the refused change left the route %s", s.State)
	}
	p.sluice(1, "reload")
	p.sluice(1, "reload", "--acknowledge", "other")
	p.sluice(0, "reload", "--acknowledge", "audit")
	d.await("the lane's end", func() bool { return p.last("audit/LOGS").Kind == ledger.KindClosed })
	p.configure(placeConfig + required)
	p.sluice(0, "reload")
	p.configure(placeConfig + strings.Replace(required, "filter: _Required", "filter: severity>=ERROR", 1))
	p.sluice(1, "reload")
	d.kill()

	p.configure(placeConfig + other)
	p.sluice(1, "run")
	p.configure(placeConfig + strings.Replace(required, "name: audit", "name: audit, disabled: true", 1))
	p.sluice(1, "run")
	d = startProcess(t, p.dir, "sluice", "run", "--acknowledge", "audit")
	d.await("health", func() bool { return p.health() == 200 })
	d.drain()
	d = p.daemon() // once acknowledged, it stays so
	d.await("health", func() bool { return p.health() == 200 })
	d.drain()

	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	var acts int
	for _, r := range p.records("_stream/LOGS") {
		if r.Act == nil {
			continue
		}
		acts++
		if r.Kind != ledger.KindAct || !strings.HasPrefix(r.Act.Who, me.Username) || r.Act.Route != "audit" || r.At.IsZero() {
			t.Errorf("recorded: %+v at %s", r.Act, r.At)
		}
	}
	if acts != 2 {
		t.Errorf("%d acts are recorded", acts)
	}
	p.balance()
}

// Entries of resources that the hierarchy lacks are counted and listed; a reload that adds them changes whose children they are.
func TestUnknownResources(t *testing.T) {
	routes := "routes:\n  - {name: org, parent: organizations/1, includeChildren: true, batch: {age: 10ms}, sink: {file: {dir: out/org}}}\n"
	p := newPlace(t, "hierarchy: {organizations/1: {projects/a: {}}}\n"+routes)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	entry := func(project, id string) string {
		return `{"logName":"projects/` + project + `/logs/app","insertId":"` + id + `"}`
	}
	last := putOn(t, p.stream(), entry("a", "1"), entry("b", "2"), entry("c", "3"), entry("b", "4"), `{"insertId":"5"}`)
	d.await("delivery", p.settled(last-4, "org"))
	d.await("the strangers", func() bool {
		var status console.Status
		p.decode(p.sluice(0, "status", "-o", "json"), &status)
		return len(status.Strangers) == 2 && status.Strangers[0] == pipeline.Stranger{Stream: "LOGS", Resource: "projects/b", Entries: 2} &&
			status.Strangers[1] == pipeline.Stranger{Stream: "LOGS", Resource: "projects/c", Entries: 1}
	})
	p.configure(placeConfig + "hierarchy: {organizations/1: {projects/a: {}, folders/2: {projects/b: {}}}}\n" + routes)
	p.sluice(0, "reload")
	last = putOn(t, p.stream(), entry("b", "6"))
	d.await("delivery", p.settled(last, "org"))
	d.drain()
	p.same("out/org", []string{entry("a", "1"), entry("b", "6")})
	if b := p.balance()["org"]; b.NotMatched != 4 || b.Delivered != 2 {
		t.Errorf("%+v", b)
	}
}
