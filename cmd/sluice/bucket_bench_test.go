package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/stream/jetstream"
	"sluice/sinks/gcs/gcstest"
)

// BenchmarkBesideRefusing compares a route to files beside a bucket that answers 403 and one that does not exist with the same route
// alone. Each is in a daemon of its own; in each operation both get the same entries, one daemon after the other and in turns first,
// so that a busy machine disturbs both alike. x-rate is the median of the ratios of their rates, x-cpu that of the CPU of alone
// to beside.
func BenchmarkBesideRefusing(b *testing.B) {
	const entries = 50_000
	bucket := newBucket(b, "acme")
	bucket.server.SetFault(func(c gcstest.Call) gcstest.Fault {
		if c.Bucket != "acme" {
			return gcstest.Fault{}
		}
		return gcstest.Fault{Kind: gcstest.Status, Status: http.StatusForbidden, Reason: "forbidden", Message: "no storage.objects.create access"}
	})
	beside, alone := newContestant(b, bucketRoutes(bucket.server.URL, "acmee")), newContestant(b, bucketRoutes(bucket.server.URL, "")[:strings.Index(bucketRoutes("", ""), "  - name: denied")])
	for _, c := range []*contestant{beside, alone} {
		c.deliver(entries)
	}
	for _, route := range []string{"denied", "mistyped"} {
		beside.daemon.await("pause of "+route, func() bool { return beside.place.status(route).State == pipeline.Paused })
	}
	var rate, cpu []float64
	for n := 0; b.Loop(); n++ {
		var took, used [2]float64
		for i := range 2 {
			which := (i + n) % 2
			took[which], used[which] = []*contestant{beside, alone}[which].deliver(entries)
		}
		rate, cpu = append(rate, took[1]/took[0]), append(cpu, used[1]/used[0])
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(rate), "x-rate")
	b.ReportMetric(middle(cpu), "x-cpu")
}

// contestant is a daemon with a route free that delivers.
type contestant struct {
	b      *testing.B
	place  *place
	daemon *process
	stream *jetstream.Stream
	sent   int
}

func newContestant(b *testing.B, routes string) *contestant {
	c := &contestant{b: b, place: newPlace(b, routes)}
	c.daemon = c.place.daemon()
	c.daemon.await("health", func() bool { return c.place.health() == 200 })
	c.stream = c.place.stream()
	return c
}

// deliver publishes entries and waits until the route free has settled them; it gives the time and the daemon's CPU, in seconds.
func (c *contestant) deliver(entries int) (took, cpu float64) {
	begun, before := time.Now(), cpuOf(c.b, c.daemon)
	last, _ := publishPacks(c.b, c.stream, entries, 50, func(n int) string { return heavyEntry(c.sent + n) })
	c.sent += entries
	c.daemon.await("delivery by the free route", func() bool { return c.place.status("free").Cursor >= last })
	return time.Since(begun).Seconds(), cpuOf(c.b, c.daemon) - before
}

// cpuOf is the CPU time of a process so far, user and system, in seconds.
func cpuOf(b *testing.B, p *process) float64 {
	b.Helper()
	const ticks = 100 // a second: USER_HZ of Linux
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name of the program may hold blanks
	fields := strings.Fields(after)
	var sum float64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n / ticks
	}
	return sum
}
