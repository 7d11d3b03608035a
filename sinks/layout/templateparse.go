package layout

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/logentry"
)

// component is one folder name of a template: what stands between two "/".
type component struct {
	pieces []piece
	length int // in the source
}

// parseComponent reads up to the next "/" outside braces, or the end.
func parseComponent(source string, column int) (component, error) {
	var c component
	values, room := 0, maxComponent
	for c.length < len(source) && source[c.length] != '/' {
		at := column + c.length
		if source[c.length] == '{' {
			word, ok := braced(source[c.length:])
			if !ok {
				return c, &TemplateError{at, "a { without its }", ""}
			}
			p, err := placeholder(word, at+1)
			if err != nil {
				return c, err
			}
			if p.value != nil {
				values++
			}
			if values > 1 {
				return c, &TemplateError{at, "a second field in one folder name", `put "/" between them, so that different values never give one name`}
			}
			if p.date != nil {
				room -= len("yyyy")
			}
			c.pieces = append(c.pieces, p)
			c.length += len(word) + len("{}")
			continue
		}
		text, err := literal(source[c.length:], at)
		if err != nil {
			return c, err
		}
		room -= len(text)
		c.pieces = append(c.pieces, piece{text: text})
		c.length += len(text)
	}
	return c, c.check(column, room)
}

// check judges the component as a whole and gives its value the room that is left.
func (c component) check(column, room int) error {
	switch {
	case len(c.pieces) == 0:
		return &TemplateError{column, "an empty folder name", `neither begin nor end with "/", nor write it twice`}
	case strings.HasPrefix(c.pieces[0].text, "."):
		return &TemplateError{column, "a folder name that begins with a dot", ""}
	case c.pieces[0].text == "_sluice" && len(c.pieces) == 1 && column == 1:
		return &TemplateError{column, "the folder _sluice is the program's own", "use another name"}
	case room < minValue:
		return &TemplateError{column, fmt.Sprintf("the folder name leaves less than %d of %d bytes for its value", minValue, maxComponent), "shorten its text"}
	}
	for i := range c.pieces {
		c.pieces[i].limit = room
	}
	return nil
}

// minValue is the least room for a value: its hash with some letters before it.
const minValue = 64

// braced gives what stands between the braces at the start of source; those in quotes do not count.
func braced(source string) (word string, ok bool) {
	quoted := false
	for i := 1; i < len(source); i++ {
		switch c := source[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '}' && !quoted:
			return source[1:i], true
		}
	}
	return "", false
}

// literal reads text up to a brace or a slash.
func literal(source string, column int) (string, error) {
	for i := range len(source) {
		switch c := source[i]; {
		case c == '{' || c == '/':
			return source[:i], nil
		case !plain[c] && c != ':':
			return "", &TemplateError{column + i, fmt.Sprintf("%q cannot stand in a folder name", string(source[i:i+1])), "use letters, digits and . _ @ + , = : -"}
		}
	}
	return source, nil
}

// definedFields are the fields of LogEntry under which values stand; below those that are true every name is a key of a map or of
// a free payload, and exact.
// https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry
var definedFields = map[string]bool{
	"logname": false, "timestamp": false, "receivetimestamp": false, "insertid": false, "severity": false, "textpayload": false,
	"trace": false, "spanid": false, "tracesampled": false, "resource": false, "httprequest": false, "operation": false,
	"sourcelocation": false, "split": false, "apphub": false, "protopayload": false,
	"labels": true, "jsonpayload": true, "metadata": true,
}

// parsePath reads the path of a field: names joined by dots, each plain or in quotes with the escapes of Go.
func parsePath(source string, column int) (logentry.Path, error) {
	var path logentry.Path
	exact := false
	for at := 0; ; {
		name, length, quoted, err := segment(source[at:], column+at)
		if err != nil {
			return nil, err
		}
		folded := strings.ToLower(strings.ReplaceAll(name, "_", ""))
		free, defined := definedFields[folded]
		if len(path) == 0 && (!defined || quoted) {
			return nil, &TemplateError{column, fmt.Sprintf("%s is no field of an entry, nor a date or part of the log name", strconv.Quote(name)),
				"for instance labels.team, resource.labels.project_id, severity; yyyy, MM, dd, HH, mm; logId, parentKind, parentId"}
		}
		if exact || quoted {
			path = path.Key(name)
		} else {
			path = append(path, logentry.Segment{Key: name, Fold: true})
		}
		exact = exact || len(path) == 1 && free || len(path) == 2 && path[0].Fold && strings.EqualFold(path[0].Key, "resource") && folded == "labels"
		if at += length; at == len(source) {
			return complete(path, column, free)
		}
		if source[at] != '.' {
			return nil, &TemplateError{column + at, "a dot or } was expected", `put names with other characters in quotes: labels."k8s-pod/app"`}
		}
		at++
	}
}

// complete refuses a path that names a whole map.
func complete(path logentry.Path, column int, free bool) (logentry.Path, error) {
	if len(path) == 1 && (free || strings.EqualFold(path[0].Key, "resource") || strings.EqualFold(path[0].Key, "protoPayload")) {
		return nil, &TemplateError{column, path.String() + " holds several values", "name one: " + path.String() + ".…"}
	}
	return path, nil
}

// segment reads one name at the start of source.
func segment(source string, column int) (name string, length int, quoted bool, err error) {
	if strings.HasPrefix(source, `"`) {
		text, err := strconv.QuotedPrefix(source)
		if err != nil {
			return "", 0, false, &TemplateError{column, "a quote without its end", ""}
		}
		name, err := strconv.Unquote(text)
		if err != nil {
			return "", 0, false, &TemplateError{column, "a name that cannot be read", "escape as in Go"}
		}
		return name, len(text), true, nil
	}
	for length < len(source) && (source[length] == '_' || source[length] == '@' || source[length] == '-' ||
		'0' <= source[length] && source[length] <= '9' || 'a' <= source[length]|0x20 && source[length]|0x20 <= 'z') {
		length++
	}
	if length == 0 {
		return "", 0, false, &TemplateError{column, "a name was expected", `for instance {labels.team} or {labels."k8s-pod/app"}`}
	}
	return source[:length], length, false, nil
}
