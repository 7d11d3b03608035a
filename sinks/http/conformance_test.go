package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/http/receivertest"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{
		"ndjson":  {Body: NDJSON, MaxEntries: 7},
		"array":   {Body: Array, Compression: codec.Gzip},
		"wrapped": {Body: NDJSON, Wrap: true, Compression: codec.Gzip},
		"splunk":  {Body: Splunk, MaxEntries: 1000},
		"elastic": {Body: Elastic},
	} {
		t.Run(name, func(t *testing.T) { sinktest.Run(t, harnesses(t, name, o, false, nil)) })
	}
}

// TestSuiteSeesMutants: without its key, or to a receiver that ignores keys, a repeated request is a double, and the suite says so.
func TestSuiteSeesMutants(t *testing.T) {
	count := new(atomic.Int64)
	for name, h := range map[string]func(testing.TB) sinktest.Harness{
		"receiver without keys": harnesses(t, "wrapped", Options{Body: NDJSON, Wrap: true}, true, nil),
		"a key of its own for each request": harnesses(t, "wrapped", Options{Body: NDJSON, Wrap: true}, false, func(req *nethttp.Request) {
			req.Header.Set("Idempotency-Key", fmt.Sprintf(`"%d/%d"`, count.Add(1), count.Load()))
		}),
	} {
		for _, promise := range []string{"WriteIsIdempotent", "CrashAtEveryStep/after"} {
			if sinktest.Broken(t, h)[promise] == nil {
				t.Errorf("%s: %s was not seen broken", name, promise)
			}
		}
	}
}

var statuses = map[error]driver.Code{
	status(400): driver.Misconfigured, status(401): driver.Misconfigured, status(403): driver.Misconfigured, status(404): driver.Misconfigured,
	status(302): driver.Misconfigured, status(413): driver.Misconfigured, status(408): driver.Unavailable, status(429): driver.Unavailable, status(500): driver.Unavailable,
	status(503): driver.Unavailable, syscall.ECONNREFUSED: driver.Unavailable, io.ErrUnexpectedEOF: driver.Unavailable,
}

func harnesses(t *testing.T, kind string, o Options, ignoreKeys bool, alter func(*nethttp.Request)) func(testing.TB) sinktest.Harness {
	server := receivertest.Start(receivertest.Options{Body: kind, IgnoreKeys: ignoreKeys})
	t.Cleanup(server.Close)
	var count atomic.Int64
	return func(testing.TB) sinktest.Harness {
		o := filled(o)
		path := fmt.Sprintf("/%d/_bulk", count.Add(1))
		o.URL = server.URL + path
		h := sinktest.Harness{Blind: true, Codes: statuses, NoDeadLetters: kind != "ndjson"}
		h.Read = func() (map[string][]string, error) { return readAll(server, path), nil }
		h.Open = func(steps *sinktest.Steps, as driver.To) (driver.Driver, error) {
			d := open(o, as)
			d.client.wrap = func(next nethttp.RoundTripper) nethttp.RoundTripper { return stepped{next, steps, alter} }
			return d, nil
		}
		if kind == "wrapped" || kind == "splunk" || kind == "elastic" {
			h.Deliveries = func() ([]sinktest.Delivery, error) { return deliveries(server, path), nil }
		}
		return h
	}
}
