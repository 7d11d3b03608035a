package s3

import (
	"testing"
	"time"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/s3/s3test"
	"sluice/sinks/sinktest"
)

func BenchmarkWrite(b *testing.B) {
	for _, compression := range []codec.Compression{codec.None, codec.Gzip} {
		b.Run(string(compression), func(b *testing.B) {
			sinktest.Bench(b, 8, func(b *testing.B, latency time.Duration) driver.Driver {
				server := start(b)
				server.CreateBucket(bucket, s3test.Bucket{})
				server.SetLatency(latency)
				o := Defaults()
				o.Bucket, o.Endpoint, o.PathStyle, o.Compression = bucket, server.URL, true, compression
				return open(*o, driver.ToSink)
			})
		})
	}
}
