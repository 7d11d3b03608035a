package s3

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/sinks/driver"
	"sluice/sinks/s3/s3test"
)

// BenchmarkWrite writes plans of eight units of 2 MB, eight at once as the pipeline does, to the server in this process, with and
// without a latency of 500 ms a call.
func BenchmarkWrite(b *testing.B) {
	const units, entries, size = 8, 2000, 1000
	for _, latency := range []time.Duration{0, 500 * time.Millisecond} {
		for _, codec := range []string{"json", "json.gz"} {
			b.Run(fmt.Sprintf("latency=%v/%s", latency, codec), func(b *testing.B) {
				server, err := s3test.Start(s3test.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer server.Close()
				server.CreateBucket(bucket, s3test.Bucket{})
				server.SetLatency(latency)
				d := newDriver(b, server, usual)
				u := unit("", entries, size)
				u.Codec = codec
				b.SetBytes(units * entries * size)
				n := 0
				for b.Loop() {
					n++
					writeAtOnce(b, d, u, units, n)
				}
				b.ReportMetric(float64(n*units*entries)/b.Elapsed().Seconds(), "entries/s")
			})
		}
	}
}

func writeAtOnce(b *testing.B, d driver.Driver, u driver.Unit, units, n int) {
	var all sync.WaitGroup
	for i := range units {
		all.Go(func() {
			u := u
			u.Name = fmt.Sprintf("n%d/%d", n, i)
			if _, err := d.Write(b.Context(), &u); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}
