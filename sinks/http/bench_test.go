package http

import (
	nethttp "net/http"
	"testing"
	"time"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/http/receivertest"
	"sluice/sinks/sinktest"
)

func BenchmarkWrite(b *testing.B) {
	for name, o := range map[string]Options{"ndjson": {}, "ndjson,gzip": {Compression: codec.Gzip}, "splunk": {Body: Splunk}} {
		b.Run(name, func(b *testing.B) {
			sinktest.Bench(b, 1, func(b *testing.B, latency time.Duration) driver.Driver {
				o := filled(o)
				server := receivertest.Start(receivertest.Options{Body: string(o.Body), Forget: true})
				b.Cleanup(server.Close)
				server.SetFault(func(*nethttp.Request) receivertest.Fault {
					passed := make(chan struct{})
					time.AfterFunc(latency, func() { close(passed) })
					return receivertest.Fault{Wait: passed}
				})
				o.URL = server.URL + "/in"
				return open(o, driver.ToSink)
			})
		})
	}
}
