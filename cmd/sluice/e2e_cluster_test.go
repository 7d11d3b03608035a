package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsstream "github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream/jetstream"
)

// natsMain is the command sluice-nats: a NATS server in a process of its own, with the arguments of nats-server.
func natsMain() {
	fs := flag.NewFlagSet("sluice-nats", flag.ExitOnError)
	o, err := server.ConfigureOptions(fs, os.Args[1:], nil, fs.Usage, nil)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s, err := server.NewServer(o)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s.ConfigureLogger()
	s.Start()
	s.WaitForShutdown()
}

// natsCluster is three servers, each a process.
type natsCluster struct {
	place   *place
	urls    []string
	servers []*process
	client  natsstream.JetStream
}

func (p *place) cluster() *natsCluster {
	p.t.Helper()
	c := &natsCluster{place: p}
	var routes []string
	for range 3 {
		c.urls = append(c.urls, "nats://"+freeAddress(p.t))
		routes = append(routes, "nats://"+freeAddress(p.t))
	}
	for i := range 3 {
		p.write(fmt.Sprintf("n%d.conf", i), fmt.Appendf(nil, `
server_name: n%d
listen: %q
jetstream { store_dir: "n%d" }
cluster { name: c, listen: %q, routes: [%s] }
`, i, strings.TrimPrefix(c.urls[i], "nats://"), i, strings.TrimPrefix(routes[i], "nats://"), strings.Join(routes, ", ")))
		c.servers = append(c.servers, nil)
		c.start(i)
	}
	conn, err := nats.Connect(strings.Join(c.urls, ","), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(conn.Close)
	if c.client, err = natsstream.New(conn); err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (c *natsCluster) start(i int) {
	c.servers[i] = startProcess(c.place.t, c.place.dir, "sluice-nats", "-c", fmt.Sprintf("n%d.conf", i))
}

// leader waits until all three servers hold all of the stream, and gives the one that leads it.
func (c *natsCluster) leader() int {
	c.place.t.Helper()
	ctx, cancel := context.WithTimeout(c.place.t.Context(), patience)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, 2*time.Second)
		s, err := c.client.Stream(attempt, "LOGS")
		done()
		if err == nil && s.CachedInfo().Cluster != nil {
			info := s.CachedInfo().Cluster
			behind := slices.ContainsFunc(info.Replicas, func(r *natsstream.PeerInfo) bool { return r.Offline || !r.Current })
			if info.Leader != "" && !behind && len(info.Replicas) == 2 {
				return int(info.Leader[1] - '0')
			}
		}
		select {
		case <-ctx.Done():
			c.place.t.Fatalf("the cluster does not settle: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var elected = regexp.MustCompile(`(?m)(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+) .*new stream leader for .*LOGS`)

// elected tells when a server last said that it leads the stream.
func (c *natsCluster) elected() (last time.Time) {
	for _, s := range c.servers {
		for _, m := range elected.FindAllStringSubmatch(s.err.String(), -1) {
			if at, err := time.ParseInLocation("2006/01/02 15:04:05.999999", m[1], time.Local); err == nil && at.After(last) {
				last = at
			}
		}
	}
	return last
}

// TestClusterLeaderKilled kills the stream's leader (three times in the soak form) while the daemon delivers and a publisher publishes: each entry is
// delivered once. How long it takes until an entry of after the accident is delivered and settled is told, and in the soak form asserted.
func TestClusterLeaderKilled(t *testing.T) {
	p := newPlace(t, "")
	c := p.cluster()
	p.configure(fmt.Sprintf(`
bus: {url: ["%s"], streams: [{name: LOGS, subjects: ["logs.>"], maxBytes: 1GiB, replicas: 3}]}
ledger: {file: data/ledger}
deadLetter: {file: {dir: data/dead}}
routes:
  - {name: all, batch: {age: 100ms}, sink: {file: {dir: out/all}}}
  - {name: errors, filter: severity>=ERROR, batch: {age: 50ms, entries: 100}, sink: {file: {dir: out/errors, compression: gzip}}}
`, strings.Join(c.urls, `", "`)))
	c.settle()
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	bus, err := jetstream.Open(t.Context(), jetstream.Options{URL: strings.Join(c.urls, ","), Wait: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	s, err := bus.Stream(t.Context(), jetstream.StreamConfig{Name: "LOGS", MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	stop, published := make(chan struct{}), make(chan int, 1)
	go func() { published <- publishUntil(t, s, stop) }()

	for round := range heavy(1, 3) {
		at := c.leader()
		d.await("delivery", func() bool { return p.status("all").Cursor > uint64(1000*round) })
		c.servers[at].kill()
		killed := time.Now()
		ack, err := s.Publisher().Publish(t.Context(), jetstream.NoLog, fmt.Sprint("after-", round), []byte(heavyEntry(1_000_000+round)))
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Since(killed)
		d.await("delivery after the accident", func() bool { return p.status("all").Cursor >= ack.Seq })
		took := time.Since(killed)
		t.Logf("kill %d: NATS elected another leader after %v, acknowledged after %v, delivered and settled after %v", round+1,
			c.elected().Sub(killed).Round(time.Millisecond), acknowledged.Round(time.Millisecond), took.Round(time.Millisecond))
		if took > 10*time.Second && heavy(0, 1) == 1 {
			t.Errorf("the recovery took %v", took)
		}
		c.start(at)
	}
	close(stop)
	count := <-published
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.await("the rest", p.settled(info.Last, "all", "errors"))
	d.drain()
	all, errors := make(map[string]int), make(map[string]int)
	for n := range count + heavy(1, 3) {
		if n >= count {
			n += 1_000_000 - count
		}
		all[heavyEntry(n)] = 1
		if n%2 == 1 {
			errors[heavyEntry(n)] = 1
		}
	}
	p.sameLines("all", all, p.lines("out/all"))
	p.sameLines("errors", errors, p.lines("out/errors"))
	p.balance()
	t.Logf("%d entries", count)
}

// settle returns when the cluster makes streams of three copies.
func (c *natsCluster) settle() {
	c.place.t.Helper()
	ctx, cancel := context.WithTimeout(c.place.t.Context(), patience)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, 5*time.Second)
		_, err := c.client.CreateOrUpdateStream(attempt, natsstream.StreamConfig{Name: "PROBE", Replicas: 3})
		done()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			c.place.t.Fatalf("the cluster does not settle: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// publishUntil publishes heavyEntry 0, 1, 2, … until stop, some of them on their way at once, and gives their number. Each is stored
// once, also when it must be sent again.
func publishUntil(t *testing.T, s *jetstream.Stream, stop chan struct{}) (count int) {
	var way []*jetstream.Pending
	settle := func(most int) {
		for ; len(way) > most; way = way[1:] {
			if _, err := way[0].Wait(t.Context()); err != nil {
				t.Errorf("publish: %v", err)
			}
		}
	}
	defer func() { settle(0) }()
	for ; ; count++ {
		select {
		case <-stop:
			return count
		default:
		}
		way = append(way, s.Publisher().Start(jetstream.NoLog, fmt.Sprint("n", count), []byte(heavyEntry(count))))
		settle(20)
	}
}
