package pubsub

import (
	"bytes"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"sluice/sinks/driver"
	"sluice/sinks/pubsub/pubsubtest"
)

// BenchmarkWrite writes plans of 16 requests of 1,000 entries of 1 KB, eight at once as the pipeline does, to the server in this
// process, with and without a latency of 500 ms a call.
func BenchmarkWrite(b *testing.B) {
	for _, latency := range []time.Duration{0, 500 * time.Millisecond} {
		for name, key := range map[string]string{"plain": "", "ordered, 8 keys": `labels.k`} {
			b.Run(fmt.Sprintf("latency=%v/%s", latency, name), func(b *testing.B) { benchmarkWrite(b, latency, key) })
		}
	}
}

func benchmarkWrite(b *testing.B, latency time.Duration, key string) {
	const entries, keys = 16_000, 8
	server := start(b)
	o := Options{Project: "acme", Topic: "bench", Endpoint: server.URL, MaxEntries: maxMessages, OrderingKey: key}
	createTopic(b, server, &o)
	if latency > 0 {
		server.SetFault(func(*pubsubpb.PublishRequest) pubsubtest.Fault {
			passed := make(chan struct{})
			time.AfterFunc(latency, func() { close(passed) })
			return pubsubtest.Fault{Wait: passed}
		})
	}
	d, err := open(o)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	batch := &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 1}
	filler := bytes.Repeat([]byte("x"), 800)
	for k := range keys {
		g := driver.Group{}
		if key != "" {
			g.Key = fmt.Sprint(k)
		}
		for i := k; i < entries; i += keys {
			raw := fmt.Appendf(nil, `{"logName":"projects/p/logs/a","timestamp":"2026-03-01T10:30:00Z","insertId":"id-%d","labels":{"k":"%d"},"textPayload":"%s"}`, i, k, filler)
			g.Refs = append(g.Refs, driver.Ref{Seq: uint64(i), Raw: raw})
		}
		batch.Groups = append(batch.Groups, g)
	}
	used, n := cpu(b), 0
	for b.Loop() {
		n++
		batch.First, batch.Last = uint64(n), uint64(n)
		p, err := d.Plan(nil, batch)
		if err != nil {
			b.Fatal(err)
		}
		writeAtOnce(b, d, batch, p.Units)
	}
	b.ReportMetric(float64(n*entries)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric((cpu(b)-used).Seconds()/float64(n*entries)*1e6, "cpu-s/M")
}

func writeAtOnce(b *testing.B, d *Driver, batch *driver.Batch, units []driver.Unit) {
	slots := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i := range units {
		u := &units[i]
		u.Origin = driver.Origin{Route: batch.Route, Stream: batch.Stream, Epoch: batch.Epoch, First: batch.First, Last: batch.Last}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if _, err := d.Write(b.Context(), u); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
