package bigquery

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"sluice/logentry"
	"sluice/sinks/driver"
)

// typedColumns are LogEntry's own fields whose type does not depend on the entry, in schema cloud-logging; the others follow what
// entries hold.
var typedColumns = slices.DeleteFunc(slices.Clone(entryColumns), func(c column) bool { return c.kind == document || c.name == "resource" })

// openFields are the others: whether their keys are defined by LogEntry, or its users' own.
var openFields = map[string]bool{
	"resource": true, "labels": false, "jsonPayload": false, "protoPayload": true, "metadata": true, "errorGroups": true,
	"apphub": true, "apphubDestination": true, "apphubSource": true,
}

// openIndex finds their keys, in any spelling.
var openIndex = func() *index {
	var columns []column
	for _, c := range entryColumns {
		if _, open := openFields[c.name]; open {
			columns = append(columns, column{name: c.name})
		}
	}
	return newIndex(columns)
}()

// loggingRows makes rows in schema cloud-logging, by the columns that a table has beside the typed ones.
type loggingRows struct {
	rowMaker
	columns *index
	first   protowire.Number // of them

	fields []field // of the last entry
	failed error
}

func newLoggingRows(n *native, stream string, epoch uint32, columns []column) *loggingRows {
	r := &loggingRows{rowMaker: rowMaker{native: n, stream: stream, epoch: epoch}, columns: newIndex(columns), first: protowire.Number(len(n.columns) + 1)}
	r.other = r.open
	return r
}

// append appends the entry's row. A *conflictError says that the columns do not take it.
func (r *loggingRows) append(dst []byte, ref *driver.Ref) ([]byte, error) {
	r.fields, r.failed = r.fields[:0], nil
	dst, err := r.begin(dst, ref)
	if err == nil {
		err = r.failed
	}
	if err != nil {
		return dst, err
	}
	s := &shaper{aside: r.aside}
	if dst, err = s.place(dst, r.first, r.columns, r.fields, ""); err != nil {
		return dst, err
	}
	return r.finish(dst, ref)
}

// open takes a member whose columns follow what it holds.
func (r *loggingRows) open(key, value []byte) bool {
	i, _ := openIndex.find(key)
	if i < 0 {
		return false
	}
	name := openIndex.columns[i].name
	defined, f, s := openFields[name], field{name: name}, &shaper{aside: r.aside}
	if value[0] == '{' && (name == "jsonPayload" || name == "protoPayload") {
		kind := typeIn(value)
		f.name = payloadName(name, kind)
		s.audit = kind == "google.cloud.audit.AuditLog"
		defined = s.audit
	}
	path := name + "."
	if s.audit {
		path = "" // the names of an AuditLog are known from its top
	}
	f, ok, err := s.value(f, path, value, defined)
	if err != nil && r.failed == nil {
		r.failed = err
	}
	if ok && err == nil {
		if has(r.fields, f.name) {
			return false
		}
		r.fields = append(r.fields, f)
	}
	return true
}

// errorColumns are those of the table of errors, as Google's sinks make it, and the entry's position.
var errorColumns = slices.Concat([]column{
	{name: "timestamp", kind: instant}, {name: "receiveTimestamp", kind: instant}, {name: "logName"}, {name: "severity", kind: level}, {name: "insertId"},
	{name: "logEntry"}, {name: "schemaErrorDetail"}, {name: "sink"}, {name: "trace"}, {name: "resourceType"},
}, ownColumns[1:])

// errorRows makes rows of entries that do not fit their tables.
type errorRows struct {
	route  string
	tables *loggingTables // says what does not fit
	entry  logentry.Entry
}

var errorFields = logentry.NewFields(logentry.PathTimestamp, logentry.PathReceiveTimestamp, logentry.PathLogName, logentry.PathSeverity,
	logentry.PathInsertID, logentry.Field("trace"), logentry.Field("resource", "type"))

