package bigquery

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{
		"native": {Schema: schemaNative}, "cloud-logging": {Schema: schemaLogging, UsePartitionedTables: true}, "sharded": {Schema: schemaLogging},
	} {
		t.Run(name, func(t *testing.T) { sinktest.Run(t, harnesses(t, o, mutant{})) })
	}
}

// TestSuiteSeesMutants: what exactly once rests on, taken away.
func TestSuiteSeesMutants(t *testing.T) {
	for name, m := range map[string]mutant{"offset ignored": {noOffset: true}, "plan not recorded": {noState: true}} {
		broken := sinktest.Broken(t, harnesses(t, Options{Schema: schemaNative}, m))
		for _, promise := range []string{"WriteIsIdempotent", "WriteIsIdempotentAtOnce", "CrashAtEveryStep/after", "SameWriterAtEveryStep"} {
			if broken[promise] == nil {
				t.Errorf("%s: %s was not seen broken", name, promise)
			}
		}
	}
}

// mutant says what is taken away.
type mutant struct{ noOffset, noState bool }

// forgetful plans from a stream of its own, not from the one that is recorded.
type forgetful struct{ *Driver }

func (d forgetful) Plan(_ driver.State, b *driver.Batch) (driver.Plan, error) {
	s, err := d.Prepare(context.Background(), nil)
	if err != nil {
		return driver.Plan{}, err
	}
	return d.Driver.Plan(s, b)
}

func harnesses(t *testing.T, o Options, m mutant) func(testing.TB) sinktest.Harness {
	server := start(t)
	var count atomic.Int64
	return func(t testing.TB) sinktest.Harness {
		o := o
		o.Project, o.Dataset, o.Endpoint, o.WriteEndpoint = project, fmt.Sprintf("d%d", count.Add(1)), server.URL, server.WriteURL
		if server.CreateDataset(o.Project, o.Dataset); o.Schema == schemaNative {
			o.Table = table
		}
		return sinktest.Harness{
			Blind: true, Parts: true, NoDeadLetters: true,
			Open: func(steps *sinktest.Steps, _ driver.To) (driver.Driver, error) {
				d := stepped(t, o, steps, m)
				if m.noState {
					return forgetful{d}, nil
				}
				return d, nil
			},
			Read: func() (map[string][]string, error) { return readAll(server, o.Dataset), nil },
			Codes: map[error]driver.Code{
				syscall.ECONNRESET: driver.Unavailable, answer(401): driver.Misconfigured, answer(403): driver.Misconfigured,
				answer(429): driver.Unavailable, answer(500): driver.Unavailable, answer(503): driver.Unavailable,
			},
		}
	}
}
