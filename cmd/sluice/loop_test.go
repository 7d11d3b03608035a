package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"sluice/configs"
	"sluice/sinks/driver"
	"sluice/sinks/nats"
)

// TestLoopIsRefused: a nats sink into a stream that the bus reads, where the addresses show it.
func TestLoopIsRefused(t *testing.T) {
	const text = `bus: {%s, streams: [LOGS]}
routes:
  - {name: a, sink: {nats: {url: "%s", stream: %s, subject: "out.x"}}}
`
	for _, c := range []struct {
		bus, url, stream string
		loop             bool
	}{
		{`url: "nats://one.example:4222"`, "nats://one.example", "LOGS", true},
		{`url: ["nats://one.example", "nats://two.example"]`, "nats://three.example,nats://TWO.example:4222", "LOGS", true},
		{`embedded: {listen: "127.0.0.1:4333"}`, "nats://localhost:4333", "LOGS", true},
		{`embedded: {listen: "127.0.0.1:4333"}`, "nats://localhost:4334", "LOGS", false},
		{`embedded: {}`, "nats://localhost:4222", "LOGS", false},
		{`url: "nats://one.example"`, "nats://one.example", "SECURITY", false},
		{`url: "nats://one.example"`, "nats://two.example", "LOGS", false},
	} {
		_, err := configs.Parse("sluice.yaml", fmt.Appendf(nil, text, c.bus, c.url, c.stream), registry())
		if (err != nil) != c.loop || err != nil && !strings.Contains(err.Error(), "routes[0].sink.nats.stream: LOGS is a stream that the bus reads") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestLoopByAnotherName: where the addresses do not show it, the destination's first write does.
func TestLoopByAnotherName(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not start")
	}
	cfg, err := configs.Parse("sluice.yaml", fmt.Appendf(nil, `bus: {url: "%s", streams: [LOGS]}
routes: [{name: a, sink: {file: {dir: out}}}]
`, s.ClientURL()), registry())
	if err != nil {
		t.Fatal(err)
	}
	bus, err := openBus(t.Context(), cfg.Bus)
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	read, err := openStream(t.Context(), bus, cfg.Bus.Streams[0], cfg.Limits)
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(cfg)
	d.streams = append(d.streams, read)
	o := &nats.Options{URL: s.ClientURL(), Stream: "LOGS", Subject: "logs.x", MaxEntry: 1000, Once: nats.Window}
	sink, err := d.openSink(t.Context(), "a", &configs.Sink{Kind: "nats", Options: o}, driver.ToSink)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	p, err := sink.Plan(nil, &driver.Batch{Route: "a", Stream: "LOGS", Epoch: 1, First: 1, Last: 1, Groups: []driver.Group{{Refs: []driver.Ref{{Seq: 1, Raw: []byte("{}")}}}}})
	if err != nil || len(p.Units) != 1 {
		t.Fatal(p, err)
	}
	p.Units[0].Digest = driver.Digest(p.Units[0].Refs)
	if _, err := sink.Write(t.Context(), &p.Units[0]); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "one that the router reads") {
		t.Errorf("%v", err)
	}
	if info, err := read.Info(t.Context()); err != nil || info.Last != 0 {
		t.Errorf("%+v, %v", info, err)
	}
}
