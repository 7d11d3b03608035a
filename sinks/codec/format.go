package codec

import (
	"fmt"
	"strings"

	"sluice/sinks/driver"
)

// Format is the configuration's word for what an object holds. Its zero value is JSON lines.
type Format string

// The formats.
const (
	FormatJSON    Format = "json"    // an entry a line, as it came
	FormatCSV     Format = "csv"     // RFC 4180, with a header
	FormatParquet Format = "parquet" // with typed columns
)

// Codec is how the entries of a unit become bytes: driver.Unit.Codec. That of a table ends in the version of its encoding, which
// another version of the program must keep, for it may have to redo a unit: "csv.gz@1".
type Codec string

// The codecs of JSON lines.
const (
	JSON     Codec = "json"
	JSONGzip Codec = "json.gz"
	JSONZstd Codec = "json.zst"
)

// version is that of the tables' encoding. A change of one byte in a CSV file, or of one cell in a Parquet file, is another version.
const version = "@1"

// Codec gives the codec of a format with a valid compression. A Parquet file is compressed column by column.
func (f Format) Codec(c Compression) Codec {
	ending := map[Compression]string{Gzip: ".gz", Zstd: ".zst"}[c]
	switch f {
	case FormatCSV, FormatParquet:
		return Codec(string(f) + ending + version)
	}
	return Codec("json" + ending)
}

// parts are what a codec says of itself; an UnknownError for one that this version does not have.
func (c Codec) parts() (f Format, compression Compression, err error) {
	for _, f := range []Format{FormatJSON, FormatCSV, FormatParquet} {
		for _, compression := range []Compression{None, Gzip, Zstd} {
			if f.Codec(compression) == c {
				return f, compression, nil
			}
		}
	}
	return "", "", UnknownError{c}
}

// Extension is what names of such objects end in, without its dot.
func (c Codec) Extension() string {
	name, _, _ := strings.Cut(string(c), "@")
	if strings.HasPrefix(name, string(FormatParquet)) {
		return string(FormatParquet)
	}
	return name
}

// ContentType is the media type of such objects. It never makes a service decode what it stores, as a content encoding would.
func (c Codec) ContentType() string {
	f, compression, err := c.parts()
	switch {
	case err != nil:
		return "application/octet-stream"
	case f == FormatParquet:
		return "application/vnd.apache.parquet"
	case compression == Gzip:
		return "application/gzip"
	case compression == Zstd:
		return "application/zstd"
	case f == FormatCSV:
		return "text/csv"
	}
	return "application/x-ndjson"
}

// Problems says what is wrong with a format, a compression and columns, for a sink's Validate.
func Problems(f Format, c Compression, columns Columns) []driver.Problem {
	problems := c.Problems()
	switch f {
	case "", FormatJSON:
		if len(columns) > 0 {
			return append(problems, driver.Problem{Path: "columns", Message: "have no meaning for JSON lines", Hint: "write format: csv or format: parquet"})
		}
		return problems
	case FormatCSV, FormatParquet:
		return append(problems, columns.problems(f)...)
	}
	return append(problems, driver.Problem{Path: "format", Message: fmt.Sprintf("unknown format %q", string(f)), Hint: "one of json, csv, parquet"})
}
