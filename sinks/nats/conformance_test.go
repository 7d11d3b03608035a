package nats

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/sinks/driver"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	t.Run("marks", func(t *testing.T) { sinktest.Run(t, harnesses(t, "", false)) })
	t.Run("window", func(t *testing.T) { sinktest.Run(t, harnesses(t, Window, false)) })
}

// TestSuiteSeesMissingMarks: where marks are taken away before each commit, nothing tells what was delivered, and the suite says so.
func TestSuiteSeesMissingMarks(t *testing.T) {
	broken := sinktest.Broken(t, harnesses(t, "", true))
	for _, promise := range []string{"WriteIsIdempotent", "OtherContentIsConflict", "Origins", "CrashAtEveryStep/after", "SameWriterAtEveryStep"} {
		if broken[promise] == nil {
			t.Errorf("%s was not seen broken", promise)
		}
	}
}

func harnesses(t *testing.T, once Once, unmarked bool) func(testing.TB) sinktest.Harness {
	url := startServer(t)
	js := manager(t, url)
	var count atomic.Int64
	return func(t testing.TB) sinktest.Harness {
		n := count.Add(1)
		name := fmt.Sprintf("DEST-%d", n)
		if n > 1 {
			_ = js.DeleteStream(t.Context(), fmt.Sprintf("DEST-%d", n-1)) // streams may not share subjects
		}
		createStream(t, js, jetstream.StreamConfig{Name: name, Subjects: []string{"out.>", markPrefix + ">"}, AllowAtomicPublish: once != Window, Storage: jetstream.MemoryStorage})
		o := Options{URL: url, Stream: name, Subject: "out.{parentId}.{logId}", MaxEntry: 2 << 20, Once: once}
		h := sinktest.Harness{
			NoDeadLetters: true,
			Blind:         once == Window,
			Parts:         once == Window,
			Open: func(steps *sinktest.Steps, _ driver.To) (driver.Driver, error) {
				d, err := open(o)
				if err == nil {
					d.client.step = func(op string, run func() error) error {
						if unmarked && strings.HasPrefix(op, "commit") {
							purgeMarks(t, js, name)
						}
						return steps.Do(op, run)
					}
					t.Cleanup(func() { d.Close() })
				}
				return d, err
			},
			Read:  func() (map[string][]string, error) { return readAll(t, js, name) },
			Codes: map[error]driver.Code{nats.ErrTimeout: driver.Unavailable, nats.ErrAuthorization: driver.Misconfigured, &apiError{ErrCode: 10077}: driver.Unavailable},
		}
		if once == Window {
			h.Deliveries = func() ([]sinktest.Delivery, error) { return deliveries(t, js, name) }
		}
		return h
	}
}
