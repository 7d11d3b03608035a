package logentry

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// The oracle says the same as Extract, over a tree that encoding/json decoded.

// tree is a decoded JSON value.
type tree struct {
	kind    Kind
	text    string // characters of a string, text of another scalar
	keys    []string
	members []*tree
}

// judge gives the reasons why raw must be refused, any of which may be reported; none when it must be accepted.
func judge(raw []byte, limits Limits) []Reason {
	limits = limits.orDefaults()
	var reasons []Reason
	if len(raw) > limits.Entry {
		return []Reason{ReasonTooLarge}
	}
	if !json.Valid(raw) {
		reasons = append(reasons, ReasonSyntax, ReasonControl)
	}
	if !utf8.Valid(raw) {
		reasons = append(reasons, ReasonUTF8)
	}
	if depth := depthOf(raw); depth > limits.Depth {
		reasons = append(reasons, ReasonDepth)
		if depth > maxDepth { // encoding/json refuses it as well
			return append(reasons, ReasonDuplicateKey)
		}
	}
	t, twice, whole := decode(raw)
	if twice {
		reasons = append(reasons, ReasonDuplicateKey)
	}
	if whole && t.kind != Object {
		reasons = append(reasons, ReasonNotObject)
	}
	return reasons
}

// decode reads as much of raw as is JSON: twice says that an object held a key twice, whole that nothing was wrong.
func decode(raw []byte) (t *tree, twice, whole bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	t, err := decodeValue(dec, &twice)
	return t, twice, err == nil
}

func decodeValue(dec *json.Decoder, twice *bool) (*tree, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		t := &tree{kind: Array}
		if v == '{' {
			t.kind = Object
		}
		return t, decodeMembers(dec, t, twice)
	case string:
		return &tree{kind: String, text: v}, nil
	case json.Number:
		return &tree{kind: Number, text: string(v)}, nil
	case bool:
		return &tree{kind: Bool, text: map[bool]string{true: "true", false: "false"}[v]}, nil
	}
	return &tree{kind: Null, text: "null"}, nil
}

func decodeMembers(dec *json.Decoder, t *tree, twice *bool) error {
	met := map[string]bool{}
	for dec.More() {
		if t.kind == Object {
			tok, err := dec.Token()
			if err != nil {
				return err
			}
			key, _ := tok.(string)
			*twice = *twice || met[key]
			met[key] = true
			t.keys = append(t.keys, key)
		}
		m, err := decodeValue(dec, twice)
		if err != nil {
			return err
		}
		t.members = append(t.members, m)
	}
	_, err := dec.Token()
	return err
}

// depthOf counts brackets outside strings.
func depthOf(raw []byte) int {
	depth, most, inside := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

// lookUp gives what stands at a path.
func (t *tree) lookUp(p Path) (all []*tree) {
	if t.kind == Array && len(t.members) > 0 {
		for _, m := range t.members {
			all = append(all, m.lookUp(p)...)
		}
		return all
	}
	if len(p) == 0 {
		return []*tree{t}
	}
	if t.kind != Object {
		return nil
	}
	var best *tree
	for i, k := range t.keys {
		if k == p[0].Key {
			best = t.members[i]
			break
		}
		if p[0].Fold && best == nil && foldSlowly(k) == foldSlowly(p[0].Key) {
			best = t.members[i]
		}
	}
	if best == nil {
		return nil
	}
	return best.lookUp(p[1:])
}

// foldSlowly is the rule of Segment.Fold in its plainest form.
func foldSlowly(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteString(strings.ToLower(strings.Trim(string(r), "_")))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// seen is a value in a form that can be compared: objects are named by their kind and their JSON text decoded again.
type seen struct {
	Kind Kind
	Text string
}

func (t *tree) seen() seen {
	if t.kind == Object || t.kind == Array {
		return seen{Kind: t.kind, Text: t.String()}
	}
	return seen{Kind: t.kind, Text: t.text}
}

// String writes the tree as JSON.
func (t *tree) String() string {
	var b strings.Builder
	switch t.kind {
	case String:
		q, _ := json.Marshal(t.text)
		return string(q)
	case Object, Array:
		b.WriteByte("{["[t.kind-Object])
		for i, m := range t.members {
			if t.kind == Object {
				q, _ := json.Marshal(t.keys[i])
				b.Write(q)
			}
			b.WriteString(m.String())
			b.WriteByte(' ')
		}
		return b.String()
	}
	return t.text
}

// found lists what Extract found in a slot.
func seenIn(e *Entry, slot int) (all []seen) {
	for i := e.First(slot); i >= 0; i = e.Next(i) {
		v := e.At(i)
		s := seen{Kind: v.Kind, Text: string(v.AppendText(nil))}
		if v.Kind == Object || v.Kind == Array {
			t, _, _ := decode(v.Text)
			s.Text = t.String()
		}
		all = append(all, s)
	}
	return all
}
