package bigquery

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is a value of an entry under the name of its column.
type field struct {
	name string
	kind kind // that a new column gets
	list bool
	raw  []byte    // its JSON
	kids []field   // of a record
	rows [][]field // of a list of records
}

// conflictError says that an entry does not fit a table's columns, or any.
type conflictError struct{ error }

// Unwrap gives the cause.
func (e *conflictError) Unwrap() error { return e.error }

func conflicting(format string, args ...any) error {
	return &conflictError{fmt.Errorf(format, args...)}
}

// shaper makes fields of the members of objects.
type shaper struct {
	aside func(path string, key, value []byte) // takes what gets no column
	audit bool                                 // inside an AuditLog
	depth int
}

// maxRecords is how deep records may stand in one another; what is deeper is JSON in a STRING.
// https://cloud.google.com/bigquery/docs/nested-repeated#limitations
const maxRecords = 14

// object makes fields of an object's members. Of two members with one column the first in the text gets it.
func (s *shaper) object(raw []byte, path string, defined bool) (fields []field, err error) {
	s.depth++
	defer func() { s.depth-- }()
	fields = make([]field, 0, 8)
	var seen names
	members(raw, func(key, value []byte) {
		name := string(unquotedKey(key))
		f, ok, wrong := s.member(path, name, value, defined)
		switch {
		case err != nil:
		case wrong != nil:
			err = wrong
		case !ok:
		case seen.has(fields, f.name):
			s.aside(path, key, value)
		default:
			fields = append(fields, f)
		}
	})
	return fields, err
}

func has(fields []field, name string) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return sameName(f.name, name) })
}

// fewFields are looked through faster than a map is made.
const fewFields = 32

// names are those of the first fields of an object, in lower case.
type names map[string]bool

// has is has for fields that become more from call to call, each with another name.
func (n *names) has(fields []field, name string) bool {
	if len(fields) <= fewFields {
		return has(fields, name)
	}
	if *n == nil {
		*n = make(names)
	}
	for len(*n) < len(fields) {
		(*n)[strings.ToLower(fields[len(*n)].name)] = true
	}
	return (*n)[strings.ToLower(name)]
}

// sameName: names of columns do not differ by case.
func sameName(a, b string) bool { return len(a) == len(b) && (a == b || strings.EqualFold(a, b)) }

// member makes a field of one member; false for what says nothing: null, an empty object, an empty list.
func (s *shaper) member(path, key string, raw []byte, defined bool) (field, bool, error) {
	if s.audit && path == "" || s.audit && strings.HasPrefix(path, "status.") {
		if f, ok := auditField(path, key, raw); ok {
			return f, true, nil
		}
	}
	return s.value(field{name: columnNameOf(key, defined)}, path+key+".", raw, defined && key != "labels")
}

// auditField are the fields of an AuditLog that Google's sinks name or type otherwise.
func auditField(path, key string, raw []byte) (field, bool) {
	name := auditJSON[key]
	switch {
	case path != "" || raw[0] == 'n':
		return field{name: key, kind: integer, raw: raw}, auditIntegers[path+key] && raw[0] != 'n'
	case name != "":
		return field{name: name, kind: jsonText, raw: raw}, true
	case key == "serviceData" && raw[0] == '{' && serviceData[typeIn(raw)] == "":
		return field{name: "serviceDataJson", kind: jsonText, raw: raw}, true
	}
	return field{name: key, kind: integer, raw: raw}, auditIntegers[key]
}

// typeIn gives the type that an object's @type names, "" for none.
func typeIn(raw []byte) (kind string) {
	members(raw, func(key, value []byte) {
		if string(key) == "@type" && value[0] == '"' {
			url := string(unquoted(value))
			kind = url[strings.LastIndexByte(url, '/')+1:]
		}
	})
	return kind
}

func (s *shaper) value(f field, path string, raw []byte, defined bool) (field, bool, error) {
	if s.audit && path == "serviceData." {
		f.name = serviceData[typeIn(raw)]
	}
	switch c := raw[0]; {
	case c == 'n':
		return f, false, nil
	case (c == '{' || c == '[') && s.depth >= maxRecords:
		f.kind, f.raw = jsonText, raw
		return f, true, nil
	case c == '{':
		f.kind, f.raw = record, raw
		var err error
		f.kids, err = s.object(raw, path, defined)
		return f, len(f.kids) > 0, err
	case c == '[':
		return s.items(f, path, raw, defined)
	}
	f.kind, f.raw = scalarKind(raw), raw
	return f, true, nil
}

