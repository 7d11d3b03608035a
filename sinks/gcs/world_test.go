package gcs

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
	"sluice/sinks/sinktest"
)

// status is an error that stands for an answer of the service.
type status int

func (s status) Error() string { return fmt.Sprintf("status %d", int(s)) }

var codesOfInserts = map[error]driver.Code{
	status(400): driver.Misconfigured, status(401): driver.Misconfigured, status(403): driver.Misconfigured, status(404): driver.Misconfigured,
	status(413): driver.Misconfigured, status(408): driver.Unavailable, status(429): driver.Unavailable, status(500): driver.Unavailable,
	status(503): driver.Unavailable, syscall.ECONNREFUSED: driver.Unavailable, syscall.ECONNRESET: driver.Unavailable, io.ErrUnexpectedEOF: driver.Unavailable,
}

var codesOfChunks = map[error]driver.Code{
	status(401): driver.Misconfigured, status(403): driver.Misconfigured, status(503): driver.Unavailable, syscall.ECONNRESET: driver.Unavailable,
}

// harnesses makes empty buckets on one server. alter changes requests, for mutants.
func harnesses(t *testing.T, o Options, l limits, codes map[error]driver.Code, alter func(*http.Request)) func(testing.TB) sinktest.Harness {
	server := start(t)
	var count atomic.Int64
	return func(t testing.TB) sinktest.Harness {
		o := o
		o.Bucket, o.Endpoint = fmt.Sprintf("bucket-%d", count.Add(1)), server.URL
		server.CreateBucket(o.Bucket, gcstest.Bucket{})
		return sinktest.Harness{
			Open: func(steps *sinktest.Steps, as driver.To) (driver.Driver, error) {
				o := o
				o.wrap = func(next http.RoundTripper) http.RoundTripper { return stepped{next, steps, alter} }
				d := open(o, as)
				d.limits = l
				return d, nil
			},
			Read:  func() (map[string][]string, error) { return readAll(server, &o) },
			Codes: codes,
		}
	}
}

func start(t testing.TB) *gcstest.Server {
	t.Helper()
	server, err := gcstest.Start(gcstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// stepped lets every request pass through Steps.
type stepped struct {
	next  http.RoundTripper
	steps *sinktest.Steps
	alter func(*http.Request)
}

func (s stepped) RoundTrip(req *http.Request) (*http.Response, error) {
	var resp *http.Response
	sent := false
	if s.alter != nil {
		req = req.Clone(req.Context())
		s.alter(req)
	}
	err := s.steps.Do(req.Method+" "+req.URL.Path, func() (err error) {
		sent = true
		resp, err = s.next.RoundTrip(req)
		return err
	})
	if !sent && req.Body != nil {
		req.Body.Close()
	}
	if err == nil {
		return resp, nil
	}
	if resp != nil {
		resp.Body.Close()
	}
	if code, ok := err.(status); ok {
		body := fmt.Sprintf(`{"error":{"code":%d,"message":"an answer of the test"}}`, code)
		return &http.Response{StatusCode: int(code), Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
	return nil, err
}

// readAll reads what a reader of the bucket finds: everything under the prefix but _sluice.
func readAll(server *gcstest.Server, o *Options) (map[string][]string, error) {
	found := make(map[string][]string)
	for _, object := range server.Names(o.Bucket) {
		name, under := strings.CutPrefix(object, o.folder())
		if !under {
			return nil, fmt.Errorf("%s stands outside of %s", object, o.Destination())
		}
		if strings.HasPrefix(name, "_sluice/") {
			continue
		}
		got, err := server.Object(o.Bucket, object)
		if err != nil {
			return nil, err
		}
		if got.Contents != 1 {
			return nil, fmt.Errorf("%s had %d contents", object, got.Contents)
		}
		found[name] = sinktest.Entries(name, got.Content)
	}
	return found, nil
}
