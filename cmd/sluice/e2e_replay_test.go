package main

import (
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
	"sluice/sinks/http/receivertest"
)

// replayRoutes is a route to a receiver that takes requests of so many bytes.
func replayRoutes(url, most string) string {
	return placeConfig + fmt.Sprintf(`
routes:
  - name: hooks
    batch: {age: 50ms}
    sink: {http: {url: %q, wrap: true, maxBytes: %s}}
`, url, most)
}

// TestReplayCommand: entries above a destination's limit are dead letters; replays deliver them once when the limit is mended, by the
// daemon or without one, and say what is refused still.
func TestReplayCommand(t *testing.T) {
	server := receivertest.Start(receivertest.Options{Body: "wrapped"})
	t.Cleanup(server.Close)
	p := newPlace(t, "")
	p.reconfigure(replayRoutes(server.URL+"/in", "1KiB"))
	entry := func(n, size int) string {
		return fmt.Sprintf(`{"logName":"projects/p/logs/a","insertId":"i%d","textPayload":%q}`, n, strings.Repeat("x", size))
	}
	want := []string{entry(0, 10), entry(1, 2000), entry(2, 10), entry(3, 3000), entry(4, 10)}
	p.writeLines("source.jsonl", append(want, "no entry"))
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	p.publish("source.jsonl", 6)
	d.await("delivery", func() bool { return p.balanceOf("hooks").DeadLetters == 2 && p.balanceOf("hooks").Delivered == 3 })

	if list := p.sluice(1, "replay", "hooks", "--dry-run"); strings.Count(list, "larger than a request of 1024 bytes") != 2 || !strings.Contains(list, "hooks/LOGS/r1") {
		t.Errorf("the dry run says:\n%s", list)
	}
	p.sluice(1, "replay", "_unreadable")
	p.sluice(1, "replay", "nobody")
	d.drain()
	if out := p.sluice(1, "replay", "hooks"); !strings.Contains(out, "hooks/LOGS/r1") { // nothing is mended, and no daemon runs
		t.Errorf("the replay says:\n%s", out)
	}
	if b := p.balance()["hooks"]; b.DeadLetters != 2 || b.Replayed != 0 || b.Delivered != 3 {
		t.Errorf("refused again: %+v", b)
	}

	p.reconfigure(replayRoutes(server.URL+"/in", "64KiB"))
	d = p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	var answer struct {
		Replays []struct {
			Lane               string
			Delivered, Refused int
		}
	}
	p.decode(p.sluice(0, "replay", "hooks", "--reason", "the limit is higher", "-o", "json"), &answer)
	if len(answer.Replays) != 1 || answer.Replays[0].Delivered != 2 || answer.Replays[0].Lane != "hooks/LOGS/r2" {
		t.Errorf("the replay says: %+v", answer)
	}
	if out := p.sluice(0, "replay", "hooks"); !strings.Contains(out, "no dead letters") {
		t.Errorf("a replay of nothing says:\n%s", out)
	}
	d.drain()
	p.sluice(0, "replay", "hooks", "--dry-run")
	p.sluice(0, "replay", "hooks")
	if b := p.balance()["hooks"]; b.DeadLetters != 0 || b.Replayed != 2 || b.Delivered != 5 {
		t.Errorf("after the replays: %+v", b)
	}
	got := make(map[string]int)
	ids := make(map[string]bool)
	for _, entries := range server.Stored("/in") {
		for _, e := range entries {
			got[e.Raw]++
			if ids[e.ID] || !strings.HasPrefix(e.ID, "hooks/LOGS/1/") {
				t.Errorf("identity %s", e.ID)
			}
			ids[e.ID] = true
		}
	}
	wanted := make(map[string]int)
	for _, line := range want {
		wanted[line]++
	}
	p.sameLines("the receiver", wanted, got)
	if show := p.sluice(0, "ledger", "show", "hooks"); !strings.Contains(show, "lane hooks/LOGS/r2") || !strings.Contains(show, "the limit is higher") {
		t.Errorf("the ledger shows:\n%s", show)
	}
}

// balanceOf gives a route's row of the balance while a daemon runs.
func (p *place) balanceOf(route string) (row ledger.RouteBalance) {
	p.t.Helper()
	r, err := file.OpenReader(p.path(p.ledger))
	if err != nil {
		p.t.Fatal(err)
	}
	b, err := ledger.TakeBalance(p.t.Context(), r, route)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, row := range b.Routes {
		if row.Route == route {
			return row
		}
	}
	return row
}
