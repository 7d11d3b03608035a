package codec

import (
	"bytes"
	"strconv"
	"time"

	"sluice/exprs"
	"sluice/logentry"
	"sluice/sinks/driver"
)

// cell is one value of a row. Its zero value is nothing: NULL.
type cell struct {
	kind  exprs.Type // exprs.Any: nothing
	text  []byte     // Text
	whole int64      // Integer
	float float64    // Double
	truth bool       // Truth
	at    time.Time  // Time
}

func textCell(text []byte) cell { return cell{kind: exprs.Text, text: text} }
func wholeCell(n int64) cell    { return cell{kind: exprs.Integer, whole: n} }

// builtin is a column that is not computed by an expression.
type builtin struct {
	name      string
	kind      exprs.Type
	byDefault bool
	required  bool // it is never nothing
	repeats   bool // its values are few
	cell      func(r *rowReader) cell
}

// builtins are the columns of LogEntry's own fields and of an entry's position, the default ones in their order. Payloads, labels
// and other messages are JSON as it stands in the entry.
var builtins = []builtin{
	{name: "timestamp", kind: exprs.Time, byDefault: true, cell: moment("timestamp")},
	{name: "receiveTimestamp", kind: exprs.Time, byDefault: true, cell: moment("receiveTimestamp")},
	{name: "logName", kind: exprs.Text, byDefault: true, repeats: true, cell: textOf("logName")},
	{name: "severity", kind: exprs.Text, byDefault: true, repeats: true, cell: severity},
	{name: "insertId", kind: exprs.Text, byDefault: true, cell: insertID},
	{name: "resourceType", kind: exprs.Text, byDefault: true, repeats: true, cell: resource("type", (*rowReader).text)},
	{name: "resourceLabels", kind: exprs.Text, byDefault: true, repeats: true, cell: resource("labels", (*rowReader).json)},
	{name: "labels", kind: exprs.Text, byDefault: true, cell: jsonOf("labels")},
	{name: "textPayload", kind: exprs.Text, byDefault: true, cell: textOf("textPayload")},
	{name: "jsonPayload", kind: exprs.Text, byDefault: true, cell: jsonOf("jsonPayload")},
	{name: "protoPayload", kind: exprs.Text, byDefault: true, cell: jsonOf("protoPayload")},
	{name: "httpRequest", kind: exprs.Text, byDefault: true, cell: jsonOf("httpRequest")},
	{name: "operation", kind: exprs.Text, byDefault: true, cell: jsonOf("operation")},
	{name: "sourceLocation", kind: exprs.Text, byDefault: true, cell: jsonOf("sourceLocation")},
	{name: "trace", kind: exprs.Text, byDefault: true, cell: textOf("trace")},
	{name: "spanId", kind: exprs.Text, byDefault: true, cell: textOf("spanId")},
	{name: "traceSampled", kind: exprs.Truth, byDefault: true, cell: traceSampled},
	{name: "_sluice_stream", kind: exprs.Text, byDefault: true, repeats: true, required: true, cell: func(r *rowReader) cell {
		return r.keep(func(dst []byte) []byte { return append(dst, r.entry.Stream...) })
	}},
	{name: "_sluice_epoch", kind: exprs.Integer, byDefault: true, required: true, cell: func(r *rowReader) cell { return wholeCell(int64(r.epoch)) }},
	{name: "_sluice_seq", kind: exprs.Integer, byDefault: true, required: true, cell: func(r *rowReader) cell { return wholeCell(int64(r.entry.Seq)) }},
	{name: "_sluice_index", kind: exprs.Integer, byDefault: true, required: true, cell: func(r *rowReader) cell { return wholeCell(int64(r.entry.Index)) }},
	{name: "entry", kind: exprs.Text, required: true, cell: func(r *rowReader) cell { return r.json(r.entry.Raw) }},
	{name: "resource", kind: exprs.Text, cell: jsonOf("resource")},
	{name: "metadata", kind: exprs.Text, cell: jsonOf("metadata")},
	{name: "split", kind: exprs.Text, cell: jsonOf("split")},
	{name: "errorGroups", kind: exprs.Text, cell: jsonOf("errorGroups")},
	{name: "apphub", kind: exprs.Text, cell: jsonOf("apphub")},
	{name: "apphubDestination", kind: exprs.Text, cell: jsonOf("apphubDestination")},
	{name: "apphubSource", kind: exprs.Text, cell: jsonOf("apphubSource")},
}