func (r *errorRows) append(dst []byte, ref *driver.Ref) ([]byte, error) {
	_, _, why := r.tables.row(nil, ref)
	if why == nil {
		return dst, errors.New("it fits its table")
	}
	e := &r.entry
	e.Raw, e.Stream, e.Seq, e.Index, e.Stored = ref.Raw, r.tables.stream, ref.Seq, int(ref.Index), time.Unix(0, ref.Stored).UTC()
	if defect := errorFields.Extract(e, loosest); defect != nil {
		return dst, defect
	}
	var err error
	for i, path := range []logentry.Path{logentry.PathTimestamp, logentry.PathReceiveTimestamp, logentry.PathLogName, logentry.PathSeverity, logentry.PathInsertID} {
		if v := e.Get(path); v.Kind == logentry.String && err == nil {
			c := errorColumns[i]
			if t := v.AppendText(nil); c.kind == instant {
				dst, err = appendTime(dst, protowire.Number(i+1), t)
			} else {
				dst = appendBytes(dst, protowire.Number(i+1), t)
			}
		}
	}
	dst = appendBytes(dst, 6, ref.Raw)
	dst = appendBytes(dst, 7, why.Error())
	dst = appendBytes(dst, 8, r.route)
	for i, path := range []logentry.Path{logentry.Field("trace"), logentry.Field("resource", "type")} {
		if v := e.Get(path); v.Kind == logentry.String {
			dst = appendBytes(dst, protowire.Number(9+i), v.AppendText(nil))
		}
	}
	m := rowMaker{stream: r.tables.stream, epoch: r.tables.epoch}
	return m.position(dst, 11, ref), err
}

// loggingTables are the tables of one batch, or of one unit, with the columns that they have beside the typed ones.
type loggingTables struct {
	driver  *Driver
	stream  string
	epoch   uint32
	columns map[string]string // by table, as text
	rows    map[string]*loggingRows
}

func (d *Driver) loggingTables(stream string, epoch uint32, columns map[string]string) *loggingTables {
	return &loggingTables{d, stream, epoch, columns, make(map[string]*loggingRows)}
}

// row appends the row of an entry in its table.
func (t *loggingTables) row(dst []byte, ref *driver.Ref) (row []byte, table string, err error) {
	table = t.driver.tableFor(t.stream, ref)
	rows, err := t.of(table)
	if err != nil {
		return dst, table, err
	}
	dst, err = rows.append(dst, ref)
	return dst, table, err
}

func (t *loggingTables) of(table string) (*loggingRows, error) {
	if r := t.rows[table]; r != nil {
		return r, nil
	}
	columns, err := readColumns(t.columns[table])
	if err != nil {
		return nil, fmt.Errorf("columns of table %s: %w", table, err)
	}
	t.rows[table] = newLoggingRows(t.driver.native, t.stream, t.epoch, columns)
	return t.rows[table], nil
}

// tableFor gives an entry's table.
func (d *Driver) tableFor(stream string, ref *driver.Ref) string {
	e := logentry.Entry{Raw: ref.Raw, Stream: stream, Seq: ref.Seq, Index: int(ref.Index), Stored: time.Unix(0, ref.Stored).UTC()}
	if keyFields.Extract(&e, loosest) != nil {
		return namelessID
	}
	return string(d.Key(nil, &e))
}

var keyFields = logentry.NewFields(logentry.PathLogName, logentry.PathTimestamp)

// loggingKey appends the table of an entry.
func (d *Driver) loggingKey(dst []byte, e *logentry.Entry) []byte {
	dst = append(dst, tableName(string(e.Get(logentry.PathLogName).AppendText(nil)))...)
	if !d.options.UsePartitionedTables {
		dst = append(dst, shardOf(string(e.Get(logentry.PathTimestamp).AppendText(nil)))...)
	}
	return dst
}

// errorTable is the table of errors of the day.
func (d *Driver) errorTable(table string) string {
	if d.options.UsePartitionedTables {
		return errorTable
	}
	return errorTable + table[strings.LastIndexByte(table, '_'):]
}

// isErrorTable says whether a table is one of errors.
func isErrorTable(table string) bool { return strings.HasPrefix(table, errorTable) }

// unitColumns are what a unit of schema cloud-logging says of the columns that its rows are made with, by table: its own, or, of a
// table of errors, those that the entries do not fit.
func unitColumns(columns map[string]string) (string, error) {
	b, err := json.Marshal(columns)
	if err != nil {
		return "", fmt.Errorf("encode columns: %w", err)
	}
	return loggingVersion + "/" + string(b), nil
}

// loggingVersion is to schema cloud-logging what nativeVersion is to native.
const loggingVersion = "logging1"

func readUnitColumns(s string) (map[string]string, error) {
	text, ok := strings.CutPrefix(s, loggingVersion+"/")
	columns := make(map[string]string)
	if err := json.Unmarshal([]byte(text), &columns); err != nil || !ok {
		return nil, fmt.Errorf("columns of the unit: %w", errColumns)
	}
	return columns, nil
}
