package filters

import (
	"fmt"
	"strings"

	"sluice/logentry"
)

// field is a resolved path: a place in every LogEntry and what it holds.
type field struct {
	name      string // canonical text: known names in LogEntry's spelling, others quoted where they must be
	path      logentry.Path
	typ       fieldType
	schema    *schema // of a message, to type what lies below it
	defaulted bool    // when absent it has its type's default; otherwise it is missing and no comparison holds
	open      bool    // below protoPayload: an Any's level "value" is skipped
}

// resolve finds the field that a path names. The error points at the start of the path.
func resolve(src string, p *path) (*field, *Error) {
	f := &field{schema: logEntry, typ: messageType, defaulted: true}
	for i, part := range p.parts {
		if f.typ == messageType {
			s := f.schema.child(part.text)
			if s == nil {
				return nil, undefined(src, p, i, f.schema)
			}
			f.step(part, s)
			continue
		}
		if !f.typ.container() && f.schema != nil {
			return nil, undefined(src, p, i, nil)
		}
		f.stepInto(part)
	}
	return f, nil
}

// step goes from a message to a field of its.
func (f *field) step(p part, s *schema) {
	f.path = append(f.path, logentry.Segment{Key: s.name, Fold: true})
	f.addName(part{text: s.name})
	f.typ, f.schema = s.typ, s
	if s.repeated {
		f.defaulted = false
	}
	f.open = s.typ == anyType
}

// stepInto goes from a map, struct or Any to one of its members.
func (f *field) stepInto(p part) {
	f.path = append(f.path, logentry.Segment{Key: p.text, Fold: f.typ == anyType || f.open})
	f.addName(p)
	f.typ, f.schema, f.defaulted = dynamicType, nil, false
}

// undefined is the error for the i-th component of a path.
func undefined(src string, p *path, i int, in *schema) *Error {
	name := make([]string, i+1)
	for j := range name {
		name[j] = p.parts[j].text
	}
	e := errorAt(src, p.pos, p.parts[0].text, fmt.Sprintf("undefined field %q", strings.Join(name, ".")))
	switch {
	case in == nil:
		e.Hint = strings.Join(name[:i], ".") + " has no subfields"
	case i == 0:
		if e.Hint = didYouMean(name[0], in.names()); e.Hint == "" {
			e.Hint = "the first name must be a LogEntry field: did you mean jsonPayload." + strings.Join(name, ".") + "?"
		}
	default:
		if e.Hint = didYouMean(name[i], in.names()); e.Hint == "" {
			e.Hint = strings.Join(name[:i], ".") + " has " + strings.Join(in.names(), ", ")
		}
	}
	return e
}

func (f *field) addName(p part) {
	if f.name != "" {
		f.name += "."
	}
	if plainName(p.text) {
		f.name += p.text
	} else {
		f.name += quoteText(p.text)
	}
}

// plainName says that a path component needs no quotes.
func plainName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isLetter(c) && c != '_' && c != '@' && (i == 0 || !isDigit(c) && c != '-' && c != '/') {
			return false
		}
	}
	return s != ""
}
