package bigquery

import (
	"errors"
	"fmt"
	"strings"
)

// letters are the kinds in the text of a column set.
const letters = "slifdbtjr"

// writeColumns gives columns as a text, as states and plans carry it: `name:s,list:*f,object:{id:s}`. Names are of letters, digits
// and _.
func writeColumns(columns []column) string {
	var b strings.Builder
	writeTo(&b, columns)
	return b.String()
}

func writeTo(b *strings.Builder, columns []column) {
	for i, c := range columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(c.name)
		b.WriteByte(':')
		if c.list {
			b.WriteByte('*')
		}
		if c.kind != record {
			b.WriteByte(letterOf(c.kind))
			continue
		}
		b.WriteByte('{')
		writeTo(b, c.fields)
		b.WriteByte('}')
	}
}

func letterOf(k kind) byte {
	if k == jsonText {
		k = text
	}
	return letters[k]
}

var errColumns = errors.New("not a set of columns")

// readColumns reads what writeColumns wrote.
func readColumns(s string) ([]column, error) {
	columns, rest, err := readFrom(s, 0)
	if err != nil || rest != "" {
		return nil, fmt.Errorf("%w: %q", errColumns, brief([]byte(s)))
	}
	return columns, nil
}

// maxNesting is BigQuery's: https://cloud.google.com/bigquery/docs/nested-repeated#limitations
const maxNesting = 15

func readFrom(s string, depth int) (columns []column, rest string, err error) {
	for s != "" && s[0] != '}' {
		name, after, ok := strings.Cut(s, ":")
		if !ok || name == "" || after == "" || safe(name) != name || depth > maxNesting {
			return nil, "", errColumns
		}
		c := column{name: name}
		if c.list = after[0] == '*'; c.list {
			after = after[1:]
		}
		if strings.HasPrefix(after, "{") {
			c.kind = record
			if c.fields, after, err = readFrom(after[1:], depth+1); err != nil || !strings.HasPrefix(after, "}") {
				return nil, "", errColumns
			}
		} else {
			if after == "" || strings.IndexByte(letters[:record], after[0]) < 0 {
				return nil, "", errColumns
			}
			c.kind = kind(strings.IndexByte(letters, after[0]))
		}
		columns, s = append(columns, c), after[1:]
		if s != "" && s[0] != ',' && s[0] != '}' {
			return nil, "", errColumns
		}
		s = strings.TrimPrefix(s, ",")
	}
	return columns, s, nil
}
