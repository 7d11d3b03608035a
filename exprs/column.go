package exprs

import (
	"fmt"
	"math/big"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"sluice/logentry"
)

// Type is what a Column gives, as far as it is known before any entry is seen.
type Type uint8

// The types, and the Go type of their values.
const (
	Any     Type = iota // any of the types below, *big.Int, []any or map[string]any, with such values in them
	Text                // string
	Integer             // int
	Double              // float64, perhaps infinite
	Truth               // bool
	Time                // time.Time, in UTC
	Span                // time.Duration
)

// String names the type.
func (t Type) String() string {
	return [...]string{"any", "text", "integer", "double", "boolean", "time", "duration"}[t]
}

// Column is a compiled expression that gives a value of an entry: a column of a table, a key. It is immutable and may be shared.
type Column struct {
	expression
	kind Type
	path []string
}

// CompileColumn reads an expression that gives a value, most often a field's name: protoPayload.authenticationInfo.principalEmail.
// Types are checked as far as LogEntry defines them. The error is an *Error with line, column and remedy. It never panics.
func CompileColumn(src string) (*Column, error) {
	c := &Column{}
	err := c.compileInto(src, func(t nature.Nature, _ *nature.Cache) error {
		c.kind = typeOf(t)
		return nil
	}, func(r *rewriter, n ast.Node) ast.Node {
		if path, ok := chain(n); ok && logEntry[path[0]].kind == open {
			c.path = path
		}
		return r.column(n)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Type is what Eval gives.
func (c *Column) Type() Type { return c.kind }

// Path is the keys of a column that is a field of an entry alone, of one whose type LogEntry leaves open (a payload, labels, or what
// lies below): such a column may also be read as it is written. Nil for all others.
func (c *Column) Path() []string { return c.path }

// Eval gives the expression's value for an entry, which was extracted with Fields among the wanted paths: of the column's Type, or
// nil where the entry does not have it. What LogEntry defines and an entry lacks is nil too when the expression is its name
// alone, else its type's default. The error is an *Error: what the entry holds does not fit the expression or its type, or the
// budget of a run is spent; the same entry always gives the same. It never panics, and may be called by several goroutines with
// different entries.
func (c *Column) Eval(e *logentry.Entry) (any, error) {
	v, err := c.eval(e)
	if err != nil {
		return nil, err
	}
	if v, err = fitted(c.kind, v); err != nil {
		return nil, errorAt(c.source, 0, err.Error(), "")
	}
	return v, nil
}

// column rewrites the outermost node of a column: a name alone is nil where the entry does not have it.
func (r *rewriter) column(n ast.Node) ast.Node {
	if path, ok := chain(n); ok {
		if k, known := kindOf(path); known && k == presence {
			return r.node(n) // which says that it is not a value
		}
	}
	return r.asked(n)
}

func typeOf(t nature.Nature) Type {
	switch {
	case t.IsTime():
		return Time
	case t.IsDuration():
		return Span
	case t.IsBool():
		return Truth
	case t.IsString():
		return Text
	case t.IsInteger:
		return Integer
	case t.IsFloat:
		return Double
	}
	return Any
}

// fitted makes a result one of its column's type.
func fitted(want Type, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	got := Any
	switch x := v.(type) {
	case string:
		got = Text
	case int:
		if got = Integer; want == Double {
			return float64(x), nil
		}
	case *big.Int:
		if want == Double {
			return toFloat(x), nil
		}
	case float64:
		got = Double
	case bool:
		got = Truth
	case time.Time:
		got = Time
	case time.Duration:
		got = Span
	case []int: // a range
		return list(x)
	}
	if want != Any && got != want {
		return nil, fmt.Errorf("want %v, found %s", want, nameOf(v))
	}
	return v, nil
}
