package layout

import (
	"fmt"
	"slices"
	"time"

	"sluice/logentry"
)

// maxTemplate and maxPlaceholders bound a template. What it then makes longer than a store allows is for Shorten.
const (
	maxTemplate     = 500
	maxPlaceholders = 16
)

// template is a compiled template: text and placeholders, in order.
type template []piece

// piece is a text, or what stands for a placeholder.
type piece struct {
	text  string
	date  func(dst []byte, t time.Time) []byte       // a date placeholder
	value func(dst []byte, e *logentry.Entry) []byte // the raw value of a field placeholder
	field logentry.Path                              // what value reads
	limit int                                        // of its escaped value, so that the component stays a file name
}

// TemplateError says what is wrong with a template, and where.
type TemplateError struct {
	Column  int // of the mistake, from 1, in bytes
	Message string
	Hint    string
}

// Error gives place, message and hint.
func (e *TemplateError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("column %d: %s", e.Column, e.Message)
	}
	return fmt.Sprintf("column %d: %s (%s)", e.Column, e.Message, e.Hint)
}

// Template is a layout of the author's own: a path in which {…} stands for a part of the entry; the file's name S… follows below
// it. A placeholder is
//
//   - {yyyy} {MM} {dd} {HH} {mm}: of the UTC of the entry's timestamp, else of its stored time;
//   - {logId}, {parentKind}, {parentId}: of its logName, decoded: cloudaudit.googleapis.com/activity, projects, acme;
//   - the path of a field, as in a query: {logName}, {severity}, {labels.team}, {labels."k8s-pod/app"},
//     {resource.labels.project_id}, {jsonPayload.tenant}, {protoPayload.serviceName}. Names that LogEntry and AuditLog define
//     may be spelled in any case; keys of labels and payloads, and all in quotes, are exact. A field in a list is its first.
//
// Each value is escaped to one part of the path, "/" too: Layout says how. What is missing, empty or not text, number or
// boolean is "_none". One folder name holds one value beside text and dates, so that different values never meet.
//
// The error is a *TemplateError.
func Template(text string) (*Layout, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return nil, err
	}
	return &Layout{fields: t.fields(), key: t.key, prefix: func(key string) string { return key + "/" }}, nil
}

func (t template) key(dst []byte, e *logentry.Entry) []byte {
	at := moment(e)
	for i := range t {
		p := &t[i]
		switch {
		case p.date != nil:
			dst = p.date(dst, at)
		case p.value != nil:
			raw := p.value(dst[len(dst):], e) // in the room behind dst; copied before that is written
			dst = appendComponent(dst, string(raw), p.limit)
		default:
			dst = append(dst, p.text...)
		}
	}
	return dst
}

// fields are what the placeholders read, each once; the timestamp only where a date stands.
func (t template) fields() (paths []logentry.Path) {
	add := func(p logentry.Path) {
		if !slices.ContainsFunc(paths, p.Equal) {
			paths = append(paths, p)
		}
	}
	for _, p := range t {
		switch {
		case p.date != nil:
			add(logentry.PathTimestamp)
		case p.value != nil:
			add(p.field)
		}
	}
	return paths
}

// dates are the date placeholders.
var dates = map[string]func(dst []byte, t time.Time) []byte{
	"yyyy": func(dst []byte, t time.Time) []byte { return appendDigits(dst, t.Year(), 4) },
	"MM":   func(dst []byte, t time.Time) []byte { return appendDigits(dst, int(t.Month()), 2) },
	"dd":   func(dst []byte, t time.Time) []byte { return appendDigits(dst, t.Day(), 2) },
	"HH":   func(dst []byte, t time.Time) []byte { return appendDigits(dst, t.Hour(), 2) },
	"mm":   func(dst []byte, t time.Time) []byte { return appendDigits(dst, t.Minute(), 2) },
}

// logNameParts are the placeholders of which logName consists.
var logNameParts = map[string]func(logentry.LogName) string{
	"logId":      func(n logentry.LogName) string { return n.LogID },
	"parentKind": func(n logentry.LogName) string { return string(n.ParentKind) },
	"parentId":   func(n logentry.LogName) string { return n.ParentID },
}

// placeholder compiles what stands between braces, without its limit.
func placeholder(word string, column int) (piece, error) {
	if date, ok := dates[word]; ok {
		return piece{date: date}, nil
	}
	if part, ok := logNameParts[word]; ok {
		return piece{field: logentry.PathLogName, value: func(dst []byte, e *logentry.Entry) []byte {
			name, ok := logentry.ParseLogName(string(text(dst, e.Get(logentry.PathLogName))))
			if !ok {
				return dst
			}
			return append(dst, part(name)...)
		}}, nil
	}
	path, err := parsePath(word, column)
	if err != nil {
		return piece{}, err
	}
	return piece{field: path, value: func(dst []byte, e *logentry.Entry) []byte { return text(dst, e.Get(path)) }}, nil
}

// parseTemplate compiles component by component.
func parseTemplate(source string) (template, error) {
	switch {
	case source == "":
		return nil, &TemplateError{1, "the template is empty", "for instance team={labels.team}/{yyyy}/{MM}/{dd}"}
	case len(source) > maxTemplate:
		return nil, &TemplateError{maxTemplate + 1, fmt.Sprintf("the template is longer than %d bytes", maxTemplate), ""}
	}
	var t template
	placeholders := 0
	for column := 1; ; {
		component, err := parseComponent(source[column-1:], column)
		if err != nil {
			return nil, err
		}
		for _, p := range component.pieces {
			if p.text == "" {
				placeholders++
			}
		}
		if placeholders > maxPlaceholders {
			return nil, &TemplateError{column, fmt.Sprintf("more than %d placeholders", maxPlaceholders), ""}
		}
		t = append(t, component.pieces...)
		column += component.length
		if column > len(source) {
			return t, nil
		}
		t = append(t, piece{text: "/"})
		column++
	}
}
