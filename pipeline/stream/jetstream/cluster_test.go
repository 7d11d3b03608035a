package jetstream

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream/streamtest"
)

// natsCluster is three real servers.
type natsCluster struct {
	t       *testing.T
	servers []*natsProcess
	confs   []string
}

func startCluster(t *testing.T) *natsCluster {
	t.Helper()
	c := &natsCluster{t: t}
	var routes []string
	var ports []int
	for i := range 3 {
		c.servers = append(c.servers, newProcess(t, fmt.Sprint("n", i+1)))
		ports = append(ports, freePort(t))
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
	}
	for i, p := range c.servers {
		c.confs = append(c.confs, fmt.Sprintf("cluster { name: c, listen: 127.0.0.1:%d, routes: [%s] }", ports[i], strings.Join(routes, ", ")))
		p.start(c.confs[i])
	}
	return c
}

func (c *natsCluster) url() string {
	var all []string
	for _, p := range c.servers {
		all = append(all, p.url())
	}
	return strings.Join(all, ",")
}

// open connects and waits until the cluster has a leader for what is asked of it.
func (c *natsCluster) open(o Options) *Bus {
	c.t.Helper()
	o.URL, o.Wait = c.url(), 30*time.Second
	return openBus(c.t, o)
}

func (c *natsCluster) stream(b *Bus, config StreamConfig) *Stream {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 60*time.Second)
	defer cancel()
	s, err := b.Stream(ctx, config)
	check(c.t, err)
	return s
}

// leader asks which server leads the stream, until all servers hold all of it.
func (c *natsCluster) leader(s *Stream) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 60*time.Second)
	defer cancel()
	for {
		var info *jetstream.StreamInfo
		check(c.t, s.bus.ask(ctx, requestTimeout, func(ctx context.Context) (err error) {
			info, err = s.handle.Info(ctx)
			return err
		}))
		at := slices.IndexFunc(c.servers, func(p *natsProcess) bool { return p.name == info.Cluster.Leader })
		behind := slices.ContainsFunc(info.Cluster.Replicas, func(r *jetstream.PeerInfo) bool { return r.Offline || !r.Current })
		if at >= 0 && !behind && len(info.Cluster.Replicas) == 2 {
			return at
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("the cluster does not settle: %+v", info.Cluster)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	bus := c.open(Options{})
	streamtest.Run(t, func(t *testing.T) streamtest.World {
		name := fmt.Sprint("S", published.Add(1))
		config := StreamConfig{Name: name, Subjects: []string{"logs.test"}, Replicas: 3, MaxBytes: 1 << 30}
		t.Cleanup(func() { check(t, bus.js.DeleteStream(context.WithoutCancel(t.Context()), name)) })
		return worldOf(t, bus, config)
	})
}

// The stream's leader is killed three times while a publisher publishes and a reader reads: each message is stored and read exactly
// once. The test reports how long it took until a message was acknowledged, and one read, that did not exist before.
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	bus := c.open(Options{})
	s := c.stream(bus, StreamConfig{Name: "LOGS", Replicas: 3, MaxBytes: 1 << 30})
	acknowledged, read := newRecovery(), newRecovery()
	stop, published := make(chan struct{}), make(chan int, 1)
	publisher := c.stream(c.open(Options{}), StreamConfig{Name: "LOGS"}).Publisher()
	go func() { published <- publishUntil(t, publisher, stop, acknowledged) }()
	got := make(chan []string, 1)
	go func() { got <- readUntilEnd(t, s, read) }()

	for round := range 3 {
		at := c.leader(s)
		c.servers[at].kill()
		killed := time.Now()
		acknowledged.begin()
		read.begin()
		again, arrived := acknowledged.wait(t), read.wait(t)
		elected := slices.MaxFunc(c.servers, func(a, b *natsProcess) int { return a.ledAt().Compare(b.ledAt()) }).ledAt().Sub(killed)
		t.Logf("kill %d of the leader, %s: NATS elected another after %v; acknowledged again after %v, read again after %v",
			round+1, c.servers[at].name, elected.Round(time.Millisecond), again, arrived)
		c.servers[at].start(c.confs[at])
	}
	close(stop)
	count := <-published
	want := []string{"end"}
	for i := range count {
		want = append(want, strconv.Itoa(i))
	}
	// What is sent again arrives later than its neighbours.
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(<-got))); diff != "" {
		t.Errorf("published and read differ: %.2000s", diff)
	}
	info, err := s.Info(t.Context())
	check(t, err)
	if info.Messages != uint64(count)+1 || info.Last != uint64(count)+1 {
		t.Errorf("published %d, stored %+v", count+1, info)
	}
	t.Logf("%d messages", count)
}

// recovery measures how long it takes from an accident until something works that began after it.
type recovery struct {
	began atomic.Int64 // Unix nanoseconds; 0: nothing to measure
	took  chan time.Duration
}

func newRecovery() *recovery { return &recovery{took: make(chan time.Duration, 1)} }

func (r *recovery) begin() { r.began.Store(time.Now().UnixNano()) }

// works says that something works which began at a time.
func (r *recovery) works(began time.Time) {
	if at := r.began.Load(); at != 0 && began.UnixNano() > at && r.began.CompareAndSwap(at, 0) {
		r.took <- time.Since(time.Unix(0, at)).Round(time.Millisecond)
	}
}

func (r *recovery) wait(t *testing.T) time.Duration {
	t.Helper()
	select {
	case took := <-r.took:
		return took
	case <-time.After(time.Minute):
		t.Fatal("no recovery in a minute")
		return 0
	}
}

// publishUntil publishes 0, 1, 2, …, some of them on their way at once, until stop, and then "end". It gives their number.
func publishUntil(t *testing.T, p *Publisher, stop chan struct{}, r *recovery) (count int) {
	type sent struct {
		message *Pending
		at      time.Time
	}
	var way []sent
	settle := func(most int) {
		for len(way) > most {
			if _, err := way[0].message.Wait(t.Context()); err != nil {
				t.Errorf("publish: %v", err)
			}
			r.works(way[0].at)
			way = way[1:]
		}
	}
	defer func() {
		settle(0)
		if _, err := p.Publish(t.Context(), "logs.test", "end", []byte("end")); err != nil {
			t.Errorf("publish the end: %v", err)
		}
	}()
	for ; ; count++ {
		select {
		case <-stop:
			return count
		default:
		}
		way = append(way, sent{p.Start("logs.test", fmt.Sprint("n", count), []byte(strconv.Itoa(count))), time.Now()})
		settle(50)
	}
}

func readUntilEnd(t *testing.T, s *Stream, r *recovery) (got []string) {
	reader, err := s.Read(t.Context(), 1)
	if err != nil {
		t.Errorf("read: %v", err)
		return nil
	}
	defer reader.Close()
	for {
		messages, err := reader.Next(t.Context(), 100)
		if err != nil {
			t.Errorf("read: %v", err)
			return got
		}
		for _, m := range messages {
			r.works(m.Stored)
			got = append(got, string(m.Data))
			if string(m.Data) == "end" {
				return got
			}
		}
	}
}
