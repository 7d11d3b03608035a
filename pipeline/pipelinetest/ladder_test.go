package pipelinetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	ledgermemory "sluice/pipeline/ledger/memory"
	"sluice/pipeline/stream"
	streammemory "sluice/pipeline/stream/memory"
	"sluice/sinks"
	"sluice/sinks/driver"
)

// ladder is a budget with three rungs, over two streams. %d is the budget.
const ladder = `
bus: {embedded: {dir: d}, streams: [{name: A, subjects: [a]}, {name: B, subjects: [b]}]}
deadLetter: {place: {}}
routes:
  - name: audit
    quota: {bytes: %d, per: day, spare: LOG_ID("cloudaudit.googleapis.com/activity")}
    exclusions:
      - {name: debug, filter: severity=DEBUG, when: quota.used > 0.5}
      - {name: info, filter: severity=INFO AND NOT LOG_ID("cloudaudit.googleapis.com/activity"), when: quota.used > 0.8}
      - {name: reads, filter: LOG_ID("cloudaudit.googleapis.com/data_access"), when: quota.used > 1 - 0.1 * (1 - quota.passed)}
    sink: {place: {}}
`

// climb is a day of entries, and the routers that live through it.
type climb struct {
	t       *testing.T
	rand    *rand.Rand
	streams [2]*streammemory.Stream
	places  Places
	ledger  *ledgermemory.Ledger
	routes  []pipeline.Route
	crashes int
}

// TestLadder routes a day of entries under half the budget that they need: the rungs shed what matters less, so that the day ends
// with the budget spent to the hundredth, no entry of activity is missing, and the ledger accounts for every entry, through crashes.
func TestLadder(t *testing.T) {
	entries := 40_000
	if os.Getenv("SLUICE_SOAK") != "" {
		entries = 1_000_000
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)))
		c := &climb{t: t, rand: rand.New(rand.NewPCG(1, 1)), places: NewMemoryPlaces(), ledger: ledgermemory.New()}
		c.streams = [2]*streammemory.Stream{streammemory.New("A"), streammemory.New("B")}
		const entryBytes = 208
		budget := entries * entryBytes / 2
		c.configure(budget)
		published := c.day(entries, entryBytes)
		c.judge(published, entries, budget)
		t.Logf("%d entries, %d crashes", entries, c.crashes)
	})
}

func (c *climb) configure(budget int) {
	cfg, err := configs.Parse("ladder.yaml", fmt.Appendf(nil, ladder, budget), sinks.Registry{"place": func() driver.Options { return new(anywhere) }})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, r := range append(cfg.Routes, cfg.Unreadable()) {
		c.routes = append(c.routes, pipeline.Route{Name: r.Name, Decision: r.Decision(cfg.Limits), Delivery: []byte("{}"), Batch: r.Batch})
	}
}

