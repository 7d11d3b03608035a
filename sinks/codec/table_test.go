package codec_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

var origin = driver.Origin{Route: "r", Stream: "LOGS", Epoch: 3}

// unitOf makes a unit of entries from sequence 7 on, stored at noon.
func unitOf(e *codec.Encoding, raws ...string) *driver.Unit {
	units := []driver.Unit{{Origin: origin}}
	e.Label(units)
	for i, raw := range raws {
		at := time.Date(2026, 3, 1, 12, 0, i, 5000, time.UTC)
		units[0].Refs = append(units[0].Refs, driver.Ref{Seq: 7 + uint64(i), Index: int32(i % 2), Stored: at.UnixNano(), Raw: []byte(raw)})
	}
	return &units[0]
}

// columnsOf reads columns as the configuration writes them in JSON.
func columnsOf(t testing.TB, text string) codec.Columns {
	t.Helper()
	var c codec.Columns
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func store(t testing.TB, e *codec.Encoding, u *driver.Unit) []byte {
	t.Helper()
	var b bytes.Buffer
	receipt, err := e.Encode(t.Context(), &b, u)
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Receipt{Bytes: int64(b.Len()), CRC32C: crc32.Checksum(b.Bytes(), crc32.MakeTable(crc32.Castagnoli))}
	if receipt != want {
		t.Errorf("receipt %+v, want %+v", receipt, want)
	}
	return b.Bytes()
}

const full = `{"logName":"projects/p/logs/a","timestamp":"2026-03-01T11:30:00.123456789+01:00","severity":"error","insertId":"i\"1","resource":{"labels":{"zone":"z"},` + "\n" +
	`"type":"gce_instance"},"labels":{"a":"x,y"},"json_payload":{"n": 1.50},` + "\n" + ` "trace":"t","spanId":null,"traceSampled":true,"textPayload":"a\r\nb","http_request":{"status":200}}`

// rows are what a CSV file holds, by the names of its header.
func rows(t testing.TB, stored []byte) (all []map[string]string) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(stored)).ReadAll()
	if err != nil {
		t.Fatalf("%v in\n%s", err, stored)
	}
	for _, record := range records[1:] {
		row := make(map[string]string)
		for i, v := range record {
			if v != "" {
				row[records[0][i]] = v
			}
		}
		all = append(all, row)
	}
	return all
}