// fieldNames are the fields that builtins read, as they are and folded: their places among what a row finds.
var fieldNames = places("timestamp", "receiveTimestamp", "logName", "severity", "insertId", "resource", "labels", "textPayload", "jsonPayload",
	"protoPayload", "httpRequest", "operation", "sourceLocation", "trace", "spanId", "traceSampled", "metadata", "split", "errorGroups",
	"apphub", "apphubDestination", "apphubSource")

func places(names ...string) map[string]int {
	all := make(map[string]int)
	for place, name := range names {
		all[name], all[fold([]byte(name))] = place, place
	}
	return all
}

// rowReader makes the cells of one entry after another. One goroutine at a time.
type rowReader struct {
	entry  logentry.Entry
	fields *logentry.Fields // that expressions want; nil: none
	epoch  uint32
	found  [][]byte // by place: the member's value as written; nil: absent
	exact  []bool   // it has the field's own spelling
	cells  []cell
	memory []byte // of cells that are not a part of the entry
	visit  func(logentry.Value, []byte) bool
}

// loosest are the limits that any configuration keeps.
var loosest = logentry.Limits{Entry: 64 << 20, Depth: 1000}

func newRowReader(columns []column) *rowReader {
	r := &rowReader{found: make([][]byte, len(fieldNames)), exact: make([]bool, len(fieldNames)), cells: make([]cell, len(columns))}
	r.visit = r.meet
	var wanted []logentry.Path
	for i := range columns {
		if columns[i].expr != nil {
			wanted = append(wanted, columns[i].expr.Fields()...)
		}
	}
	if len(wanted) > 0 {
		r.fields = logentry.NewFields(wanted...)
	}
	return r
}

// row gives the cells of an entry, valid until the next call.
func (r *rowReader) row(columns []column, o *driver.Origin, ref *driver.Ref) []cell {
	e := &r.entry
	e.Raw, e.Stream, e.Seq, e.Index, e.Stored = ref.Raw, o.Stream, ref.Seq, int(ref.Index), time.Unix(0, ref.Stored).UTC()
	r.epoch = o.Epoch
	clear(r.found)
	r.memory = r.memory[:0]
	logentry.Members(ref.Raw, r.visit)
	readable := r.fields == nil || r.fields.Extract(e, loosest) == nil
	for i := range columns {
		c := &columns[i]
		switch {
		case c.builtin != nil:
			r.cells[i] = c.builtin.cell(r)
		case readable:
			r.cells[i] = r.compute(c)
		default:
			r.cells[i] = cell{}
		}
	}
	return r.cells
}

// meet takes a member of the entry.
func (r *rowReader) meet(key logentry.Value, value []byte) bool {
	name := key.Text
	if key.Escaped {
		name = key.AppendText(nil)
	}
	place, exact := fieldNames[string(name)]
	if !exact {
		var known bool
		if place, known = fieldNames[fold(name)]; !known {
			return true
		}
	}
	if r.found[place] == nil || exact && !r.exact[place] {
		r.found[place], r.exact[place] = value, exact
	}
	return true
}

// fold gives the text that all spellings of a field share: insert_id is insertId.
func fold(name []byte) string {
	return string(bytes.ToLower(bytes.ReplaceAll(name, []byte("_"), nil)))
}

// compute gives an expression's cell. What it cannot be computed of is nothing.
func (r *rowReader) compute(c *column) cell {
	if path := c.expr.Path(); path != nil {
		if place, known := fieldNames[path[0]]; known {
			return r.text(r.member(place, path[1:]))
		}
	}
	v, err := c.expr.Eval(&r.entry)
	if err != nil || v == nil {
		return cell{}
	}
	switch c.kind() {
	case exprs.Integer:
		return wholeCell(int64(v.(int)))
	case exprs.Double:
		return cell{kind: exprs.Double, float: v.(float64)}
	case exprs.Truth:
		return cell{kind: exprs.Truth, truth: v.(bool)}
	case exprs.Time:
		return cell{kind: exprs.Time, at: v.(time.Time)}
	}
	return r.keep(func(dst []byte) []byte { return exprs.AppendText(dst, v) })
}

