package nats

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/sinks/driver"
	"sluice/sinks/sinktest"
)

// BenchmarkWrite: the server stores in files; the latency is added to each request by the client.
func BenchmarkWrite(b *testing.B) {
	for name, once := range map[string]Once{"marks": "", "window": Window} {
		b.Run(name, func(b *testing.B) {
			sinktest.Bench(b, 1, func(b *testing.B, latency time.Duration) driver.Driver {
				url := startServer(b)
				createStream(b, manager(b, url), jetstream.StreamConfig{
					Name: "D", Subjects: []string{"out.>", markPrefix + ">"}, AllowAtomicPublish: true, MaxBytes: 4 << 30, Discard: jetstream.DiscardOld,
				})
				d, err := open(Options{URL: url, Stream: "D", Subject: "out.{parentId}.{logId}", MaxEntry: 1 << 20, Once: once})
				if err != nil {
					b.Fatal(err)
				}
				d.client.step = func(op string, run func() error) error {
					if op != "fill the batch" { // nobody answers that
						<-time.After(latency)
					}
					return run()
				}
				return d
			})
		})
	}
}
