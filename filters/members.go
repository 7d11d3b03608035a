package filters

import (
	"bytes"

	"sluice/logentry"
)

// openField gathers the values of a path below protoPayload, whose keys are JSON for protocol buffers: at each object the key
// as written, else its first other spelling, else, when the object is an Any (it has @type), what its member "value" holds.
// Fields.Extract finds the same without the last rule, and faster.
func (w *Worker) openField(f *field, v logentry.Value, path logentry.Path, values []datum) []datum {
	if v.Kind == logentry.Array {
		m := membersOf(v.Text)
		if len(path) == 0 && !m.next() {
			return append(values, datum{kind: emptyDatum})
		}
		for m = membersOf(v.Text); m.next(); {
			values = w.openField(f, m.value, path, values)
		}
		return values
	}
	if len(path) == 0 {
		return w.appendDatum(values, v, f.typ, f.schema)
	}
	if v.Kind != logentry.Object {
		return values
	}
	if next, ok := w.member(v, path[0]); ok {
		return w.openField(f, next, path[1:], values)
	}
	if _, ok := w.member(v, logentry.Segment{Key: "@type"}); ok {
		if inner, ok := w.member(v, logentry.Segment{Key: "value"}); ok {
			return w.openField(f, inner, path, values)
		}
	}
	return values
}

// member finds a member of an object.
func (w *Worker) member(object logentry.Value, s logentry.Segment) (found logentry.Value, ok bool) {
	for m := membersOf(object.Text); m.next(); {
		key := m.key.Text
		if m.key.Escaped {
			start := len(w.arena)
			w.arena = m.key.AppendText(w.arena)
			key = w.arena[start:]
		}
		if string(key) == s.Key {
			return m.value, true
		}
		if s.Fold && !ok && sameName(key, s.Key) {
			found, ok = m.value, true
		}
	}
	return found, ok
}

// sameName says that a key and a name differ in ASCII case and underscores only.
func sameName(key []byte, name string) bool {
	i := 0
	for _, c := range key {
		if c == '_' {
			continue
		}
		for i < len(name) && name[i] == '_' {
			i++
		}
		if i == len(name) || lowerASCII(c) != lowerASCII(name[i]) {
			return false
		}
		i++
	}
	return len(bytes.Trim([]byte(name[i:]), "_")) == 0
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// members steps through an object's members or an array's elements. The text is JSON that Extract has accepted.
type members struct {
	text       []byte
	at         int
	array      bool
	key, value logentry.Value
}

func membersOf(text []byte) members {
	return members{text: text, at: 1, array: text[0] == '['}
}

// next reads one more member, if there is one.
func (m *members) next() bool {
	m.at = skip(m.text, m.at, " \t\r\n,")
	if c := m.text[m.at]; c == '}' || c == ']' {
		return false
	}
	if !m.array {
		m.key = m.read()
		m.at = skip(m.text, m.at, " \t\r\n:")
	}
	m.value = m.read()
	return true
}

func skip(text []byte, i int, what string) int {
	for bytes.IndexByte([]byte(what), text[i]) >= 0 {
		i++
	}
	return i
}

// read reads the value at m.at.
func (m *members) read() logentry.Value {
	start := m.at
	switch m.text[start] {
	case '"':
		escaped := false
		i := start + 1
		for ; m.text[i] != '"'; i++ {
			if m.text[i] == '\\' {
				escaped = true
				i++
			}
		}
		m.at = i + 1
		return logentry.Value{Kind: logentry.String, Escaped: escaped, Text: m.text[start+1 : i : i]}
	case '{':
		m.at = closing(m.text, start)
		return logentry.Value{Kind: logentry.Object, Text: m.text[start:m.at:m.at]}
	case '[':
		m.at = closing(m.text, start)
		return logentry.Value{Kind: logentry.Array, Text: m.text[start:m.at:m.at]}
	}
	for m.at < len(m.text) && bytes.IndexByte([]byte(",}] \t\r\n"), m.text[m.at]) < 0 {
		m.at++
	}
	v := logentry.Value{Kind: logentry.Number, Text: m.text[start:m.at:m.at]}
	switch v.Text[0] {
	case 't', 'f':
		v.Kind = logentry.Bool
	case 'n':
		v.Kind = logentry.Null
	}
	return v
}

// closing gives the position behind the object or array that begins at i.
func closing(text []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
}
