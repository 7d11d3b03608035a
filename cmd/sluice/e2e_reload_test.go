package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"sluice/pipeline/stream/jetstream"
)

// storedEntry is an entry that is on the stream.
type storedEntry struct {
	n    int
	line string
}

// reloadFeed publishes one entry a message until ctx ends, over all restarts of the bus; the last is kept by every filter. An entry
// has an id, so that it is stored once.
func reloadFeed(ctx context.Context, s *jetstream.Stream, seed uint64) (map[uint64]storedEntry, error) {
	r, stored := rand.New(rand.NewPCG(seed, 4)), make(map[uint64]storedEntry)
	for id := 0; ; id++ {
		n, ended := r.IntN(10), ctx.Err() != nil
		if ended {
			n = 9
		}
		line := fmt.Sprintf(`{"insertId":"e%d","logName":"projects/p%d/logs/app","jsonPayload":{"n":%d}}`, id, n%2, n)
		ack, err := s.Publisher().Publish(context.WithoutCancel(ctx), jetstream.NoLog, fmt.Sprint("e", id), []byte(line))
		if err != nil {
			return stored, err
		}
		stored[ack.Seq] = storedEntry{n, line}
		if ended {
			return stored, nil
		}
		<-time.After(time.Duration(r.IntN(3)) * time.Millisecond)
	}
}

// TestReloadsUnderLoad changes filters, hierarchy, exclusions, quotas, batches and destinations at random moments while entries flow,
// with SIGKILLs: each entry was decided, by each route, by exactly the revision that the ledger records for its sequence.
func TestReloadsUnderLoad(t *testing.T) {
	reloads, routes := heavy(20, 200), 4
	seed := killSeed(t)
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	p := newPlace(t, reloadConfig(r, routes))
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	s := p.stream()
	ctx, stop := context.WithCancel(t.Context())
	var stored map[uint64]storedEntry
	var failed error
	var feeding sync.WaitGroup
	feeding.Go(func() { stored, failed = reloadFeed(ctx, s, seed) })
	kills := 0
	for range reloads {
		p.reconfigure(placeConfig + reloadConfig(r, routes))
		p.hangup(d)
		<-time.After(time.Duration(r.IntN(150)) * time.Millisecond) // nothing waits for it but the next change
		if r.IntN(6) == 0 {
			d.kill()
			kills++
			d = p.daemon()
			if r.IntN(2) == 0 {
				d.await("health", func() bool { return p.health() == 200 })
			} else {
				d.await("a handler of signals", func() bool { return p.health() != 0 })
			}
		}
	}
	d.await("health", func() bool { return p.health() == 200 })
	stop()
	feeding.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
	var last uint64
	for seq := range stored {
		last = max(last, seq)
	}
	names := make([]string, routes)
	for i := range names {
		names[i] = fmt.Sprint("r", i)
	}
	d.await("delivery", p.settled(last, names...))
	d.drain()
	revisions, records := p.revisions()
	for _, route := range names {
		want := p.keptBy(route, revisions[route], stored)
		p.sameLines("out/"+route, want, p.lines("out/"+route))
	}
	p.balance()
	t.Logf("%d reloads, %d kills, %d recorded changes of revisions, %d entries, %d routes", reloads, kills, records, len(stored), routes)
	if records < reloads/4 {
		t.Errorf("only %d changes are recorded", records)
	}
}

// reconfigure puts another sluice.yaml in the place of the present one, as a whole.
func (p *place) reconfigure(text string) {
	p.t.Helper()
	p.write("next.yaml", []byte(text+"\nhttp: {listen: "+p.listen+"}\n"))
	if err := os.Rename(p.path("next.yaml"), p.path("sluice.yaml")); err != nil {
		p.t.Fatal(err)
	}
}
