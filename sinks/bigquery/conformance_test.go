package bigquery

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/driver"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) { sinktest.Run(t, harnesses(t, mutant{})) }

// TestSuiteSeesMutants: what exactly once rests on, taken away.
func TestSuiteSeesMutants(t *testing.T) {
	for name, m := range map[string]mutant{"offset ignored": {noOffset: true}, "plan not recorded": {noState: true}} {
		broken := sinktest.Broken(t, harnesses(t, m))
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

func harnesses(t *testing.T, m mutant) func(testing.TB) sinktest.Harness {
	server := start(t)
	var count atomic.Int64
	return func(t testing.TB) sinktest.Harness {
		o := options(server, fmt.Sprintf("table%d", count.Add(1)))
		return sinktest.Harness{
			Blind: true, Parts: true, NoDeadLetters: true,
			Open: func(steps *sinktest.Steps, _ driver.To) (driver.Driver, error) {
				d := stepped(t, o, steps, m)
				if m.noState {
					return forgetful{d}, nil
				}
				return d, nil
			},
			Read: func() (map[string][]string, error) { return readAll(server, o.Table), nil },
			Codes: map[error]driver.Code{
				syscall.ECONNRESET: driver.Unavailable, answer(401): driver.Misconfigured, answer(403): driver.Misconfigured,
				answer(429): driver.Unavailable, answer(500): driver.Unavailable, answer(503): driver.Unavailable,
			},
		}
	}
}

func start(t testing.TB) *bigquerytest.Server {
	server, err := bigquerytest.Start(bigquerytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	server.CreateDataset(project, dataset)
	return server
}
