package sinktest

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/sinks/driver"
)

// benchEntries is how many entries of 1 KB a plan of Bench holds.
const benchEntries = 16_000

// Bench measures a destination in the form that docs/benchmarks.md compares: plans of 16,000 entries of 1 KB, in groups where the
// destination makes a unit of each, the units written eight at a time as the pipeline does, to a server that answers at once or after
// 500 ms. open opens the driver to a server with that latency. Client and server are one process: cpu-s/M is the CPU time of both
// for a million entries.
func Bench(b *testing.B, groups int, open func(b *testing.B, latency time.Duration) driver.Driver) {
	for _, latency := range []time.Duration{0, 500 * time.Millisecond} {
		b.Run(fmt.Sprintf("latency=%v", latency), func(b *testing.B) {
			d := open(b, latency)
			defer d.Close()
			batch := benchBatch(groups)
			state, err := d.Prepare(b.Context(), nil)
			if err != nil {
				b.Fatal(err)
			}
			used, n := cpuTime(b), 0
			for b.Loop() {
				n++
				batch.First, batch.Last = uint64(n)*benchEntries, uint64(n+1)*benchEntries-1
				for _, g := range batch.Groups {
					for i := range g.Refs {
						g.Refs[i].Seq += benchEntries
					}
				}
				p, err := d.Plan(state, batch)
				for err == nil && p.Wants != nil {
					if state, err = d.Prepare(b.Context(), p.Wants); err == nil {
						p, err = d.Plan(state, batch)
					}
				}
				if err != nil || len(p.Rejects) > 0 {
					b.Fatal(err, p.Rejects)
				}
				state = p.Next
				writeUnits(b, d, batch, p.Units)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(n*benchEntries)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric((cpuTime(b)-used).Seconds()/float64(n*benchEntries)*1e6, "cpu-s/M")
		})
	}
}

func benchBatch(groups int) *driver.Batch {
	batch := &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 1}
	for k := range groups {
		g := driver.Group{Key: fmt.Sprintf("g%d", k)}
		if groups == 1 {
			g.Key = ""
		}
		for i := k; i < benchEntries; i += groups {
			g.Refs = append(g.Refs, driver.Ref{Seq: uint64(i), Raw: benchEntry(i)})
		}
		batch.Groups = append(batch.Groups, g)
	}
	return batch
}

// benchEntry is an entry of about 1 KB that compresses as audit entries do, some six to one.
func benchEntry(i int) []byte {
	raw := fmt.Appendf(nil, `{"logName":"projects/p/logs/a","timestamp":"2026-03-01T10:30:00Z","insertId":"id-%d","jsonPayload":{`, i)
	for j := 0; len(raw) < 980; j++ {
		raw = fmt.Appendf(raw, `"field%d":"value %d of %d",`, j, (i*7919+j*104729)%10007, (i+j*j)%101)
	}
	return append(raw, `"last":true}}`...)
}

func writeUnits(b *testing.B, d driver.Driver, batch *driver.Batch, units []driver.Unit) {
	slots := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i := range units {
		u := &units[i]
		u.Count, u.Digest = len(u.Refs), driver.Digest(u.Refs)
		u.Origin = driver.Origin{Route: batch.Route, Stream: batch.Stream, Epoch: batch.Epoch, First: batch.First, Last: batch.Last, Units: len(units)}
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

// cpuTime is what this process has used, user and system.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
