package nats

import (
	"strings"

	"sluice/logentry"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

// markPrefix begins the subjects of marks.
const markPrefix = "sluice.mark."

// subjects gives each entry its subject. It is a layout's key, tokens being its components: those hold no wildcard and no blank.
type subjects struct {
	layout *layout.Layout
	fields *logentry.Fields
}

// loosest are the limits that any configuration keeps.
var loosest = logentry.Limits{Entry: 64 << 20, Depth: 1000}

func newSubjects(template string) (*subjects, error) {
	l, err := layout.Template(asPath(template))
	if err != nil {
		return nil, err
	}
	return &subjects{l, logentry.NewFields(l.Fields()...)}, nil
}

// asPath makes the dots between tokens slashes; those inside of placeholders belong to paths.
func asPath(template string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case r == '.' && depth == 0:
			return '/'
		}
		return r
	}, template)
}

// of gives the subject of an entry. Dots inside a value become %2E; all else that matters is escaped by the layout.
func (s *subjects) of(stream string, ref *driver.Ref) (string, *logentry.Defect) {
	e := logentry.Entry{Raw: ref.Raw, Seq: ref.Seq, Index: int(ref.Index), Stored: at(ref.Stored), Stream: stream}
	if defect := s.fields.Extract(&e, loosest); defect != nil {
		return "", defect
	}
	return token(string(s.layout.Key(nil, &e))), nil
}

// token turns components joined by slashes into tokens joined by dots.
func token(path string) string {
	return strings.ReplaceAll(strings.ReplaceAll(path, ".", "%2E"), "/", ".")
}

// mark is the subject of a unit's mark: its name, which has a part for each token.
func mark(u *driver.Unit) string {
	return markPrefix + strings.NewReplacer(".", "%2E", "%", "%25", "*", "%2A", ">", "%3E", " ", "%20", "/", ".").Replace(u.Name)
}

// covers says whether one of a stream's subjects, which may have wildcards, takes the subject.
func covers(filters []string, subject string) bool {
	tokens := strings.Split(subject, ".")
	for _, filter := range filters {
		if coversOne(strings.Split(filter, "."), tokens) {
			return true
		}
	}
	return false
}

func coversOne(filter, tokens []string) bool {
	for i, f := range filter {
		switch {
		case f == ">":
			return len(tokens) > i
		case i >= len(tokens), f != "*" && f != tokens[i]:
			return false
		}
	}
	return len(filter) == len(tokens)
}
