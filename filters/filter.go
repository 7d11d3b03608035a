// Package filters is Cloud Logging's query language: text becomes a *Filter in stages (lexer, parser, checker, evaluator), and
// a Set decides many filters together.
//
// Words: a term is a comparison, a call or a global restriction (text without a field). A predicate is a term with one value,
// one question about one entry; a filter is a tree of predicates. A field is a path that was found in LogEntry; a datum is one
// of its values in an entry, converted to the field's type.
package filters

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"sluice/logentry"
)

// maxCharacters is the longest query that Cloud Logging takes, in code points, comments included.
const maxCharacters = 20_000

// Filter is a compiled query. It is immutable and may be shared.
type Filter struct {
	text  string
	root  *node // nil: every entry matches
	warns []Error
	alone func() *alone
}

// Compile reads a query. The error is an *Error with line, column and remedy. It never panics. An empty query matches all.
func Compile(src string) (*Filter, error) { return CompileWith(src, Options{}) }

// CompileStrict is Compile, but what would be a warning is an error.
func CompileStrict(src string) (*Filter, error) { return CompileWith(src, Options{Strict: true}) }

// CompileWith is Compile with another reading of what the language's documentation leaves open.
func CompileWith(src string, opts Options) (*Filter, error) {
	f, err := compile(src, &opts)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func compile(src string, opts *Options) (*Filter, *Error) {
	if err := judge(src); err != nil {
		return nil, err
	}
	warns := &warnings{src: src}
	t, err := parse(src, opts, warns)
	if err != nil {
		return nil, err
	}
	f := &Filter{}
	f.alone = sync.OnceValue(func() *alone { return newAlone(f) })
	if t != nil {
		c := &checker{src: src, warns: warns}
		if f.root, err = c.tree(t); err != nil {
			return nil, err
		}
		var b strings.Builder
		printTree(&b, t)
		f.text = b.String()
	}
	f.warns = warns.inOrder()
	if opts.Strict && len(f.warns) > 0 {
		return nil, &f.warns[0]
	}
	return f, nil
}

// judge refuses text that is too long or not text.
func judge(src string) *Error {
	count := 0
	for i := 0; i < len(src); count++ {
		r, n := utf8.DecodeRuneInString(src[i:])
		if count == maxCharacters {
			e := errorAt(src, i, string(r), fmt.Sprintf("the query has more than %d characters", maxCharacters))
			e.Hint = "shorten it, or split it over several rules"
			return e
		}
		if r == utf8.RuneError && n == 1 {
			return syntaxError(src, i, string(r), "the query is not UTF-8")
		}
		i += n
	}
	return nil
}

// Match says whether the entry, which it extracts itself from e.Raw, matches. It is total: it never fails and never panics; an
// unreadable entry matches nothing. For many entries or filters, use a Set.
func (f *Filter) Match(e *logentry.Entry) bool { return f.alone().match(e) }

// Warnings are what the author of the query should know although it compiles.
func (f *Filter) Warnings() []Error { return f.warns }

// String is the query's canonical text: Compile(f.String()) is an equal filter.
func (f *Filter) String() string { return f.text }

// Equal says that both filters have the same canonical text, and so match the same entries.
func (f *Filter) Equal(g *Filter) bool { return f.text == g.text }