func scalarKind(raw []byte) kind {
	switch raw[0] {
	case '"':
		return text
	case 't', 'f':
		return truth
	}
	return double
}

// items makes a field of a list, whose items must be alike.
func (s *shaper) items(f field, path string, raw []byte, defined bool) (field, bool, error) {
	f.list, f.raw = true, raw
	known, n := false, 0
	var err error
	items(raw, func(value []byte) {
		k := record
		switch {
		case err != nil || value[0] == 'n':
			return
		case value[0] == '[':
			err = conflicting("%s is a list in a list, which no column holds", strings.TrimSuffix(path, "."))
			return
		case value[0] != '{':
			k = scalarKind(value)
		}
		if known && k != f.kind {
			err = conflicting("%s is a list of %s and %s, which no column holds", strings.TrimSuffix(path, "."), tableTypes[f.kind], tableTypes[k])
			return
		}
		f.kind, known = k, true
		n++
		if k == record {
			var kids []field
			kids, err = s.object(value, path, defined)
			f.rows = append(f.rows, kids)
		}
	})
	return f, n > 0, err
}

// merge adds the columns that fields need and that are not there. The first type that a column is met with is its type.
func merge(columns []column, fields []field) []column {
	for i := range fields {
		f := &fields[i]
		at := i // most entries are alike
		if i >= len(columns) || columns[i].name != f.name {
			at = slices.IndexFunc(columns, func(c column) bool { return sameName(c.name, f.name) })
		}
		if at < 0 {
			columns, at = append(columns, column{name: f.name, kind: f.kind, list: f.list}), len(columns)
		}
		c := &columns[at]
		if c.kind != record || f.kind != record {
			continue
		}
		c.fields = merge(c.fields, f.kids)
		for _, row := range f.rows {
			c.fields = merge(c.fields, row)
		}
	}
	return columns
}

// pruned leaves records out that have no columns, as tables must.
func pruned(columns []column) []column {
	for i := range columns {
		columns[i].fields = pruned(columns[i].fields)
	}
	return slices.DeleteFunc(columns, func(c column) bool { return c.kind == record && len(c.fields) == 0 })
}

// place appends fields to a row, by columns of which the first has the number n. What has no column is put aside.
func (s *shaper) place(dst []byte, n protowire.Number, x *index, fields []field, path string) ([]byte, error) {
	for i := range fields {
		f := &fields[i]
		at, ok := x.exact[f.name]
		if !ok {
			at, ok = x.folded[strings.ToLower(f.name)]
		}
		if !ok {
			s.aside(path, []byte(f.name), f.raw)
			continue
		}
		var err error
		if dst, err = s.placeOne(dst, n+protowire.Number(at), x, at, f, path+f.name); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (s *shaper) placeOne(dst []byte, n protowire.Number, x *index, at int, f *field, path string) ([]byte, error) {
	c := &x.columns[at]
	if c.kind == document && !c.list {
		return appendBytes(dst, n, f.raw), nil
	}
	if c.list != f.list || (c.kind == record) != (f.kind == record) {
		return dst, conflicting("%s is %s, and the column %s", path, worded(tableTypes[f.kind], f.list), worded(tableTypes[c.kind], c.list))
	}
	rows := f.rows
	switch {
	case c.kind == record && !c.list:
		rows = [][]field{f.kids}
	case c.kind != record && !c.list:
		return placeScalar(dst, n, c, f.raw, f.kind, path)
	case c.kind != record:
		var err error
		items(f.raw, func(raw []byte) {
			if err == nil && raw[0] != 'n' {
				dst, err = placeScalar(dst, n, c, raw, f.kind, path)
			}
		})
		return dst, err
	}
	for _, row := range rows {
		var err error
		dst, err = appendMessage(dst, n, func(dst []byte) ([]byte, error) { return s.place(dst, 1, x.inner[at], row, path+".") })
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func placeScalar(dst []byte, n protowire.Number, c *column, raw []byte, met kind, path string) ([]byte, error) {
	if met == jsonText {
		if c.kind == text {
			return appendBytes(dst, n, raw), nil
		}
		return dst, conflicting("%s is STRING, and the column %s", path, tableTypes[c.kind])
	}
	out, err := appendValue(dst, n, c.kind, raw)
	if err != nil {
		return dst, conflicting("%s: %s does not fit the column's type, %s", path, brief(raw), tableTypes[c.kind])
	}
	return out, nil
}