// live starts a router that crashes at a random operation, or never.
func (c *climb) live(mortal bool) *Life {
	gate := NewGate(0, c.rand.IntN(2) == 0)
	if mortal {
		gate.CrashAt = 100 + c.rand.IntN(500)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gate.crash = cancel
	world := &World{T: c.t}
	life := &Life{World: world, Gate: gate, cancel: cancel, done: make(chan error, 1), close: func() error { return nil }}
	life.Router = pipeline.New(pipeline.Options{
		Ledger: gatedLedger{c.ledger, gate}, Streams: []stream.Stream{c.streams[0], c.streams[1]}, Routes: c.routes, Decide: decide,
		Open: func(_ context.Context, route string, _ []byte) (*sinks.Sink, *sinks.Sink, error) {
			sink, dead, err := c.places.Open(route, "")
			if err != nil {
				return nil, nil, err
			}
			if route == pipeline.Unreadable {
				return sinks.New(gatedDriver{dead, gate, world, ""}, sinks.Options{}), nil, nil
			}
			return sinks.New(gatedDriver{sink, gate, world, ""}, sinks.Options{}), sinks.New(gatedDriver{dead, gate, world, ""}, sinks.Options{}), nil
		},
	})
	go func() { life.done <- life.Router.Run(ctx) }()
	return life
}

// day publishes so many entries over a day, in packs, a router beside it, and gives how many there were of each kind.
func (c *climb) day(entries, entryBytes int) map[string]int {
	published := make(map[string]int)
	const pack = 20
	pause := 24 * time.Hour / time.Duration(entries/pack+1)
	life := c.live(true)
	for id := 0; id < entries; {
		var lines []string
		for ; len(lines) < pack && id < entries; id++ {
			var kind string
			switch n := c.rand.IntN(100); { // 5 % activity, 25 % reads, 30 % info, 40 % debug
			case n < 5:
				kind = "activity"
			case n < 30:
				kind = "reads"
			case n < 60:
				kind = "info"
			default:
				kind = "debug"
			}
			published[kind]++
			lines = append(lines, climbLine(kind, id, entryBytes))
		}
		c.streams[c.rand.IntN(2)].Append([]byte(strings.Join(lines, "\n")))
		time.Sleep(pause)
		select {
		case <-life.Gate.dead:
			<-life.done
			c.crashes++
			life = c.live(c.crashes < 20)
		default:
		}
	}
	if life.Await(time.Hour) || life.Drain() {
		c.crashes++
		life = c.live(false)
		life.Await(time.Hour)
		life.Drain()
	}
	return published
}

// climbLine is an entry of a kind, of so many bytes.
func climbLine(kind string, id, size int) string {
	log, severity := "app", strings.ToUpper(kind)
	switch kind {
	case "activity":
		log, severity = "cloudaudit.googleapis.com%2Factivity", "INFO"
	case "reads":
		log, severity = "cloudaudit.googleapis.com%2Fdata_access", "NOTICE"
	}
	line := fmt.Sprintf(`{"logName":"projects/p/logs/%s","insertId":"e%d","severity":%q,"labels":{"kind":%q},"textPayload":"`, log, id, severity, kind)
	return line + strings.Repeat("x", size-len(line)-2) + `"}`
}

// judge compares what was delivered with the budget, and the ledger with what was published.
func (c *climb) judge(published map[string]int, entries, budget int) {
	delivered, seen, bytes := make(map[string]int), make(map[string]bool), 0
	for _, lines := range c.places.Contents(c.t, "audit", false) {
		for _, line := range lines {
			_, rest, _ := strings.Cut(line, `"kind":"`)
			kind, _, _ := strings.Cut(rest, `"`)
			_, rest, _ = strings.Cut(line, `"insertId":"`)
			id, _, _ := strings.Cut(rest, `"`)
			if seen[id] {
				c.t.Fatalf("%s twice", id)
			}
			seen[id] = true
			delivered[kind]++
			bytes += len(line)
		}
	}
	if off := float64(bytes)/float64(budget) - 1; off < -0.01 || off > 0.01 {
		c.t.Errorf("delivered %d bytes of a budget of %d: %.2f %% off; %v of %v", bytes, budget, 100*off, delivered, published)
	}
	if delivered["activity"] != published["activity"] {
		c.t.Errorf("%d of %d entries of activity delivered", delivered["activity"], published["activity"])
	}
	b, err := ledger.TakeBalance(context.Background(), c.ledger, "audit")
	if err != nil || !b.Balanced() {
		c.t.Fatalf("%v: %+v", err, b)
	}
	r := b.Routes[0]
	took := func(rung string) uint64 { return r.Excluded[rung] }
	left := func(kind string) uint64 { return uint64(published[kind] - delivered[kind]) }
	if r.Examined != uint64(entries) || r.Delivered != uint64(len(seen)) || r.NotMatched+r.DeadLetters+r.Sampled != 0 ||
		r.Delivered+took("debug")+took("info")+took("reads")+r.OverQuota != uint64(entries) {
		c.t.Errorf("the account: %+v", r)
	}
	if took("debug") > left("debug") || took("info") > left("info") || took("reads") > left("reads") || took("debug") == 0 || took("info") == 0 ||
		took("reads") == 0 || r.ExcludedBytes["debug"] != took("debug")*uint64(budget)*2/uint64(entries) {
		c.t.Errorf("the rungs took %v (%v bytes), and %v of %v was delivered", r.Excluded, r.ExcludedBytes, delivered, published)
	}
	c.t.Logf("delivered %.2f %% of the budget: %v of %v; rungs %v, over quota %d", 100*float64(bytes)/float64(budget), delivered, published, r.Excluded, r.OverQuota)
}
