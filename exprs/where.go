package exprs

import (
	"fmt"

	"github.com/expr-lang/expr/checker/nature"

	"sluice/logentry"
)

// Where is a compiled `where`: it says of an entry that a filter matched whether the route, or the exclusion, means it. It is
// immutable and may be shared.
type Where struct{ expression }

// CompileWhere reads an expression that is true or false of an entry. The error is an *Error with line, column and remedy. It
// never panics.
func CompileWhere(src string) (*Where, error) {
	w := &Where{}
	err := w.compileInto(src, func(t nature.Nature, c *nature.Cache) error {
		if !t.IsBool() && !t.IsUnknown(c) {
			return fmt.Errorf("expected bool, but got %s", t.String())
		}
		return nil
	}, (*rewriter).truth)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Eval says whether the expression is true of the entry, which was extracted with Fields among the wanted paths. A result of nil
// is false. The error is an *Error: what the entry holds does not fit the expression, or the budget of a run is spent; the same
// entry always gives the same. It never panics, and may be called by several goroutines with different entries.
func (w *Where) Eval(e *logentry.Entry) (bool, error) {
	result, err := w.eval(e)
	holds, _ := result.(bool) // the outermost function is truth
	return holds, err
}