func TestCSVDefaultColumns(t *testing.T) {
	e := codec.NewEncoding(codec.FormatCSV, codec.None, nil)
	u := unitOf(e, full, `{}`, `{"timestamp":"then","severity":"odd","TraceSampled":1,"trace":5,"labels":[]}`)
	stored := store(t, e, u)
	header, _, _ := bytes.Cut(stored, []byte("\r\n"))
	if want := "timestamp,receiveTimestamp,logName,severity,insertId,resourceType,resourceLabels,labels,textPayload,jsonPayload,protoPayload,httpRequest," +
		"operation,sourceLocation,trace,spanId,traceSampled,_sluice_stream,_sluice_epoch,_sluice_seq,_sluice_index"; string(header) != want {
		t.Errorf("header %s, want %s", header, want)
	}
	want := []map[string]string{
		{"timestamp": "2026-03-01T10:30:00.123456789Z", "receiveTimestamp": "2026-03-01T12:00:00.000005Z", "logName": "projects/p/logs/a", "severity": "ERROR",
			"insertId": `i"1`, "resourceType": "gce_instance", "resourceLabels": `{"zone":"z"}`, "labels": `{"a":"x,y"}`, "jsonPayload": `{"n": 1.50}`, "trace": "t",
			"traceSampled": "true", "textPayload": "a\nb", "httpRequest": `{"status":200}`,
			"_sluice_stream": "LOGS", "_sluice_epoch": "3", "_sluice_seq": "7", "_sluice_index": "0"},
		{"timestamp": "2026-03-01T12:00:01.000005Z", "receiveTimestamp": "2026-03-01T12:00:01.000005Z", "insertId": "LOGS-8-1",
			"_sluice_stream": "LOGS", "_sluice_epoch": "3", "_sluice_seq": "8", "_sluice_index": "1"},
		{"timestamp": "then", "receiveTimestamp": "2026-03-01T12:00:02.000005Z", "severity": "odd", "traceSampled": "1", "trace": "5", "labels": "[]", "insertId": "LOGS-9-0",
			"_sluice_stream": "LOGS", "_sluice_epoch": "3", "_sluice_seq": "9", "_sluice_index": "0"},
	}
	if diff := cmp.Diff(want, rows(t, stored)); diff != "" { // encoding/csv reads CR LF in quotes as LF
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestCSVColumns also shows the very bytes: nothing for nothing, quotes where RFC 4180 wants them.
func TestCSVColumns(t *testing.T) {
	for columns, want := range map[string]string{
		`["severity",{"who":"protoPayload.authenticationInfo.principalEmail"},"textPayload","resource.type"]`: "severity,who,textPayload,resource.type\r\n" +
			"ERROR,,\"a\r\nb\",gce_instance\r\n,ben,\"\",\r\nINFO,\"a \"\"b\"\", c\",\" x\",\r\n",
		`[{"n":"jsonPayload[\"n\"]"},{"a":"labels.a.b"},{"auth":"protoPayload.authenticationInfo"},{"mail":"protoPayload.authenticationInfo.principalEmail"}]`: "n,a,auth,mail\r\n" +
			"1.50,,,\r\n,,\"{\"\"principalEmail\"\":\"\"ben\"\"}\",ben\r\n,,\"{\"\"principalEmail\"\":\"\"a \\\"\"b\\\"\", c\"\"}\",\"a \"\"b\"\", c\"\r\n",
		`["trace"]`: "trace\r\nt\r\n\"\"\r\n\"\"\r\n",
		`[{"a":"httpRequest.status / 2"},{"b":"receiveTimestamp - timestamp"},{"c":"httpRequest.status > 5"},{"d":"protoPayload"},{"e":"int(labels.a)"}]`: "a,b,c,d,e\r\n" +
			"100,5399.876548211s,true,,\r\n0,0s,false,\"{\"\"authenticationInfo\"\":{\"\"principalEmail\"\":\"\"ben\"\"}}\",\r\n" +
			"0,0s,false,\"{\"\"authenticationInfo\"\":{\"\"principalEmail\"\":\"\"a \\\"\"b\\\"\", c\"\"}}\",\r\n",
		`["entry"]`: "entry\r\n" + quoted(strings.ReplaceAll(full, "\n", " ")) + "\r\n" + quoted(second) + "\r\n" + quoted(third) + "\r\n",
	} {
		e := codec.NewEncoding(codec.FormatCSV, codec.None, columnsOf(t, columns))
		if diff := cmp.Diff(want, string(store(t, e, unitOf(e, full, second, third)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", columns, diff)
		}
	}
}

const (
	second = `{"textPayload":"","protoPayload":{"authenticationInfo":{"principalEmail":"ben"}}}`
	third  = `{"severity":200,"textPayload":" x","protoPayload":{"authenticationInfo":{"principalEmail":"a \"b\", c"}}}`
)

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// FuzzCSV: what a cell holds, encoding/csv reads back, and the file is found equal to itself and to no other.
func FuzzCSV(f *testing.F) {
	for _, text := range []string{"", "a", `"`, `""`, ",", " a", "a ", "\n", "\r", "a\r\nb", "\x00\xff", "ü", `\`, "#", "=1+1", `\.`} {
		f.Add(text, "x")
		f.Add("y", text)
	}
	columns := columnsOf(f, `["textPayload","trace"]`)
	f.Fuzz(func(t *testing.T, a, b string) {
		raw := func(a, b string) string {
			text, err := json.Marshal(map[string]string{"textPayload": a, "trace": b})
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		e := codec.NewEncoding(codec.FormatCSV, codec.None, columns)
		u := unitOf(e, raw(a, b), raw(b, a))
		stored := store(t, e, u)
		got, err := csv.NewReader(bytes.NewReader(stored)).ReadAll()
		if err != nil {
			t.Fatalf("%v in\n%q", err, stored)
		}
		plain := func(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n") }
		want := [][]string{{"textPayload", "trace"}, {plain(a), plain(b)}, {plain(b), plain(a)}}
		if len(a)+len(b) > 0 && cmp.Diff(want, got) != "" && fmt.Sprint(replaced(want)) != fmt.Sprint(replaced(got)) {
			t.Errorf("%q gives %q, want %q", stored, got, want)
		}
		if _, equal, err := e.Compare(t.Context(), bytes.NewReader(stored), u); !equal || err != nil {
			t.Errorf("not equal to itself: %v", err)
		}
		if _, equal, err := e.Compare(t.Context(), bytes.NewReader(append(stored, 'x')), u); equal || err != nil {
			t.Errorf("equal to more: %v", err)
		}
	})
}

// replaced makes each run of replacement characters one: encoding/json writes one for each byte that is not UTF-8.
func replaced(records [][]string) [][]string {
	for _, r := range records {
		for i := range r {
			for strings.Contains(r[i], "\ufffd\ufffd") {
				r[i] = strings.ReplaceAll(r[i], "\ufffd\ufffd", "\ufffd")
			}
		}
	}
	return records
}

func TestParquet(t *testing.T) {
	columns := columnsOf(t, `["timestamp","severity","jsonPayload","traceSampled","_sluice_seq",{"actor":"protoPayload.authenticationInfo.principalEmail"},
		{"half":"httpRequest.status / 2"},{"status":"httpRequest.status"},{"bad":"httpRequest.status >= 500"},{"age":"receiveTimestamp - timestamp"},{"seen":"receiveTimestamp"}]`)
	type row struct {
		Timestamp    *time.Time `parquet:"timestamp,optional,timestamp(microsecond)"`
		Severity     *string    `parquet:"severity,optional"`
		JSONPayload  *string    `parquet:"jsonPayload,optional"`
		TraceSampled *bool      `parquet:"traceSampled,optional"`
		Seq          int64      `parquet:"_sluice_seq"`
		Actor        *string    `parquet:"actor,optional"`
		Half         *float64   `parquet:"half,optional"`
		Status       *int64     `parquet:"status,optional"`
		Bad          *bool      `parquet:"bad,optional"`
		Age          *string    `parquet:"age,optional"`
		Seen         *time.Time `parquet:"seen,optional,timestamp(microsecond)"`
	}
	at := func(s string) *time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return &v
	}
	want := []row{
		{at("2026-03-01T10:30:00.123456Z"), new("ERROR"), new(`{"n": 1.50}`), new(true), 7, nil, new(100.0), new(int64(200)), new(false), new("5399.876548211s"), at("2026-03-01T12:00:00.000005Z")},
		{at("2026-03-01T12:00:01.000005Z"), nil, nil, nil, 8, new("ben"), new(0.0), nil, new(false), new("0s"), at("2026-03-01T12:00:01.000005Z")},
		{nil, nil, nil, nil, 9, nil, new(0.0), nil, new(false), nil, at("2026-03-01T12:00:02.000005Z")},
	}
	for _, c := range []codec.Compression{codec.None, codec.Gzip, codec.Zstd} {
		e := codec.NewEncoding(codec.FormatParquet, c, columns)
		u := unitOf(e, full, second, `{"timestamp":"then"}`)
		stored := store(t, e, u)
		got, err := parquet.Read[row](bytes.NewReader(stored), int64(len(stored)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", c, diff)
		}
		file, err := parquet.OpenFile(bytes.NewReader(stored), int64(len(stored)))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range file.Schema().Fields() {
			names = append(names, f.Name())
		}
		if diff := cmp.Diff([]string{"timestamp", "severity", "jsonPayload", "traceSampled", "_sluice_seq", "actor", "half", "status", "bad", "age", "seen"}, names); diff != "" {
			t.Errorf("%s: columns (-want +got):\n%s", c, diff)
		}
	}
}

// TestParquetRowGroups: a large unit is several row groups, so that what is gathered in memory is bounded.
func TestParquetRowGroups(t *testing.T) {
	e := codec.NewEncoding(codec.FormatParquet, codec.Zstd, nil)
	raws := make([]string, 3000)
	for i := range raws {
		raws[i] = fmt.Sprintf(`{"insertId":"%d","textPayload":"%s"}`, i, strings.Repeat(fmt.Sprint(i), 2000))
	}
	stored := store(t, e, unitOf(e, raws...))
	file, err := parquet.OpenFile(bytes.NewReader(stored), int64(len(stored)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(file.RowGroups()); n < 2 || file.NumRows() != 3000 {
		t.Errorf("%d row groups of %d rows", n, file.NumRows())
	}
}

// tables are encodings of all kinds.
func tables(t testing.TB) map[string]*codec.Encoding {
	all := make(map[string]*codec.Encoding)
	for _, f := range []codec.Format{codec.FormatJSON, codec.FormatCSV, codec.FormatParquet} {
		for _, c := range []codec.Compression{codec.None, codec.Gzip, codec.Zstd} {
			var columns codec.Columns
			if f != codec.FormatJSON {
				columns = columnsOf(t, `["*","entry",{"n":"protoPayload.methodName"}]`)
			}
			all[string(f.Codec(c))] = codec.NewEncoding(f, c, columns)
		}
	}
	return all
}

// TestEqualEntriesGiveEqualBytes, in any goroutine, and are found equal; any change of the entries or of the bytes is not.
func TestTablesCompare(t *testing.T) {
	for name, e := range tables(t) {
		u := unitOf(e)
		u.Refs = many(3000)
		stored := store(t, e, u)
		if again := store(t, e, u); !bytes.Equal(stored, again) {
			t.Errorf("%s: equal entries give other bytes", name)
		}
		receipt, equal, err := e.Compare(t.Context(), bytes.NewReader(stored), u)
		if !equal || err != nil || receipt.Bytes != int64(len(stored)) || !receipt.Existed || receipt.CRC32C != crc32.Checksum(stored, crc32.MakeTable(crc32.Castagnoli)) {
			t.Errorf("%s: %+v, %v, %v", name, receipt, equal, err)
		}
		for change, other := range map[string][]driver.Ref{
			"one less": u.Refs[:2999], "none": nil, "another order": append([]driver.Ref{u.Refs[1], u.Refs[0]}, u.Refs[2:]...),
			"one more": append(u.Refs[:3000:3000], u.Refs[0]), "one byte": append(u.Refs[:2999:2999], driver.Ref{Seq: 3000, Raw: bytes.Replace(u.Refs[2999].Raw, []byte("NOTICE"), []byte("NOTIFY"), 1)}),
		} {
			o := *u
			o.Refs = other
			if _, equal, err := e.Compare(t.Context(), bytes.NewReader(stored), &o); equal || err != nil {
				t.Errorf("%s: %s: %v, %v", name, change, equal, err)
			}
		}
		for cut := 0; cut < len(stored); cut += 1 + len(stored)/23 {
			if _, equal, err := e.Compare(t.Context(), bytes.NewReader(stored[:cut]), u); equal || err != nil {
				t.Errorf("%s: cut at %d: %v, %v", name, cut, equal, err)
			}
		}
		failed := errors.New("unreadable")
		if _, _, err := e.Compare(t.Context(), io.MultiReader(bytes.NewReader(stored[:len(stored)/2]), failing{failed}), u); !errors.Is(err, failed) {
			t.Errorf("%s: a read error gives %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestNamesOfCodecs(t *testing.T) {
	got := make(map[string][2]string)
	for name, e := range tables(t) {
		got[name] = [2]string{e.Extension(), codec.Codec(name).ContentType()}
	}
	want := map[string][2]string{
		"json": {"json", "application/x-ndjson"}, "json.gz": {"json.gz", "application/gzip"}, "json.zst": {"json.zst", "application/zstd"},
		"csv@1": {"csv", "text/csv"}, "csv.gz@1": {"csv.gz", "application/gzip"}, "csv.zst@1": {"csv.zst", "application/zstd"},
		"parquet@1": {"parquet", "application/vnd.apache.parquet"}, "parquet.gz@1": {"parquet", "application/vnd.apache.parquet"}, "parquet.zst@1": {"parquet", "application/vnd.apache.parquet"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOtherUnits: what this encoding cannot write is refused; manifests and dead letters are always JSON lines.
func TestOtherUnits(t *testing.T) {
	one, other := codec.NewEncoding(codec.FormatCSV, codec.None, columnsOf(t, `["trace"]`)), codec.NewEncoding(codec.FormatCSV, codec.None, columnsOf(t, `[{"trace":"spanId"}]`))
	u := unitOf(one, `{}`)
	for name, e := range map[string]*codec.Encoding{"other columns": other, "no table": codec.NewEncoding("", codec.None, nil)} {
		if _, err := e.Encode(t.Context(), io.Discard, u); driver.CodeOf(err) != driver.Misconfigured {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := e.Compare(t.Context(), strings.NewReader("trace\r\n"), u); driver.CodeOf(err) != driver.Misconfigured {
			t.Errorf("%s: compare: %v", name, err)
		}
	}
	if _, err := codec.NewEncoding(codec.FormatCSV, codec.None, columnsOf(t, `["nothing"]`)).Encode(t.Context(), io.Discard, u); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("columns that do not compile: %v", err)
	}
	u.Codec = "csv@2"
	var unknown codec.UnknownError
	if _, err := one.Encode(t.Context(), io.Discard, u); !errors.As(err, &unknown) || unknown.Codec != "csv@2" {
		t.Errorf("a newer version: %v", err)
	}
	u.Codec, u.Columns = "json", ""
	if got := string(store(t, one, u)); got != "{}\n" {
		t.Errorf("JSON lines: %q", got)
	}
}

func TestColumnsProblems(t *testing.T) {
	for _, c := range []struct {
		format  codec.Format
		columns string
		want    string
	}{
		{"", "", ""}, {"json", `["trace"]`, "columns: have no meaning for JSON lines"}, {"xml", "", `format: unknown format "xml"`},
		{"csv", `["*",{"a":"labels.a"},"labels.b","entry","resource"]`, ""},
		{"parquet", `["*",{"a":"labels.a"}]`, ""}, {"parquet", `{"a":"labels.a","b":"labels.b"}`, ""},
		{"parquet", `["labels.a"]`, `columns[0]: "labels.a" is a name that not every reader of Parquet takes`},
		{"csv", `["trace",{"trace":"spanId"}]`, `columns[1]: a second column "trace"`},
		{"csv", `{"severity":"labels.x"}`, `columns[1]: a second column "severity"`},
		{"csv", `[{"a":"protoPaylod.x"}]`, "columns[0]: line 1, column 1: unknown name protoPaylod"},
		{"csv", `[{"":"trace"}]`, `columns[0]: "" is no column's name`},
	} {
		got := ""
		for _, p := range codec.Problems(c.format, codec.None, columnsOf(t, c.columns)) {
			got += p.Path + ": " + p.Message
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.format, c.columns, got, c.want)
		}
	}
	for _, text := range []string{`5`, `[5]`, `[{"a":"b","c":"d"}]`, `[{"a":5}]`, `{"a":5}`} {
		var c codec.Columns
		if err := json.Unmarshal([]byte(text), &c); err == nil {
			t.Errorf("%s was read as %v", text, c)
		}
	}
}

// TestColumnsAreOneInJSON: what is recorded gives the same columns, in their order.
func TestColumnsAreOneInJSON(t *testing.T) {
	for text, want := range map[string]string{
		`["trace",{"b":"labels.b"},{"a":"labels.a"},"*"]`: `["trace",{"b":"labels.b"},{"a":"labels.a"},"*"]`,
		`{"b":"labels.b","a":"labels.a"}`:                 `["*",{"a":"labels.a"},{"b":"labels.b"}]`,
		`[]`:                                              `[]`,
	} {
		got, err := json.Marshal(columnsOf(t, text))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
		again, err := json.Marshal(columnsOf(t, string(got)))
		if err != nil || string(again) != want {
			t.Errorf("%s again: %s, %v", text, again, err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, e := range tables(b) {
		for _, n := range []int{1, 50_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				u := unitOf(e)
				u.Refs = many(n)
				size := 0
				for _, ref := range u.Refs {
					size += len(ref.Raw)
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				used := cpu(b)
				for b.Loop() {
					if _, err := e.Encode(b.Context(), io.Discard, u); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((cpu(b)-used).Seconds()/float64(b.N*n)*1e6, "cpu-s/M")
			})
		}
	}
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
