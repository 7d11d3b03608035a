package bigquery

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"sluice/exprs"
	"sluice/logentry"
	"sluice/sinks/driver"
)

// nativeVersion names the columns of entries below, as plans carry it: a plan is redone with those that it was made with, so
// another version is another name and another list.
const nativeVersion = "native1"

// entryColumns are LogEntry's own fields, typed; what users fill is JSON, which never conflicts. Durations are in seconds.
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry
var entryColumns = []column{
	{name: "timestamp", kind: instant}, {name: "receiveTimestamp", kind: instant}, {name: "logName"}, {name: "severity", kind: level},
	{name: "insertId"},
	{name: "resource", kind: record, fields: []column{{name: "type"}, {name: "labels", kind: document}}},
	{name: "labels", kind: document}, {name: "textPayload"}, {name: "jsonPayload", kind: document}, {name: "protoPayload", kind: document},
	{name: "httpRequest", kind: record, fields: []column{
		{name: "requestMethod"}, {name: "requestUrl"}, {name: "requestSize", kind: integer}, {name: "status", kind: integer},
		{name: "responseSize", kind: integer}, {name: "userAgent"}, {name: "remoteIp"}, {name: "serverIp"}, {name: "referer"},
		{name: "latency", kind: seconds}, {name: "cacheLookup", kind: truth}, {name: "cacheHit", kind: truth},
		{name: "cacheValidatedWithOriginServer", kind: truth}, {name: "cacheFillBytes", kind: integer}, {name: "protocol"},
	}},
	{name: "operation", kind: record, fields: []column{{name: "id"}, {name: "producer"}, {name: "first", kind: truth}, {name: "last", kind: truth}}},
	{name: "trace"}, {name: "spanId"}, {name: "traceSampled", kind: truth},
	{name: "sourceLocation", kind: record, fields: []column{{name: "file"}, {name: "line", kind: integer}, {name: "function"}}},
	{name: "split", kind: record, fields: []column{{name: "uid"}, {name: "index", kind: integer}, {name: "totalSplits", kind: integer}}},
	{name: "metadata", kind: document}, {name: "errorGroups", kind: document},
	{name: "apphub", kind: document}, {name: "apphubDestination", kind: document}, {name: "apphubSource", kind: document},
}

// ownColumns are those that Sluice adds: what no column takes, and the entry's position, which with the route is its identity.
var ownColumns = []column{
	{name: "_sluice_extra", kind: document},
	{name: "_sluice_stream"}, {name: "_sluice_epoch", kind: integer}, {name: "_sluice_seq", kind: integer}, {name: "_sluice_index", kind: integer},
}

// expression is a column of the user's.
type expression struct {
	name  string
	value *exprs.Column
	kind  kind
}

// compileAll compiles the user's columns, in the order of their names.
func compileAll(columns map[string]Column) ([]expression, error) {
	var all []expression
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		value, k, err := columns[name].compile()
		if err != nil {
			return nil, fmt.Errorf("columns.%s: %w", name, err)
		}
		all = append(all, expression{name, value, k})
	}
	return all, nil
}

// derivedFields are those that logentry may have to derive, and those that expressions want of it.
func derivedFields(user []expression) *logentry.Fields {
	paths := []logentry.Path{logentry.PathTimestamp, logentry.PathReceiveTimestamp, logentry.PathInsertID, logentry.PathLogName}
	for _, u := range user {
		paths = append(paths, u.value.Fields()...)
	}
	return logentry.NewFields(paths...)
}

// native makes rows of entries by typed columns.
type native struct {
	columns []column
	user    []expression
	fields  *logentry.Fields
	top     *index
}

// newNative takes the columns of an entry, of which the first five are those of entryColumns, and the user's.
func newNative(typed []column, user []expression) *native {
	n := &native{user: user, fields: derivedFields(user), top: newIndex(typed)}
	n.columns = slices.Concat(typed, ownColumns)
	for _, u := range user {
		n.columns = append(n.columns, column{name: u.name, kind: u.kind})
	}
	return n
}

// index finds columns by the keys of an entry. LogEntry's fields may be spelt in snake case; an exact spelling comes first.
type index struct {
	columns []column
	exact   map[string]int
	folded  map[string]int
	inner   map[int]*index
}

func newIndex(columns []column) *index {
	x := &index{columns: columns, exact: make(map[string]int), folded: make(map[string]int), inner: make(map[int]*index)}
	for i, c := range columns {
		x.exact[c.name], x.folded[strings.ToLower(c.name)] = i, i
		if c.kind == record {
			x.inner[i] = newIndex(c.fields)
		}
	}
	return x
}

// find gives the column of a key, -1 for none.
func (x *index) find(key []byte) (i int, exact bool) {
	if i, ok := x.exact[string(key)]; ok {
		return i, true
	}
	if i, ok := x.folded[strings.ToLower(strings.ReplaceAll(string(unquotedKey(key)), "_", ""))]; ok {
		return i, false
	}
	return -1, false
}

// unquotedKey undoes the escapes of a key.
func unquotedKey(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key
	}
	return logentry.Value{Kind: logentry.String, Escaped: true, Text: key}.AppendText(nil)
}

