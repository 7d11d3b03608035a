package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/sinks/driver"
)

// killRoutes are three routes with exclusions that plan often, so that kills meet open plans.
const killRoutes = `
routes:
  - name: archive
    filter: logName:"cloudaudit.googleapis.com"
    exclusions:
      - {name: debug, filter: severity<INFO}
    batch: {age: 40ms, entries: 300}
    sink: {file: {dir: out/archive, layout: hourly}}
  - name: errors
    filter: severity>=ERROR
    exclusions:
      - {name: pay, filter: 'labels.team="pay"'}
      - {name: twos, filter: 'jsonPayload.n=2 OR jsonPayload.n=4'}
    batch: {age: 20ms, entries: 100}
    sink: {file: {dir: out/errors, layout: databricks, compression: gzip}}
  - name: most
    exclusions:
      - {name: threes, filter: jsonPayload.n=3}
    batch: {age: 70ms, entries: 1000}
    sink: {file: {dir: out/most, layout: hourly, compression: gzip}}
`

// killed is an entry of the test, as the oracle reads it.
type killed struct {
	LogName  string
	Severity string
	Labels   struct{ Team string }
	Payload  struct{ N int } `json:"jsonPayload"`
}

// killOracle says the same as killRoutes: which exclusion takes an entry, "" if it is delivered, and whether it matches at all.
var killOracle = map[string]func(e killed) (matches bool, excluded string){
	"archive": func(e killed) (bool, string) {
		return strings.Contains(e.LogName, "cloudaudit.googleapis.com"), one(e.Severity == "DEBUG", "debug")
	},
	"errors": func(e killed) (bool, string) {
		if e.Labels.Team == "pay" {
			return e.Severity == "ERROR", "pay"
		}
		return e.Severity == "ERROR", one(e.Payload.N == 2 || e.Payload.N == 4, "twos")
	},
	"most": func(e killed) (bool, string) { return true, one(e.Payload.N == 3, "threes") },
}

func one(is bool, name string) string {
	if is {
		return name
	}
	return ""
}

// TestKill kills the daemon at random moments while it delivers and while `sluice publish`, killed at random as well, feeds it.
// In the end each published line that a route keeps must stand in its folder exactly once, byte for byte, and nothing else.
func TestKill(t *testing.T) {
	kills := 24
	if os.Getenv("SLUICE_SOAK") != "" {
		kills = 220
	}
	seed := killSeed(t)
	t.Logf("seed %d (SLUICE_SEED=%d repeats its choices, not the machine's timing)", seed, seed)
	p := newPlace(t, killRoutes)
	feed := &feeder{place: p, rand: rand.New(rand.NewPCG(seed, 2)), source: "source.jsonl"}
	feed.grow(300)

	ctx, stop := context.WithCancel(t.Context())
	var feeding sync.WaitGroup
	feeding.Go(func() { feed.run(ctx) })
	hits := (&killing{place: p, rand: rand.New(rand.NewPCG(seed, 1)), stands: p.stands}).often(kills)
	stop()
	feeding.Wait()

	d := p.daemon()
	feed.finish()
	d.await("the last entry in every folder", func() bool {
		for route := range killOracle {
			if s := p.status(route); s.LastSuccess.IsZero() || s.Lag > 0 || p.lines("out/" + route)[feed.last] != 1 {
				return false
			}
		}
		return true
	})
	d.drain()
	p.settleUnreadable(p.last("most/LOGS").Committed)
	judgeKills(p, feed.source, func(route string) map[string]int {
		p.noTemporary(route)
		return p.lines("out/" + route)
	})
	t.Logf("%d kills of the daemon: %d hit an open plan, %d of these with units still to write, %d between two units of a plan; %d kills of the publisher; %d entries",
		kills, hits.open, hits.unfinished, hits.between, feed.kills, feed.lines)
	if hits.open == 0 {
		t.Error("no kill hit an open plan: the test has tried nothing")
	}
}

func killSeed(t *testing.T) uint64 {
	text := os.Getenv("SLUICE_SEED")
	if text == "" {
		return rand.Uint64() >> 32
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SLUICE_SEED: %v", err)
	}
	return seed
}

// killHits counts what kills met.
type killHits struct{ open, unfinished, between int }

// killing starts and kills the daemon of a place.
type killing struct {
	place   *place
	rand    *rand.Rand
	stands  func(lane string, u driver.Unit) bool // at its destination
	between func(life int)                        // what happens while no daemon runs; may be nil
	hits    killHits
}

// often starts the daemon and kills it, so many times: a third of the kills may fall into its start and recovery, a third
// once it routes, and a third close behind the record of a plan, while its units are written.
func (k *killing) often(kills int) killHits {
	p := k.place
	p.t.Helper()
	for i := range kills {
		d := p.daemon()
		if i%3 > 0 {
			d.await("recovery", func() bool { return p.health() == 200 })
		}
		moment := time.Duration(k.rand.IntN(500)) * time.Millisecond // nothing waits for it but the kill
		if i%3 == 2 {
			before := p.last("most/LOGS").N
			d.await("a plan", func() bool { return p.last("most/LOGS").N > before })
			moment = time.Duration(k.rand.IntN(10)) * time.Millisecond
		}
		select {
		case <-time.After(moment):
		case <-d.done:
			p.t.Fatalf("life %d ended by itself: %v\n%s", i, d.result, d.err.String())
		}
		d.kill()
		k.note()
		if k.between != nil {
			k.between(i)
		}
	}
	return k.hits
}

