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
