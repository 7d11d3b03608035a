package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/sinks/gcs/gcstest"
)

// TestLockedBucket: a bucket whose objects nobody can change for six years accepts all that the sink does, crashes and lost replies
// included, with the rights to create and to read alone. Without the lock the daemon does not start, and says why.
func TestLockedBucket(t *testing.T) {
	const sixYears = 6 * 8766 * time.Hour
	b := newBucket(t, "acme")
	b.server.SetRights("storage.objects.create", "storage.objects.get", "storage.buckets.get")
	p := newPlace(t, fmt.Sprintf(`
routes:
  - name: archive
    batch: {age: 30ms, entries: 50}
    sink: {gcs: {bucket: acme, prefix: archive, endpoint: %q, retention: {atLeast: 6y, locked: true}}}
`, b.server.URL))
	b.server.CreateBucket("acme", gcstest.Bucket{Retention: sixYears})
	refused := startProcess(t, p.dir, "sluice", "run")
	if code := refused.code(); code != exitNo || !strings.Contains(refused.err.String(), "retention lock: not locked, want locked") {
		t.Fatalf("without the lock: exit %d, it said:\n%s", code, refused.err.String())
	}
	b.server.CreateBucket("acme", gcstest.Bucket{Retention: sixYears, Locked: true})
	b.faults(1)
	var want []string
	for life := range heavy(3, 12) {
		d := p.daemon()
		d.await("health", func() bool { return p.health() == 200 })
		fresh := numbered(life*500, (life+1)*500, "INFO")
		last := putOn(t, p.stream(), fresh...)
		want = append(want, fresh...)
		d.await("a plan", func() bool { return len(p.last("archive/LOGS").Open) > 0 })
		d.kill()
		d = p.daemon()
		d.await("delivery", p.settled(last, "archive"))
		d.drain()
	}
	wanted := make(map[string]int)
	for _, line := range want {
		wanted[line] = 1
	}
	p.sameLines("archive", wanted, b.lines("archive"))
	p.balance()
}

// TestManyPartitions delivers entries of many teams through a template, all in their own objects, in bounded memory. A fifth of the
// teams is busy at a time: were all, plans would be cut at 2,000 partitions and most objects would hold one entry.
func TestManyPartitions(t *testing.T) {
	entries, teams := heavy(40_000, 1_000_000), heavy(500, 5000)
	p := newPlace(t, fmt.Sprintf(`
routes:
  - name: teams
    batch: {age: %ds}
    sink: {file: {dir: out/teams, layout: {template: 'team={labels.team}/{yyyy}/{MM}/{dd}/{HH}'}, compression: gzip}}
`, heavy(3, 30)))
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	team := func(n int) string { return fmt.Sprintf("t%d", n*5/entries*(teams/5)+n*7919%(teams/5)) }
	begun := time.Now()
	last, _ := publishPacks(t, p.stream(), entries, 50, func(n int) string {
		return fmt.Sprintf(`{"insertId":"e%d","logName":"projects/p/logs/app","timestamp":"2026-03-01T00:00:00Z","labels":{"team":%q},"jsonPayload":{"text":"%s"}}`,
			n, team(n), strings.Repeat("lorem ipsum ", 20))
	})
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