// note looks at what the kill left behind.
func (k *killing) note() {
	open, standing, missing, between := false, 0, 0, false
	for _, lane := range []string{"archive/LOGS", "errors/LOGS", "most/LOGS", "_unreadable/LOGS"} {
		for _, plan := range k.place.last(lane).Open {
			open = true
			stands := 0
			for _, u := range plan.Units {
				stands += count(k.stands(lane, u))
			}
			lacks := len(plan.Units) - stands
			standing, missing = standing+stands, missing+lacks
			between = between || stands > 0 && lacks > 0
		}
	}
	k.hits.open += count(open)
	k.hits.unfinished += count(missing > 0)
	k.hits.between += count(between)
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// stands says whether a unit of a lane stands in the route's folder, or in that of the dead letters.
func (p *place) stands(lane string, u driver.Unit) bool {
	path := filepath.Join("out", filepath.Dir(lane), filepath.FromSlash(u.Name))
	if u.To == driver.ToDeadLetter || strings.HasPrefix(lane, "_") {
		path = filepath.Join("data/dead", filepath.FromSlash(u.Name))
	}
	_, err := os.Stat(p.path(path))
	return err == nil
}

// feeder lets a source grow and publishes it, again and again.
type feeder struct {
	place  *place
	rand   *rand.Rand
	source string
	lines  int
	kills  int
	last   string
}

// run feeds until ctx ends. A third of the publishers are killed at a random moment.
func (f *feeder) run(ctx context.Context) {
	for ctx.Err() == nil {
		publisher := startProcess(f.place.t, f.place.dir, "sluice", "publish", f.source)
		var kill <-chan time.Time
		if f.rand.IntN(3) == 0 {
			kill = time.After(time.Duration(20+f.rand.IntN(250)) * time.Millisecond)
		}
		select {
		case <-publisher.done:
			if publisher.result != nil { // it rides out the kills of the daemon
				f.place.t.Errorf("%s: %v\n%s", publisher.name, publisher.result, publisher.err.String())
			}
		case <-kill:
			publisher.kill()
			f.kills++
		case <-ctx.Done(): // it may be waiting for a daemon that does not come back
			publisher.kill()
		}
		f.grow(50 + f.rand.IntN(400))
	}
}

// finish publishes what is left, and then one entry that all routes keep, with a line that none can read.
func (f *feeder) finish() {
	p := f.place
	p.sluice(0, "publish", f.source)
	f.last = `{"insertId":"the-last","timestamp":"2026-03-01T00:00:00Z","severity":"ERROR","logName":"projects/p0/logs/cloudaudit.googleapis.com%2Factivity","jsonPayload":{"n":0}}`
	f.append([]string{f.last, `{"last"`})
	p.publish(f.source, 2)
}

// grow appends so many lines: entries of several logs, hours and forms, some without insertId, and a few that are none.
func (f *feeder) grow(n int) {
	var lines []string
	logs := []string{"cloudaudit.googleapis.com%2Factivity", "cloudaudit.googleapis.com%2Fdata_access", "app", "syslog"}
	severities := []string{"DEBUG", "INFO", "WARNING", "ERROR"}
	for range n {
		id, r := f.lines+len(lines), f.rand
		if r.IntN(200) == 0 {
			lines = append(lines, fmt.Sprintf(`{"broken":%d`, id))
			continue
		}
		key := fmt.Sprintf(`"insertId":"e%d",`, id)
		if r.IntN(10) == 0 {
			key = ""
		}
		lines = append(lines, fmt.Sprintf(`{%s"timestamp":"2026-03-0%dT%02d:00:00Z", "severity":"%s","logName":"projects/p%d/logs/%s","labels":{"team":"%s"},"jsonPayload":{"n":%d,"id":%d, "é":"\u00e9 %s"}}`,
			key, 1+r.IntN(2), r.IntN(3), severities[r.IntN(4)], r.IntN(2), logs[r.IntN(4)], []string{"pay", "web"}[r.IntN(2)], r.IntN(6), id, strings.Repeat("x", r.IntN(300))))
	}
	f.append(lines)
}

func (f *feeder) append(lines []string) {
	f.lines += len(lines)
	out, err := os.OpenFile(f.place.path(f.source), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = out.WriteString(strings.Join(lines, "\n") + "\n")
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		f.place.t.Error(err)
	}
}

// judgeKills holds what was delivered, and the account, against what the source's lines say.
func judgeKills(p *place, source string, lines func(route string) map[string]int) {
	p.t.Helper()
	want, excluded := make(map[string]map[string]int), make(map[string]map[string]uint64)
	for route := range killOracle {
		want[route], excluded[route] = make(map[string]int), make(map[string]uint64)
	}
	var examined uint64
	dead := make(map[string]string)
	err := eachLine(p.path(source), func(line string) {
		examined++
		var e killed
		if json.Unmarshal([]byte(line), &e) != nil {
			dead[line] = "syntax"
			return
		}
		for route, decide := range killOracle {
			switch matches, by := decide(e); {
			case matches && by != "":
				excluded[route][by]++
			case matches:
				want[route][line]++
			}
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	rows := p.balance()
	for route := range killOracle {
		p.sameLines(route, want[route], lines(route))
		row, delivered := rows[route], uint64(0)
		for _, n := range want[route] {
			delivered += uint64(n)
		}
		p.diff("account of "+route, []any{examined, delivered, excluded[route]}, []any{row.Examined, row.Delivered, row.Excluded})
	}
	p.diff("dead letters", dead, p.deadLetters())
}

// noTemporary fails the test when a route's folder holds temporary files.
func (p *place) noTemporary(route string) {
	p.t.Helper()
	if left, err := os.ReadDir(p.path("out/" + route + "/.sluice/tmp")); err != nil || len(left) > 0 {
		p.t.Errorf("route %s: temporary files are left: %v %v", route, left, err)
	}
}
