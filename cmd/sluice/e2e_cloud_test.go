package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
)

// bucket is a bucket of a Cloud Storage in this process, which outlives every daemon of a test.
type bucket struct {
	t      testing.TB
	server *gcstest.Server
	name   string
}

// newBucket starts the service, with its objects in a folder.
func newBucket(t testing.TB, name string) *bucket {
	t.Helper()
	server, err := gcstest.Start(gcstest.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	server.CreateBucket(name, gcstest.Bucket{})
	return &bucket{t, server, name}
}

// lines gives the lines of all objects below a folder of the bucket, and how often each stands there. Manifests are none. No object may
// ever have been replaced, and each must end with a line feed.
func (b *bucket) lines(folder string) map[string]int {
	b.t.Helper()
	all := make(map[string]int)
	for _, name := range b.server.Names(b.name) {
		if !strings.HasPrefix(name, folder+"/") || strings.HasPrefix(name, folder+"/_sluice/") {
			continue
		}
		o, err := b.server.Object(b.name, name)
		if err != nil {
			b.t.Fatal(err)
		}
		if o.Contents != 1 {
			b.t.Errorf("%s was written %d times", name, o.Contents)
		}
		content := bufio.NewReader(bytes.NewReader(o.Content))
		if strings.HasSuffix(name, ".gz") {
			plain, err := gzip.NewReader(content)
			if err != nil {
				b.t.Fatalf("%s: %v", name, err)
			}
			content = bufio.NewReader(plain)
		}
		if err := linesOf(content, func(line string) { all[line]++ }); err != nil {
			b.t.Fatalf("%s: %v", name, err)
		}
	}
	return all
}

// has says whether an object stands under a name.
func (b *bucket) has(name string) bool {
	_, err := b.server.Object(b.name, name)
	return err == nil
}

// faults lets calls fail at random: mostly a reply that is lost after the call took effect.
func (b *bucket) faults(seed uint64) *faultCount {
	n := &faultCount{rand: rand.New(rand.NewPCG(seed, 3)), of: make(map[gcstest.Op]int)}
	b.server.SetFault(n.next)
	return n
}

// faultCount draws faults and counts the lost replies by operation.
type faultCount struct {
	mu    sync.Mutex
	rand  *rand.Rand
	of    map[gcstest.Op]int
	other int
}

func (n *faultCount) next(c gcstest.Call) gcstest.Fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch die := n.rand.IntN(100); {
	case die < 12:
		n.of[c.Op]++
		return gcstest.Fault{Kind: gcstest.DropReply}
	case die < 15:
		n.other++
		return gcstest.Fault{Kind: gcstest.Duplicate}
	case die < 17:
		n.other++
		return gcstest.Fault{Kind: gcstest.Refuse}
	case die < 20:
		n.other++
		return gcstest.Fault{Kind: gcstest.Status, Status: []int{429, 500, 503}[die-17]}
	}
	return gcstest.Fault{}
}

// killCloudRoutes are those of killRoutes, two of them to a bucket.
func killCloudRoutes(endpoint string) string {
	return fmt.Sprintf(`
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
    sink: {gcs: {bucket: acme, prefix: errors, endpoint: %[1]q, layout: hourly}}
  - name: most
    exclusions:
      - {name: threes, filter: jsonPayload.n=3}
    batch: {age: 70ms, entries: 1000}
    sink: {gcs: {bucket: acme, prefix: most, endpoint: %[1]q, layout: {template: 'team={labels.team}/{yyyy}/{MM}/{dd}/{HH}'}, compression: none}}
`, endpoint)
}

// TestKillCloud is TestKill over files and a bucket together, whose replies are lost now and then after they took effect; between two
// lives the ledger's folder is sometimes put back to an older copy. Nothing may be lost, and nothing may be there twice.
func TestKillCloud(t *testing.T) {
	kills, back := heavy(8, 48), heavy(4, 6) // the ledger steps back after each back-th kill
	seed := killSeed(t)
	t.Logf("seed %d (SLUICE_SEED=%d repeats its choices, not the machine's timing)", seed, seed)
	b := newBucket(t, "acme")
	p := newPlace(t, killCloudRoutes(b.server.URL))
	faults := b.faults(seed)
	feed := &feeder{place: p, rand: rand.New(rand.NewPCG(seed, 2)), source: "source.jsonl"}
	feed.grow(300)

	ctx, stop := context.WithCancel(t.Context())
	var feeding sync.WaitGroup
	feeding.Go(func() { feed.run(ctx) })
	restored := 0
	k := &killing{place: p, rand: rand.New(rand.NewPCG(seed, 1)), stands: func(lane string, u driver.Unit) bool {
		route, _, _ := strings.Cut(lane, "/")
		return b.has(route+"/"+u.Name) || p.stands(lane, u)
	}}
	k.between = func(life int) {
		switch life % back {
		case 1: // a life that has recovered
			p.copyFolder(p.ledger, "older")
		case back - 1:
			p.copyFolder("older", p.ledger)
			restored++
		}
	}
	hits := k.often(kills)
	stop()
	feeding.Wait()

	lines := func(route string) map[string]int {
		if route == "archive" {
			return p.lines("out/archive")
		}
		return b.lines(route)
	}
	d := p.daemon()
	feed.finish()
	d.await("the last entry at every destination", func() bool {
		for route := range killOracle {
			if s := p.status(route); s.LastSuccess.IsZero() || s.Lag > 0 || lines(route)[feed.last] != 1 {
				return false
			}
		}
		return true
	})
	d.drain()
	p.settleUnreadable(p.last("most/LOGS").Committed)
	judgeKills(p, feed.source, lines)
	adopted := 0
	for route := range killOracle {
		adopted += p.adoptions(route)
	}
	t.Logf("%d kills of the daemon: %d hit an open plan, %d of these with units still to write, %d between two units of a plan; the ledger was put back %d times, %d plans adopted; replies lost after their effect: %v, other faults %d; %d kills of the publisher; %d entries, %d objects",
		kills, hits.open, hits.unfinished, hits.between, restored, adopted, faults.of, faults.other, feed.kills, feed.lines, len(b.server.Names(b.name)))
	if hits.open == 0 || adopted == 0 || faults.of[gcstest.Insert] == 0 {
		t.Error("no kill hit an open plan, no plan was adopted or no reply was lost: the test has tried nothing")
	}
}

// copyFolder makes a folder a copy of another. Nobody may be writing there.
func (p *place) copyFolder(from, to string) {
	p.t.Helper()
	if err := os.RemoveAll(p.path(to)); err != nil {
		p.t.Fatal(err)
	}
	if err := os.CopyFS(p.path(to), os.DirFS(p.path(from))); err != nil {
		p.t.Fatal(err)
	}
}

// adoptions counts the plans that a route took over from its destination.
func (p *place) adoptions(route string) int {
	p.t.Helper()
	n := 0
	for _, r := range p.records(route + "/LOGS") {
		if r.Amend != nil && r.Amend.Reason == "adopted" {
			n++
		}
	}
	return n
}
