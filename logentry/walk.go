package logentry

// Visit is one value that Walk meets.
type Visit struct {
	Depth int   // of the value: 0 for the walked one itself
	Top   Value // the key below the walked value through which it is reached, a String; Absent at depth 0
	Key   Value // the nearest key through which it is reached, a String; Absent when there is none
	Value Value // Text of an Object or Array is nil: its members follow
}

// Walk visits every value inside the JSON value raw in the order of the text, objects and arrays before their members, until
// visit returns false. Members of an array have the array's Key. raw is JSON that Extract has accepted, or a part of it; other
// text is walked as far as it is JSON. Nothing derived is met. It allocates
// nothing itself, but a visit that captures variables escapes: make it once, not once an entry.
func Walk(raw []byte, visit func(Visit) bool) {
	w := walker{raw: raw, visit: visit}
	w.value(blanks(raw, 0), Visit{})
}

type walker struct {
	raw   []byte
	visit func(Visit) bool
}

// value visits the value at i, described by v, and returns the position behind it; negative to end the walk.
func (w *walker) value(i int, v Visit) int {
	if i >= len(w.raw) || v.Depth > maxDepth {
		return ^i
	}
	end := i
	switch w.raw[i] {
	case '{':
		v.Value = Value{Kind: Object}
		if !w.visit(v) {
			return ^i
		}
		return w.object(i, v)
	case '[':
		v.Value = Value{Kind: Array}
		if !w.visit(v) {
			return ^i
		}
		return w.array(i, v)
	case '"':
		v.Value, end = w.str(i)
	case 't', 'f', 'n':
		end, v.Value.Kind = literal(w.raw, i)
	default:
		end, v.Value.Kind = number(w.raw, i), Number
	}
	if end < 0 {
		return end
	}
	if v.Value.Kind != String {
		v.Value.Text = w.raw[i:end:end]
	}
	if !w.visit(v) {
		return ^i
	}
	return end
}

// str reads the string at i.
func (w *walker) str(i int) (Value, int) {
	end, marks := scanString(w.raw, i+1)
	if end < 0 {
		return Value{}, end
	}
	return Value{Kind: String, Escaped: marks&escaped != 0, Text: w.raw[i+1 : end : end]}, end + 1
}

// object visits the members of the object at i, described by v.
func (w *walker) object(i int, v Visit) int {
	if i = blanks(w.raw, i+1); i < len(w.raw) && w.raw[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(w.raw) || w.raw[i] != '"' {
			return ^i
		}
		m := Visit{Depth: v.Depth + 1, Top: v.Top}
		if m.Key, i = w.str(i); i < 0 {
			return i
		}
		if v.Depth == 0 {
			m.Top = m.Key
		}
		if i = blanks(w.raw, i); i >= len(w.raw) || w.raw[i] != ':' {
			return ^i
		}
		if i = w.value(blanks(w.raw, i+1), m); i < 0 {
			return i
		}
		if i = blanks(w.raw, i); i >= len(w.raw) || w.raw[i] != ',' {
			return w.close(i, '}')
		}
		i = blanks(w.raw, i+1)
	}
}

// array visits the members of the array at i, described by v.
func (w *walker) array(i int, v Visit) int {
	if i = blanks(w.raw, i+1); i < len(w.raw) && w.raw[i] == ']' {
		return i + 1
	}
	for {
		if i = w.value(i, Visit{Depth: v.Depth + 1, Top: v.Top, Key: v.Key}); i < 0 {
			return i
		}
		if i = blanks(w.raw, i); i >= len(w.raw) || w.raw[i] != ',' {
			return w.close(i, ']')
		}
		i = blanks(w.raw, i+1)
	}
}

// close reads a closing bracket.
func (w *walker) close(i int, bracket byte) int {
	if i >= len(w.raw) || w.raw[i] != bracket {
		return ^i
	}
	return i + 1
}
