package gcs

import (
	"testing"
	"time"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
	"sluice/sinks/sinktest"
)

func BenchmarkWrite(b *testing.B) {
	for _, compression := range []codec.Compression{codec.None, codec.Gzip} {
		b.Run(string(compression), func(b *testing.B) {
			sinktest.Bench(b, 8, func(b *testing.B, latency time.Duration) driver.Driver {
				server, err := gcstest.Start(gcstest.Options{Dir: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { server.Close() })
				server.CreateBucket(bucket, gcstest.Bucket{})
				server.SetLatency(latency)
				o := Defaults()
				o.Bucket, o.Endpoint, o.Compression = bucket, server.URL, compression
				return open(*o, driver.ToSink)
			})
		})
	}
}
