package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/console"
	"sluice/pipeline"
)

func numbered(from, to int, severity string) []string {
	var lines []string
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf(`{"insertId":"e%d","logName":"projects/p/logs/app","severity":%q}`, i, severity))
	}
	return lines
}

// A destination that needs a person pauses its own route only. The plan stays open meanwhile, and the route goes on by itself
// once the destination is mended.
func TestPausedRoute(t *testing.T) {
	p := newPlace(t, `
routes:
  - name: blocked
    batch: {age: 20ms}
    sink: {file: {dir: out/blocked/deep}}
  - name: free
    batch: {age: 20ms}
    sink: {file: {dir: out/free}}
`)
	p.write("out/blocked", []byte("a file where a folder should be\n"))
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	s := p.stream()
	entries := numbered(0, 100, "INFO")
	putOn(t, s, entries[:50]...)
	d.await("pause", func() bool { return p.status("blocked").State == pipeline.Paused })
	if m := p.status("blocked").Message; !strings.Contains(m, p.path("out/blocked")) || !strings.Contains(m, "not a directory") {
		t.Errorf("the status does not tell what is wrong: %q", m)
	}
	open := p.last("blocked/LOGS").Open
	if len(open) != 1 {
		t.Fatalf("no plan is open: %+v", p.last("blocked/LOGS"))
	}
	last := putOn(t, s, entries[50:]...)
	d.await("delivery by the free route", p.settled(last, "free"))
	p.same("out/free", entries)
	p.diff("open plan", open, p.last("blocked/LOGS").Open)

	if err := os.Remove(p.path("out/blocked")); err != nil {
		t.Fatal(err)
	}
	d.await("delivery by the mended route", p.settled(last, "blocked"))
	if got := p.status("blocked"); got.State != pipeline.Running || got.Message != "" {
		t.Errorf("status after mending: %+v", got)
	}
	d.drain()
	p.same("out/blocked/deep", entries)
	p.balance()
}

// SIGTERM delivers what is pending and exits with 0; status tells of it before.
func TestDrain(t *testing.T) {
	p := newPlace(t, `
routes:
  - name: patient
    batch: {age: 1h}
    sink: {file: {dir: out/patient}}
  - name: prompt
    batch: {age: 20ms}
    sink: {file: {dir: out/prompt}}
  - name: "off"
    disabled: true
    sink: {file: {dir: out/off}}
`)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	entries := numbered(0, 100, "INFO")
	last := putOn(t, p.stream(), entries...)
	d.await("delivery by the prompt route", p.settled(last, "prompt"))
	if n := len(p.files("out/patient")); n > 0 {
		t.Errorf("%d files before the batch was due", n)
	}
	var status console.Status
	p.decode(p.sluice(0, "status", "-o", "json"), &status)
	states := make(map[string]pipeline.State)
	for _, r := range status.Routes {
		states[r.Route] = r.State
	}
	p.diff("states", map[string]pipeline.State{"patient": "running", "prompt": "running", "off": "disabled", "_unreadable": "running"}, states)
	d.drain()
	p.same("out/patient", entries)
	p.same("out/prompt", entries)
	if rec := p.last("patient/LOGS"); rec.Committed != last || len(rec.Open) > 0 {
		t.Errorf("the drain left %+v", rec)
	}
	if p.health() != 0 {
		t.Error("somebody still answers")
	}
}

// Health is 503 until every open plan is redone.
func TestHealth(t *testing.T) {
	p := newPlace(t, `
routes:
  - name: slow
    batch: {age: 10ms}
    sink: {held: {name: slow, until: gate}}
`)
	held := func() *process { return startProcess(t, p.dir, "sluice-held") }
	d := held()
	d.await("health", func() bool { return p.health() == 200 })
	last := putOn(t, p.stream(), numbered(0, 10, "INFO")...)
	d.await("an open plan", func() bool { return len(p.last("slow/LOGS").Open) > 0 })
	d.kill()

	d = held()
	d.await("recovery", func() bool { return p.health() == 503 })
	p.write("gate", nil)
	d.await("health", func() bool { return p.health() == 200 })
	d.await("the rest", p.settled(last, "slow"))
	d.drain()
}

// A filter that was changed between two runs decides what comes after the sequences that the first run had recorded. What lies
// before is decided by the old one, also where a route is behind and reads it only now.
func TestChangedFilter(t *testing.T) {
	config := func(filter string) string {
		return fmt.Sprintf(`
routes:
  - name: changed
    filter: %s
    batch: {entries: 5, age: 20ms}
    sink: {file: {dir: out/changed/deep}}
  - name: marker
    batch: {age: 20ms}
    sink: {file: {dir: out/marker}}
`, filter)
	}
	p := newPlace(t, config("severity>=ERROR"))
	p.write("out/changed", nil) // its route pauses at its first plan, and falls behind
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	s := p.stream()
	oldErrors, oldInfos := numbered(0, 60, "ERROR"), numbered(100, 160, "INFO")
	for i := range oldErrors {
		putOn(t, s, oldErrors[i], oldInfos[i])
	}
	d.await("delivery by the marker", p.settled(120, "marker"))
	d.await("pause", func() bool { return p.status("changed").State == pipeline.Paused })
	if c := p.last("changed/LOGS").Committed; c != 0 {
		t.Fatalf("the paused route has committed up to %d", c)
	}
	d.drain()

	p.configure(placeConfig + config("severity<ERROR"))
	if err := os.Remove(p.path("out/changed")); err != nil {
		t.Fatal(err)
	}
	d = p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	again := p.stream()
	newErrors, newInfos := numbered(200, 230, "ERROR"), numbered(300, 330, "INFO")
	for i := range newErrors {
		putOn(t, again, newErrors[i], newInfos[i])
	}
	d.await("delivery", p.settled(180, "changed", "marker"))
	d.drain()
	p.same("out/changed/deep", append(oldErrors, newInfos...))
	row := p.balance()["changed"]
	p.diff("account", []uint64{180, 90, 90}, []uint64{row.Examined, row.Delivered, row.NotMatched})
}