// member is the value below a field that keys lead to, as it is written; nil when it is absent or null.
func (r *rowReader) member(place int, below []string) []byte {
	v := r.value(place)
	for _, name := range below {
		whole := v
		v = nil
		logentry.Members(whole, func(key logentry.Value, value []byte) bool {
			if key.Escaped && string(key.AppendText(nil)) != name || !key.Escaped && string(key.Text) != name {
				return true
			}
			v = value
			return false
		})
	}
	if string(v) == "null" {
		return nil
	}
	return v
}

// keep makes a cell of text that is not a part of the entry.
func (r *rowReader) keep(write func(dst []byte) []byte) cell {
	start := len(r.memory)
	r.memory = write(r.memory)
	return textCell(r.memory[start:len(r.memory):len(r.memory)])
}

// value is a field as written; nil when it is absent or null.
func (r *rowReader) value(place int) []byte {
	if v := r.found[place]; string(v) != "null" {
		return v
	}
	return nil
}

// text is a value as a cell of text: of a JSON string what it says, else as it is written.
func (r *rowReader) text(v []byte) cell {
	switch {
	case v == nil:
		return cell{}
	case v[0] != '"':
		return r.json(v)
	case bytes.IndexByte(v, '\\') < 0:
		return textCell(v[1 : len(v)-1])
	}
	s := logentry.Value{Kind: logentry.String, Escaped: true, Text: v[1 : len(v)-1]}
	return r.keep(s.AppendText)
}

// json is a value as it is written, its line feeds, which stand between tokens, made blanks.
func (r *rowReader) json(v []byte) cell {
	switch {
	case v == nil:
		return cell{}
	case bytes.IndexByte(v, '\n') < 0:
		return textCell(v)
	}
	return r.keep(func(dst []byte) []byte {
		start := len(dst)
		dst = append(dst, v...)
		for i := start; i < len(dst); i++ {
			if dst[i] == '\n' {
				dst[i] = ' '
			}
		}
		return dst
	})
}

func textOf(name string) func(r *rowReader) cell {
	return func(r *rowReader) cell { return r.text(r.value(fieldNames[name])) }
}

func jsonOf(name string) func(r *rowReader) cell {
	return func(r *rowReader) cell { return r.json(r.value(fieldNames[name])) }
}

// resource is a member of the monitored resource.
func resource(name string, as func(*rowReader, []byte) cell) func(r *rowReader) cell {
	return func(r *rowReader) (c cell) {
		logentry.Members(r.value(fieldNames["resource"]), func(key logentry.Value, v []byte) bool {
			if fold(key.Text) != name {
				return true
			}
			if string(v) != "null" {
				c = as(r, v)
			}
			return false
		})
		return c
	}
}

// moment is a time, else what stands there; where nothing does, when the entry was stored.
func moment(name string) func(r *rowReader) cell {
	return func(r *rowReader) cell {
		c := r.text(r.value(fieldNames[name]))
		if len(c.text) == 0 {
			return cell{kind: exprs.Time, at: r.entry.Stored}
		}
		if at, err := time.Parse(time.RFC3339Nano, string(c.text)); err == nil {
			return cell{kind: exprs.Time, at: at.UTC()}
		}
		return c
	}
}

// severity is a severity's name, else what stands there.
func severity(r *rowReader) cell {
	c := r.text(r.value(fieldNames["severity"]))
	if s, ok := logentry.ParseSeverity(string(c.text)); ok && c.kind == exprs.Text {
		return r.keep(func(dst []byte) []byte { return append(dst, s.String()...) })
	}
	return c
}

// insertID is derived from the entry's position where it has none.
func insertID(r *rowReader) cell {
	c := r.text(r.value(fieldNames["insertId"]))
	if len(c.text) > 0 {
		return c
	}
	return r.keep(func(dst []byte) []byte {
		dst = append(append(dst, r.entry.Stream...), '-')
		dst = append(strconv.AppendUint(dst, r.entry.Seq, 10), '-')
		return strconv.AppendInt(dst, int64(r.entry.Index), 10)
	})
}

func traceSampled(r *rowReader) cell {
	switch v := r.value(fieldNames["traceSampled"]); string(v) {
	case "true", "false":
		return cell{kind: exprs.Truth, truth: v[0] == 't'}
	default:
		return r.text(v)
	}
}
