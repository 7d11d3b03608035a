// Package filters is Cloud Logging's query language: text becomes a *Filter in stages (lexer, parser, checker, evaluator), and
// a Set decides many filters together.
package filters

import "sluice/logentry"

// Filter is a compiled query. It is immutable and may be shared.
type Filter struct{}

// Compile reads a query. The error is an *Error with line, column and remedy. It never panics. An empty query matches all.
func Compile(src string) (*Filter, error) { panic("being built") }

// Match says whether the entry, which it extracts itself from e.Raw, matches. It is total: it never fails and never panics; an
// unreadable entry matches nothing. For many entries or filters, use a Set.
func (f *Filter) Match(e *logentry.Entry) bool { panic("being built") }

// Warnings are what the author of the query should know although it compiles.
func (f *Filter) Warnings() []Error { panic("being built") }

// String is the query's canonical text: Compile(f.String()) is an equal filter.
func (f *Filter) String() string { panic("being built") }

// Error is a mistake in a query.
type Error struct {
	Line, Column int    // 1-based; the column counts code points
	Token        string // the offending token, empty at the end of the text
	Message      string // `syntax error at line 1, column 42, token ")"`, `unknown function "sampel"`, …
	Hint         string // what to write instead; may be empty
	Source       string // the line of the query, for the caret
}

// Error gives message and hint on one line.
func (e *Error) Error() string { panic("being built") }

// Caret gives the query's line with a caret line below it.
func (e *Error) Caret() string { panic("being built") }
