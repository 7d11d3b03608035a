package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is one mistake in a configuration file, or one warning.
type Problem struct {
	File         string
	Line, Column int    // 1-based, the column counts code points; 0 when the file could not be read
	Path         string // the key: routes[2].filter; empty for the whole file
	Message      string // one line
	Hint         string // what to write instead; may be empty
}

// String gives the problem on one line: file:line:col: path: message (hint).
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + oneLine(p.Message))
	if p.Hint != "" {
		b.WriteString(" (" + oneLine(p.Hint) + ")")
	}
	return b.String()
}

// oneLine puts a blank in the place of line feeds and other control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// Errors is the error of Load and Parse: all mistakes of a file, in its order.
type Errors []Problem

// Error gives one line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// inOrder sorts problems by their place in the file.
func inOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}
