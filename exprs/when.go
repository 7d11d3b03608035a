package exprs

import (
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// Conditions is a route's state, as a When sees it.
type Conditions struct {
	Used   float64   // quota.used: the share of the quota that is used up, 0 to 1 and above
	Passed float64   // quota.passed: the share of the quota's period that has passed, 0 to 1
	Time   time.Time // time.hour, …: stream time, in UTC
}

// conditions is Conditions as the checker sees it.
var conditions = types.Map{
	"quota": types.Map{"used": types.TypeOf(0.0), "passed": types.TypeOf(0.0)},
	"time": types.Map{
		"year": types.Int, "month": types.Int, "day": types.Int, "weekday": types.Int, "hour": types.Int, "minute": types.Int,
	},
}

// When is a compiled `when`: it says of a route's state whether an exclusion is active. It is immutable and may be shared.
type When struct {
	source   string
	program  *vm.Program
	machines sync.Pool // of *vm.VM
	quota    bool
}

// CompileWhen reads an expression that is true or false of a route's state. The error is an *Error with line, column and remedy.
// It never panics.
func CompileWhen(src string) (w *When, err error) {
	defer func() {
		if r := recover(); r != nil { // expr's parser and checker are not ours to trust
			w, err = nil, errorAt(src, 0, fmt.Sprintf("not an expression: %v", r), "")
		}
	}()
	if n := utf8.RuneCountInString(src); n > maxSource {
		return nil, errorAt(src, maxSource, fmt.Sprintf("the expression has %d characters, at most %d", n, maxSource), "")
	}
	c := conf.New(conditions)
	c.MaxNodes = maxNodes
	for name := range c.Builtins {
		if name != "abs" && name != "min" && name != "max" {
			c.Disabled[name] = true
			delete(c.Builtins, name)
		}
	}
	tree, err := parser.ParseWithConfig(src, c)
	if err != nil {
		return nil, placedWhen(src, err)
	}
	if _, err := new(checker.Checker).Check(tree, c); err != nil {
		return nil, placedWhen(src, err)
	}
	if t := tree.Node.Nature(); !t.IsBool() {
		return nil, placedWhen(src, fmt.Errorf("expected bool, but got %s", t.String()))
	}
	w = &When{source: src}
	ast.Walk(&tree.Node, asks{&w.quota})
	if w.program, err = compiler.Compile(tree, c); err != nil {
		return nil, placedWhen(src, err)
	}
	return w, nil
}

// placedWhen is placed with the hints that fit a when.
func placedWhen(src string, err error) *Error {
	e := placed(src, err)
	var name string
	switch n, _ := fmt.Sscanf(e.Message, "unknown field %s", &name); {
	case n == 1:
		e.Hint = "there are quota.used, quota.passed, time.year, .month, .day, .weekday, .hour and .minute"
	case e.Hint == "an expression is true or false of an entry":
		e.Hint = "a when is true or false of the route's state"
	default:
		if n, _ := fmt.Sscanf(e.Message, "unknown name %s", &name); n == 1 {
			e.Hint = "a when knows quota and time; what it asks of entries belongs into filter and where"
		}
	}
	return e
}

// asks notes whether a when names the quota.
type asks struct{ quota *bool }

// Visit is called for each node.
func (a asks) Visit(n *ast.Node) {
	if name, ok := (*n).(*ast.IdentifierNode); ok && name.Value == "quota" {
		*a.quota = true
	}
}

// String is the expression as it was written.
func (w *When) String() string { return w.source }

// AsksQuota says whether the expression names the quota.
func (w *When) AsksQuota() bool { return w.quota }

// Holds says whether the expression is true of the conditions; equal conditions always give the same. One that fails is false, with
// an *Error. It never panics, and may be called by several goroutines.
func (w *When) Holds(c Conditions) (bool, error) {
	m, ok := w.machines.Get().(*vm.VM)
	if !ok {
		m = &vm.VM{MemoryBudget: maxSteps}
	}
	defer w.machines.Put(m)
	t := c.Time.UTC()
	result, err := m.Run(w.program, map[string]any{
		"quota": map[string]any{"used": c.Used, "passed": c.Passed},
		"time": map[string]any{
			"year": t.Year(), "month": int(t.Month()), "day": t.Day(), "weekday": int(t.Weekday()), "hour": t.Hour(), "minute": t.Minute(),
		},
	})
	if err != nil {
		return false, placed(w.source, err)
	}
	holds, _ := result.(bool)
	return holds, nil
}
