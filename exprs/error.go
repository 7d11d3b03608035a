package exprs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/file"
)

// Error is a mistake in an expression, found when it is compiled or when it is run.
type Error struct {
	Line, Column int    // 1-based; the column counts code points
	Message      string // `unknown name severty`, `invalid operation: == (mismatched types int and string)`, …
	Hint         string // what to write instead; may be empty
	Source       string // the line of the expression, for the caret
}

// Error gives message and hint on one line.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// Caret gives the expression's line with a caret line below it.
func (e *Error) Caret() string {
	var blanks strings.Builder
	for i, r := range []rune(e.Source) {
		switch {
		case i == e.Column-1:
			return e.Source + "\n" + blanks.String() + "^"
		case r == '\t':
			blanks.WriteByte('\t')
		default:
			blanks.WriteByte(' ')
		}
	}
	return e.Source + "\n" + blanks.String() + "^"
}

// errorAt makes an error at an offset in code points.
func errorAt(src string, offset int, message, hint string) *Error {
	before := []rune(src)
	offset = max(0, min(offset, len(before)))
	lines := strings.Split(string(before[:offset]), "\n")
	e := &Error{Line: len(lines), Column: len([]rune(lines[len(lines)-1])) + 1, Message: message, Hint: hint}
	e.Source = strings.TrimSuffix(strings.Split(src, "\n")[e.Line-1], "\r")
	return e
}

// placed makes an *Error of what expr's parser, checker or machine said.
func placed(src string, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var f *file.Error
	if !errors.As(err, &f) {
		return errorAt(src, 0, err.Error(), hintFor(err.Error()))
	}
	message, _, _ := strings.Cut(f.Message, "\n")
	return errorAt(src, f.From, message, hintFor(message))
}

// hintFor says what to write instead, where the message tells enough.
func hintFor(message string) string {
	if name, ok := strings.CutPrefix(message, "unknown name "); ok {
		return hintForName(name)
	}
	if name, ok := strings.CutPrefix(message, "unknown field "); ok {
		return didYouMean(name, fieldNames)
	}
	for _, word := range []string{"AND", "OR", "NOT"} {
		if strings.Contains(message, `Identifier("`+word+`")`) {
			return hintForName(word)
		}
	}
	switch {
	case strings.Contains(message, `Operator("=")`):
		return "compare with =="
	case strings.HasPrefix(message, "expected bool"):
		return "an expression is true or false of an entry"
	case strings.HasPrefix(message, "invalid integer literal"):
		return "compare string(field) with such a long number in quotes"
	case strings.Contains(message, "mismatched types time.Time and string"), strings.Contains(message, "mismatched types string and time.Time"):
		return `write date("2026-01-31T00:00:00Z")`
	case strings.Contains(message, "mismatched types time.Duration"), strings.Contains(message, "and time.Duration"):
		return `write duration("1.5s")`
	}
	return ""
}

func hintForName(name string) string {
	switch name {
	case "AND", "OR", "NOT":
		return "write " + strings.ToLower(name)
	case "now":
		return "an expression gives the same answer at any time: compare timestamp with receiveTimestamp, or with date(…)"
	}
	if hint := didYouMean(name, topNames); hint != "" {
		return hint
	}
	return fmt.Sprintf("the first name must be a LogEntry field: did you mean jsonPayload.%s?", name)
}