// rowMaker makes rows, one after another, of the entries of one batch.
type rowMaker struct {
	*native
	stream string
	epoch  uint32
	entry  logentry.Entry
	extra  []byte

	other func(key, value []byte) bool // takes members of the entry that have no typed column; may be nil
}

func (n *native) rows(stream string, epoch uint32) rows {
	return &rowMaker{native: n, stream: stream, epoch: epoch}
}

// loosest are limits that any configuration keeps.
var loosest = logentry.Limits{Entry: 64 << 20, Depth: 1000}

// append appends the entry's row. The error is why no row can be made of it.
func (m *rowMaker) append(dst []byte, ref *driver.Ref) ([]byte, error) {
	dst, err := m.begin(dst, ref)
	if err != nil {
		return dst, err
	}
	return m.finish(dst, ref)
}

// begin appends the typed columns.
func (m *rowMaker) begin(dst []byte, ref *driver.Ref) ([]byte, error) {
	e := &m.entry
	e.Raw, e.Stream, e.Seq, e.Index, e.Stored = ref.Raw, m.stream, ref.Seq, int(ref.Index), time.Unix(0, ref.Stored).UTC()
	if defect := m.fields.Extract(e, loosest); defect != nil {
		return dst, defect
	}
	m.extra = m.extra[:0]
	dst, err := m.message(dst, m.top, ref.Raw, "")
	if err != nil {
		return dst, err
	}
	return m.derived(dst)
}

// finish appends what is left over, the position and the user's columns.
func (m *rowMaker) finish(dst []byte, ref *driver.Ref) ([]byte, error) {
	n := protowire.Number(len(m.top.columns) + 1)
	if len(m.extra) > 0 {
		dst = appendBytes(dst, n, append(m.extra, '}'))
	}
	dst = m.position(dst, n+1, ref)
	return appendUser(dst, n+5, m.user, &m.entry)
}

func (m *rowMaker) position(dst []byte, n protowire.Number, ref *driver.Ref) []byte {
	dst = appendBytes(dst, n, m.stream)
	dst = appendInteger(dst, n+1, int64(m.epoch))
	dst = appendInteger(dst, n+2, int64(ref.Seq))
	return appendInteger(dst, n+3, int64(ref.Index))
}

// appendUser appends the user's columns, the first of which has the number n.
func appendUser(dst []byte, n protowire.Number, user []expression, e *logentry.Entry) ([]byte, error) {
	for i := range user {
		v, err := user[i].value.Eval(e)
		if err == nil {
			dst, err = appendResult(dst, n+protowire.Number(i), user[i].kind, v)
		}
		if err != nil {
			return dst, &columnError{fmt.Errorf("columns.%s: %w", user[i].name, err)}
		}
	}
	return dst, nil
}

// message appends the members of an object that have columns, and puts the others aside.
func (m *rowMaker) message(dst []byte, x *index, raw []byte, path string) ([]byte, error) {
	var values [32]struct {
		raw   []byte
		exact bool
	}
	members(raw, func(key, value []byte) {
		i, exact := x.find(key)
		if i < 0 {
			if path != "" || m.other == nil || !m.other(key, value) {
				m.aside(path, key, value)
			}
			return
		}
		if v := &values[i]; v.raw == nil || exact && !v.exact {
			v.raw, v.exact = value, exact
		}
	})
	for i := range x.columns {
		v := values[i].raw
		if v == nil {
			continue
		}
		c, n := &x.columns[i], protowire.Number(i+1)
		var err error
		switch {
		case c.kind != record:
			dst, err = appendValue(dst, n, c.kind, v)
		case v[0] == 'n':
		case v[0] != '{':
			err = misfit(v, "an object")
		default:
			dst, err = appendMessage(dst, n, func(dst []byte) ([]byte, error) { return m.message(dst, x.inner[i], v, path+c.name+".") })
			if err != nil {
				return dst, err
			}
		}
		if err != nil {
			return dst, fmt.Errorf("%s%s: %w", path, c.name, err)
		}
	}
	return dst, nil
}

// aside keeps a member that has no column, under its path.
func (m *rowMaker) aside(path string, key, value []byte) {
	sep := byte(',')
	if len(m.extra) == 0 {
		sep = '{'
	}
	m.extra = append(m.extra, sep, '"')
	m.extra = append(m.extra, path...)
	m.extra = append(m.extra, key...)
	m.extra = append(m.extra, '"', ':')
	m.extra = append(m.extra, value...)
}

// derived appends what the entry lacks and its position gives.
func (m *rowMaker) derived(dst []byte) ([]byte, error) {
	var err error
	for i, path := range [...]logentry.Path{logentry.PathTimestamp, logentry.PathReceiveTimestamp} {
		if v := m.entry.Get(path); v.Derived {
			if dst, err = appendTime(dst, protowire.Number(i+1), v.Text); err != nil {
				return dst, fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	if v := m.entry.Get(logentry.PathInsertID); v.Derived {
		dst = appendBytes(dst, 5, v.Text)
	}
	return dst, nil
}
