package gcs

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
	"sluice/sinks/layout"
	"sluice/sinks/sinktest"
)

// small makes nearly every unit a resumable upload of several chunks.
var small = limits{memory: 1000, chunk: 256 << 10}

var usual = limits{inMemory, chunkSize}

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name   string
		o      Options
		limits limits
		codes  map[error]driver.Code
	}{
		{"hourly/gzip", Options{Prefix: "audit/prod/", Layout: layout.Spec{Name: "hourly"}, Compression: codec.Gzip}, usual, codesOfInserts},
		{"databricks/none/resumable", Options{Layout: layout.Spec{Name: "databricks"}, Compression: codec.None}, small, codesOfChunks},
		{"template/zstd", Options{Layout: layout.Spec{Template: "l={logId}/{yyyy}-{MM}-{dd}"}, Compression: codec.Zstd}, usual, codesOfInserts},
		{"hourly/csv", Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.Gzip, Format: codec.FormatCSV, Columns: columns}, usual, nil},
		{"hourly/parquet", Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.Zstd, Format: codec.FormatParquet, Columns: columns}, usual, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			sinktest.Run(t, harnesses(t, c.o, c.limits, c.codes, nil))
		})
	}
}

// columns hold the whole entry, which readers of the suite compare, beside the default ones.
var columns = codec.Columns{{Name: "*"}, {Name: "entry"}}

// TestSuiteSeesTheMissingPrecondition: an insert without ifGenerationMatch replaces what stands there, and the suite says so.
func TestSuiteSeesTheMissingPrecondition(t *testing.T) {
	o := Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.None}
	for name, l := range map[string]limits{"one request": usual, "resumable": small} {
		broken := sinktest.Broken(t, harnesses(t, o, l, nil, func(req *http.Request) {
			q := req.URL.Query()
			q.Del("ifGenerationMatch")
			req.URL.RawQuery = q.Encode()
		}))
		for _, promise := range []string{"OtherContentIsConflict", "WriteIsIdempotent", "Manifests", "Origins"} {
			if broken[promise] == nil {
				t.Errorf("%s: %s was not seen broken", name, promise)
			}
		}
	}
}

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
