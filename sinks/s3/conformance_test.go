package s3

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
	"sluice/sinks/s3/s3test"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	hourly, databricks, template := layout.Spec{Name: "hourly"}, layout.Spec{Name: "databricks"}, layout.Spec{Template: "l={logId}/{yyyy}-{MM}-{dd}"}
	for name, c := range map[string]world{
		"hourly/gzip":            {options: Options{Prefix: "audit/prod/", Layout: hourly, Compression: codec.Gzip}, limits: usual, codes: codesOfPuts},
		"databricks/none/parts":  {options: Options{Layout: databricks, Compression: codec.None}, limits: small, codes: codesOfParts},
		"createOnly/zstd":        {options: Options{Layout: template, Compression: codec.Zstd, Create: CreateOnly}, limits: usual},
		"csv":                    {options: Options{Layout: hourly, Compression: codec.Gzip, Format: codec.FormatCSV, Columns: columns}, limits: usual},
		"parquet":                {options: Options{Layout: hourly, Compression: codec.Zstd, Format: codec.FormatParquet, Columns: columns}, limits: usual},
		"overwrite":              {options: Options{Layout: hourly, Compression: codec.Gzip, Create: Overwrite}, limits: usual, blind: true},
		"no conditions":          {options: Options{Layout: hourly, Compression: codec.Gzip}, limits: small, store: s3test.Bucket{Conditions: s3test.Ignored}, blind: true},
		"no conditions on parts": {options: Options{Layout: hourly, Compression: codec.None}, limits: small, store: s3test.Bucket{Conditions: s3test.OnPutOnly}, blind: true},
		"501 and no checksums":   {options: Options{Layout: hourly, Compression: codec.Gzip}, limits: small, store: s3test.Bucket{Conditions: s3test.NotImplemented, NoSums: true}, blind: true},
	} {
		t.Run(name, func(t *testing.T) { sinktest.Run(t, c.harnesses(t)) })
	}
}

// columns hold the whole entry, which readers of the suite compare, beside the default ones.
var columns = codec.Columns{{Name: "*"}, {Name: "entry"}}

// TestSuiteSeesTheMissingPrecondition: a write without If-None-Match replaces what stands there, and the suite says so.
func TestSuiteSeesTheMissingPrecondition(t *testing.T) {
	o := Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.None, Create: CreateOnly}
	for name, l := range map[string]limits{"one request": usual, "parts": small} {
		mutant := world{options: o, limits: l, alter: func(req *http.Request) { req.Header.Del("If-None-Match") }}
		broken := sinktest.Broken(t, mutant.harnesses(t))
		for _, promise := range []string{"OtherContentIsConflict", "WriteIsIdempotent", "Manifests", "Origins"} {
			if broken[promise] == nil {
				t.Errorf("%s: %s was not seen broken", name, promise)
			}
		}
	}
}

var codesOfPuts = map[error]driver.Code{
	status(400): driver.Misconfigured, status(401): driver.Misconfigured, status(403): driver.Misconfigured, status(404): driver.Misconfigured,
	status(413): driver.Misconfigured, status(408): driver.Unavailable, status(429): driver.Unavailable, status(500): driver.Unavailable,
	status(503): driver.Unavailable, syscall.ECONNREFUSED: driver.Unavailable, syscall.ECONNRESET: driver.Unavailable, io.ErrUnexpectedEOF: driver.Unavailable,
}

var codesOfParts = map[error]driver.Code{
	status(401): driver.Misconfigured, status(403): driver.Misconfigured, status(503): driver.Unavailable, syscall.ECONNRESET: driver.Unavailable,
}

// harnesses makes empty buckets on one server.
func (w world) harnesses(t *testing.T) func(testing.TB) sinktest.Harness {
	server := start(t)
	var count atomic.Int64
	return func(t testing.TB) sinktest.Harness {
		o := w.options
		o.Bucket, o.Endpoint = fmt.Sprintf("bucket-%d", count.Add(1)), server.URL
		server.CreateBucket(o.Bucket, w.store)
		return sinktest.Harness{
			Open:  func(steps *sinktest.Steps, as driver.To) (driver.Driver, error) { return w.open(o, steps, as), nil },
			Read:  func() (map[string][]string, error) { return readAll(server, &o) },
			Codes: w.codes,
			Blind: w.blind,
		}
	}
}
