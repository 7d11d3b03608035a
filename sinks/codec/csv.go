package codec

import (
	"bytes"
	"strconv"
	"time"

	"sluice/exprs"
)

// appendHeader appends the line of the columns' names.
func appendHeader(dst []byte, columns []column) []byte {
	for i := range columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, []byte(columns[i].name))
	}
	return append(dst, '\r', '\n')
}

// appendRow appends a line of CSV: https://www.rfc-editor.org/rfc/rfc4180. Nothing is written for nothing, and "" for an empty text.
func appendRow(dst []byte, cells []cell) []byte {
	start := len(dst)
	for i := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCell(dst, &cells[i])
	}
	if len(dst) == start {
		dst = append(dst, '"', '"') // a line of nothing would be no row
	}
	return append(dst, '\r', '\n')
}

func appendCell(dst []byte, c *cell) []byte {
	switch c.kind {
	case exprs.Text:
		return appendQuoted(dst, c.text)
	case exprs.Integer:
		return strconv.AppendInt(dst, c.whole, 10)
	case exprs.Double:
		return strconv.AppendFloat(dst, c.float, 'g', -1, 64)
	case exprs.Truth:
		return strconv.AppendBool(dst, c.truth)
	case exprs.Time:
		return c.at.AppendFormat(dst, time.RFC3339Nano)
	}
	return dst
}

// appendQuoted appends a text, in quotes where it could be misread.
func appendQuoted(dst, text []byte) []byte {
	if !wantsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		dst = append(append(dst, text[:i+1]...), '"')
		text = text[i+1:]
	}
	return append(append(dst, text...), '"')
}

func wantsQuotes(text []byte) bool {
	if len(text) == 0 || text[0] == ' ' || text[len(text)-1] == ' ' {
		return true
	}
	for _, c := range text {
		if c == ',' || c == '"' || c == '\r' || c == '\n' {
			return true
		}
	}
	return false
}
