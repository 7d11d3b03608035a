package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
)

// allRoutes are the routes of everywhere, one to each kind of destination.
var allRoutes = []string{"file", "gcs", "s3", "bigquery", "pubsub", "nats", "http"}

// TestKillAll kills the daemon at random moments while it delivers from two streams to every kind of destination at once; replies of
// those that deliver exactly once are lost now and then. What a destination refuses is delivered by replays at the end.
func TestKillAll(t *testing.T) {
	kills, messages := heavy(6, 36), heavy(60, 120)
	seed := killSeed(t)
	t.Logf("seed %d (SLUICE_SEED=%d repeats its choices, not the machine's timing)", seed, seed)
	e := newEverywhere(t, seed)
	e.configure(e.config("32KiB", ", columns: {id: {value: jsonPayload.id, type: INTEGER}}"))
	random := rand.New(rand.NewPCG(seed, 1))
	for life := range kills {
		d := e.daemon()
		if life%3 > 0 {
			d.await("recovery", func() bool { return e.health() == 200 })
		}
		e.feed(messages)
		moment := time.Duration(random.IntN(300)) * time.Millisecond // nothing waits for it but the kill
		if life%3 == 2 {
			lane := allRoutes[random.IntN(len(allRoutes))] + "/LOGS"
			before := e.last(lane).N
			d.await("a record of "+lane, func() bool { return e.last(lane).N > before })
			moment = time.Duration(random.IntN(10)) * time.Millisecond
		}
		select {
		case <-time.After(moment):
		case <-d.done:
			t.Fatalf("life %d ended by itself: %v\n%s", life, d.result, d.err.String())
		}
		d.kill()
		e.note()
	}
	d := e.daemon()
	e.feed(1) // a message that all routes keep: their cursors come to the end
	d.await("all to be delivered", e.allSettled)
	d.drain()
	refused := e.check(map[string]string{"bigquery": "column time", "nats": "big", "http": "big"})
	replayed := e.replayAll()
	t.Logf("%d kills, %d of lanes with an open plan; %d entries; %d refused, %d replayed; doubles at pubsub %d, at http %d; replies lost: %v",
		kills, e.hits, len(e.sent), refused, replayed, e.doubles["pubsub"], e.doubles["http"], e.lost)
	if e.hits == 0 || len(e.lost) < 3 || refused == 0 {
		t.Error("no kill hit an open plan, some destination lost no reply, or nothing was refused: the test has tried nothing")
	}
}

// replayAll mends what can be mended and replays: by a daemon, and without one. It gives how many entries were delivered.
func (e *everywhere) replayAll() (replayed int) {
	e.t.Helper()
	before := make(map[string]uint64)
	for route, b := range e.balance() {
		before[route] = b.DeadLetters
	}
	e.configure(e.config("256KiB", ""))
	if out := e.sluice(0, "replay", "http"); !strings.Contains(out, "http/MORE/r1") { // nobody runs
		e.t.Errorf("the replay says:\n%s", out)
	}
	d := e.daemon()
	d.await("recovery", func() bool { return e.health() == 200 })
	e.sluice(0, "replay", "nats")
	e.sluice(1, "replay", "bigquery") // no schema takes the timestamps
	e.sluice(0, "replay", "nats")
	d.drain()
	e.check(map[string]string{"bigquery": "time"})
	for route, b := range e.balance() {
		if b.Replayed+b.DeadLetters != before[route] {
			e.t.Errorf("route %s: %d were dead letters, %d are, %d are replayed", route, before[route], b.DeadLetters, b.Replayed)
		}
		replayed += int(b.Replayed)
	}
	return replayed
}

// allSettled says whether every lane of every route has settled its stream.
func (e *everywhere) allSettled() bool {
	status, err := fetchStatus(e.t.Context(), "http://"+e.listen)
	if err != nil {
		return false
	}
	settled := 0
	for _, s := range status.Routes {
		if s.Route != pipeline.Unreadable && s.Cursor >= e.seq && s.Lag == 0 {
			settled++
		}
	}
	return settled == 2*len(allRoutes)
}

// check holds what stands at every destination against what was published: exactly once, or at least once with doubles only of plans
// that a kill found open. dead says which kinds of entries a route's destination refuses. It gives how many were refused.
func (e *everywhere) check(dead map[string]string) (refused int) {
	e.t.Helper()
	clear(e.doubles)
	for _, route := range allRoutes {
		want, wantDead := make(map[string]string), 0
		for position, s := range e.sent {
			switch {
			case !s.kept:
			case s.kind != "" && strings.Contains(dead[route], s.kind):
				wantDead++
			default:
				want[position] = s.line
			}
		}
		refused += wantDead
		e.checkRoute(route, want)
		if b := e.balance()[route]; b.Delivered != uint64(len(want)) || b.DeadLetters != uint64(wantDead) || b.Examined != uint64(len(e.sent)) {
			e.t.Errorf("account of %s: %+v, want %d delivered and %d dead of %d", route, b, len(want), wantDead, len(e.sent))
		}
	}
	return refused
}

// checkRoute compares what a destination holds, by position where it tells positions, with what it must hold.
func (e *everywhere) checkRoute(route string, want map[string]string) {
	e.t.Helper()
	lines := make(map[string]int)
	for _, line := range want {
		lines[line]++
	}
	switch route {
	case "file":
		e.sameLines(route, lines, e.lines("out/file"))
		return
	case "gcs":
		e.sameLines(route, lines, e.bucket.lines("gcs"))
		return
	case "s3":
		e.sameLines(route, lines, e.s3Lines())
		return
	}
	got := make(map[string]int)
	for _, a := range e.arrived(route) {
		if got[a.position]++; a.line != want[a.position] {
			e.t.Errorf("%s: at %s stands %.200q, want %.200q", route, a.position, a.line, want[a.position])
		}
	}
	for position := range want {
		if got[position] == 0 {
			e.t.Errorf("%s: %s is missing", route, position)
		}
	}
	for position, n := range got {
		if n == 1 {
			continue
		}
		if atLeastOnce := route == "pubsub" || route == "http"; !atLeastOnce || !e.wasOpen(route, position) {
			e.t.Errorf("%s: %s stands there %d times, and no kill found its plan open", route, position, n)
		}
		e.doubles[route]++
	}
}

// wasOpen says whether a kill found a plan of the route open that holds the position.
func (e *everywhere) wasOpen(route, position string) bool {
	var stream string
	var epoch, seq uint64
	var index int
	if _, err := fmt.Sscanf(strings.ReplaceAll(position, "/", " "), "%s %d %d.%d", &stream, &epoch, &seq, &index); err != nil {
		e.t.Fatalf("position %q: %v", position, err)
	}
	for _, s := range e.open[route+"/"+stream] {
		if s.first <= seq && seq <= s.last {
			return true
		}
	}
	return false
}
