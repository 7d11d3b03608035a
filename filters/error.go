package filters

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in a query, or a warning about one that compiles.
type Error struct {
	Line, Column int    // 1-based; the column counts code points
	Token        string // the offending token, empty at the end of the text
	Message      string // `syntax error at line 1, column 42, token ")"`, `unknown function "sampel"`, …
	Hint         string // what to write instead; may be empty
	Source       string // the line of the query, for the caret
}

// Error gives message and hint on one line.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// Caret gives the query's line with a caret line below it.
func (e *Error) Caret() string {
	var pad strings.Builder
	column := 1
	for _, r := range e.Source {
		if column == e.Column {
			break
		}
		if r != '\t' {
			r = ' '
		}
		pad.WriteRune(r)
		column++
	}
	return e.Source + "\n" + pad.String() + "^"
}

// errorAt makes an Error that points at the byte offset pos of src.
func errorAt(src string, pos int, token, message string) *Error {
	line := 1 + strings.Count(src[:pos], "\n")
	start := strings.LastIndexByte(src[:pos], '\n') + 1
	end := len(src)
	if i := strings.IndexByte(src[pos:], '\n'); i >= 0 {
		end = pos + i
	}
	return &Error{
		Line:    line,
		Column:  1 + utf8.RuneCountInString(src[start:pos]),
		Token:   token,
		Message: message,
		Source:  strings.TrimSuffix(src[start:end], "\r"),
	}
}

// syntaxError has the wording of the service.
func syntaxError(src string, pos int, token, hint string) *Error {
	e := errorAt(src, pos, token, "")
	e.Message = fmt.Sprintf("syntax error at line %d, column %d, token %s", e.Line, e.Column, showToken(token))
	e.Hint = hint
	return e
}

// showToken quotes a token without escaping what it holds, as the service does.
func showToken(token string) string { return `"` + token + `"` }
