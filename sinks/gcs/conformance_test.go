package gcs

import (
	"net/http"
	"testing"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
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
