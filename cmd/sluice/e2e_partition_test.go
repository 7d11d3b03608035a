package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sluice/pipeline/stream/jetstream"
)

// TestManyPartitions delivers stored entries of many teams, in no order, through a template: each team's in its own objects, whole,
// in bounded memory.
func TestManyPartitions(t *testing.T) {
	entries, teams := heavy(40_000, 1_000_000), heavy(500, 5000)
	p := newPlace(t, `
routes:
  - name: teams
    batch: {age: 3s}
    sink: {file: {dir: out/teams, layout: {template: 'team={labels.team}/{yyyy}/{MM}/{dd}/{HH}'}, compression: gzip}}
`)
	team := func(n int) string { return fmt.Sprintf("t%d", uint64(n)*0x9E3779B97F4A7C15>>20%uint64(teams)) }
	last := p.stored(entries, func(n int) string {
		return fmt.Sprintf(`{"insertId":"e%d","logName":"projects/p/logs/app","timestamp":"2026-03-01T00:00:00Z","labels":{"team":%q},"jsonPayload":{"text":"%s"}}`,
			n, team(n), strings.Repeat("lorem ipsum ", 20))
	})
	begun := time.Now()
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	d.await("delivery", p.settled(last, "teams"))
	took, rss := time.Since(begun), peakMemory(t, d)
	d.drain()
	seen, objects := make([]uint8, entries), p.files("out/teams")
	for _, path := range objects {
		_, folder, _ := strings.Cut(path, "team=")
		folder, _, _ = strings.Cut(folder, "/")
		if err := eachLine(path, func(line string) {
			var n int
			if _, err := fmt.Sscanf(line, `{"insertId":"e%d"`, &n); err != nil || n >= entries || folder != team(n) {
				t.Fatalf("%s holds %.80q", path, line)
			}
			seen[n]++
		}); err != nil {
			t.Fatal(err)
		}
	}
	for n, times := range seen {
		if times != 1 {
			t.Fatalf("entry %d is there %d times", n, times)
		}
	}
	p.balance()
	t.Logf("%d entries of %d teams: %d objects in %v, peak memory %d MiB", entries, teams, len(objects), took.Round(time.Millisecond), rss>>20)
	if rss >= 300<<20 {
		t.Errorf("peak memory %d MiB, want less than 300", rss>>20)
	}
}

// stored puts entries on the bus before any daemon runs there, and gives the last sequence.
func (p *place) stored(entries int, entry func(int) string) uint64 {
	p.t.Helper()
	bus, err := jetstream.Open(p.t.Context(), jetstream.Options{Dir: p.path("data/bus"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := bus.Stream(p.t.Context(), jetstream.StreamConfig{Name: "LOGS"})
	if err != nil {
		p.t.Fatal(err)
	}
	last, _ := publishPacks(p.t, s, entries, 50, entry)
	if err := bus.Close(); err != nil {
		p.t.Fatal(err)
	}
	return last
}
