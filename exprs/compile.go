package exprs

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"sluice/logentry"
)

// The limits of an expression and of one run of it.
const (
	maxSource = 20_000  // code points, as of a filter
	maxNodes  = 2_000   // names, constants, operators
	maxSteps  = 100_000 // of a run: passes of loops, members compared, KiB of text searched, members of new lists
	maxText   = 4 << 20 // bytes of a text that a run makes
	maxBits   = 4_096   // of an integer that a run makes
)

// Where is a compiled `where`: it says of an entry that a filter matched whether the route, or the exclusion, means it. It is
// immutable and may be shared.
type Where struct {
	source  string
	program *vm.Program
	wants   wants
	runs    sync.Pool // of *run
}

// CompileWhere reads an expression that is true or false of an entry. The error is an *Error with line, column and remedy. It
// never panics.
func CompileWhere(src string) (w *Where, err error) {
	defer func() {
		if r := recover(); r != nil { // expr's parser and checker are not ours to trust
			w, err = nil, errorAt(src, 0, fmt.Sprintf("not an expression: %v", r), "")
		}
	}()
	if n := utf8.RuneCountInString(src); n > maxSource {
		return nil, errorAt(src, maxSource, fmt.Sprintf("the expression has %d characters, at most %d", n, maxSource), "")
	}
	tree, err := parse(src)
	if err != nil {
		return nil, placed(src, err)
	}
	r := rewriter{src: src}
	tree.Node = r.truth(tree.Node)
	if r.err != nil {
		return nil, r.err
	}
	program, err := compile(tree)
	if err != nil {
		return nil, placed(src, err)
	}
	return &Where{source: src, program: program, wants: r.wants.seal()}, nil
}

// parse reads the expression as it is written and checks its types.
func parse(src string) (*parser.Tree, error) {
	c := conf.New(environment)
	c.MaxNodes = maxNodes
	for name := range c.Builtins {
		if !isAllowed(name) {
			c.Disabled[name] = true
			delete(c.Builtins, name)
		}
	}
	tree, err := parser.ParseWithConfig(src, c)
	if err != nil {
		return nil, err
	}
	ast.Walk(&tree.Node, untangle{})
	t, err := new(checker.Checker).Check(tree, c)
	if err != nil {
		return nil, err
	}
	if nature := tree.Node.Nature(); !nature.IsBool() && !nature.IsUnknown(&c.NtCache) {
		return nil, fmt.Errorf("expected bool, but got %v", t)
	}
	return tree, nil
}

// untangle settles, before types are checked, what expr and LogEntry name alike, and what Go types otherwise than a user thinks:
// split( is the function although split is a field, and timestamp.Weekday() and timestamp.Month() are integers.
type untangle struct{}

// Visit is called for each node, after those below it.
func (untangle) Visit(n *ast.Node) {
	call, ok := (*n).(*ast.CallNode)
	if !ok {
		return
	}
	switch callee := call.Callee.(type) {
	case *ast.IdentifierNode:
		if callee.Value == "split" {
			ast.Patch(n, &ast.BuiltinNode{Name: "split", Arguments: call.Arguments})
		}
	case *ast.MemberNode:
		if name, ok := callee.Property.(*ast.StringNode); ok && (name.Value == "Weekday" || name.Value == "Month") {
			ast.Patch(n, &ast.BuiltinNode{Name: "int", Arguments: []ast.Node{call}})
		}
	}
}

// compile makes the program of a rewritten tree, whose environment is the *run alone.
func compile(tree *parser.Tree) (*vm.Program, error) {
	c := conf.New(map[string]any{})
	c.Strict, c.Optimize = false, false
	for name, f := range functions {
		c.Functions[name] = &builtin.Function{Name: name, Func: f}
	}
	if _, err := new(checker.Checker).Check(tree, c); err != nil {
		return nil, err
	}
	return compiler.Compile(tree, c)
}

// String is the expression as it was written.
func (w *Where) String() string { return w.source }

// Fields are the paths that logentry.Fields.Extract must have found before Eval: those of fields that may be derived. All other
// fields Eval reads from the entry's bytes itself.
func (w *Where) Fields() []logentry.Path { return w.wants.derived }

// Eval says whether the expression is true of the entry, which was extracted with Fields among the wanted paths. A result of nil
// is false. The error is an *Error: what the entry holds does not fit the expression, or the budget of a run is spent; the same
// entry always gives the same. It never panics, and may be called by several goroutines with different entries.
func (w *Where) Eval(e *logentry.Entry) (bool, error) {
	r, ok := w.runs.Get().(*run)
	if !ok {
		r = &run{wants: &w.wants}
		r.vm.MemoryBudget = maxSteps
	}
	defer w.runs.Put(r)
	r.begin(e)
	defer r.end()
	result, err := r.vm.Run(w.program, r)
	if err != nil {
		return false, placed(w.source, err)
	}
	holds, _ := result.(bool) // the outermost function is truth
	return holds, nil
}
