package exprs

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
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

// expression is a compiled program with what it reads of an entry. It is immutable and may be shared.
type expression struct {
	source  string
	program *vm.Program
	wants   wants
	runs    sync.Pool // of *run
}

// compileInto compiles src into x: judge says whether its type will do, root rewrites its outermost node. It never panics.
func (x *expression) compileInto(src string, judge func(t nature.Nature, c *nature.Cache) error, root func(*rewriter, ast.Node) ast.Node) (err error) {
	defer func() {
		if r := recover(); r != nil { // expr's parser and checker are not ours to trust
			err = errorAt(src, 0, fmt.Sprintf("not an expression: %v", r), "")
		}
	}()
	if n := utf8.RuneCountInString(src); n > maxSource {
		return errorAt(src, maxSource, fmt.Sprintf("the expression has %d characters, at most %d", n, maxSource), "")
	}
	tree, err := parse(src, judge)
	if err != nil {
		return placed(src, err)
	}
	r := rewriter{src: src}
	tree.Node = root(&r, tree.Node)
	if r.err != nil {
		return r.err
	}
	if x.program, err = compile(tree); err != nil {
		return placed(src, err)
	}
	x.source, x.wants = src, r.wants.seal()
	return nil
}

// parse reads the expression as it is written and checks its types.
func parse(src string, judge func(t nature.Nature, c *nature.Cache) error) (*parser.Tree, error) {
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
	if _, err := new(checker.Checker).Check(tree, c); err != nil {
		return nil, err
	}
	return tree, judge(*tree.Node.Nature(), &c.NtCache)
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
func (x *expression) String() string { return x.source }

// Fields are the paths that logentry.Fields.Extract must have found before Eval: those of fields that may be derived. All other
// fields Eval reads from the entry's bytes itself.
func (x *expression) Fields() []logentry.Path { return x.wants.derived }

// eval runs the program on an entry. The error is an *Error.
func (x *expression) eval(e *logentry.Entry) (any, error) {
	r, ok := x.runs.Get().(*run)
	if !ok {
		r = &run{wants: &x.wants}
		r.vm.MemoryBudget = maxSteps
	}
	defer x.runs.Put(r)
	r.begin(e)
	defer r.end()
	result, err := r.vm.Run(x.program, r)
	if err != nil {
		return nil, placed(x.source, err)
	}
	return result, nil
}
