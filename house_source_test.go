package sluice_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 60
)

// pure names the code that must give the same answer for ever: packages, and single files that end in .go.
var pure = []string{"logentry", "filters", "exprs", "redact", "sinks/codec", "sinks/layout", "pipeline/decide.go"}

// clockCalls are the functions of package time that read the clock or wait for it.
var clockCalls = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// drawers are names that say nothing of what is inside.
var drawers = []string{"util", "utils", "common", "helper", "helpers", "misc", "manager", "pkg"}

// checkSource gives everything in a file of code, not a test, that breaks a rule of the house, as `place: what: why`.
func checkSource(name string, src []byte) []string {
	var broken []string
	deny := func(line int, what string) {
		broken = append(broken, fmt.Sprintf("%s:%d: %s", name, line, what))
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return append(broken, err.Error())
	}
	for _, part := range strings.Split(strings.TrimSuffix(name, ".go"), "/") {
		if slices.Contains(drawers, part) {
			deny(1, fmt.Sprintf("a drawer named %s: name the thing inside", part))
		}
	}
	if !ast.IsGenerated(file) {
		if n := bytes.Count(src, []byte("\n")); n > maxFileLines {
			deny(n, fmt.Sprintf("file of %d lines: one file is one thought, at most %d", n, maxFileLines))
		}
		checkFunctions(fset, file, deny)
	}
	if slices.Contains(pure, path.Dir(name)) || slices.Contains(pure, name) {
		checkPure(fset, file, deny)
	}
	return broken
}

func checkFunctions(fset *token.FileSet, file *ast.File, deny func(int, string)) {
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		line := fset.Position(fn.Pos()).Line
		if n := fset.Position(fn.End()).Line - line + 1; n > maxFunctionLines {
			deny(line, fmt.Sprintf("func %s of %d lines: a function is one step, at most %d", fn.Name.Name, n, maxFunctionLines))
		}
		if fn.Name.Name == "init" && fn.Recv == nil {
			deny(line, "func init: effects of an import are wiring that nobody sees")
		}
	}
}

// checkPure denies the clock and randomness.
func checkPure(fset *token.FileSet, file *ast.File, deny func(int, string)) {
	clock := ""
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it
		}
		switch imported {
		case "math/rand", "math/rand/v2", "crypto/rand":
			deny(fset.Position(spec.Pos()).Line, "randomness in pure code: a redo must give the same answer")
		case "time":
			if clock = "time"; spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	if clock == "" {
		return
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(clockCalls, sel.Sel.Name) {
			deny(fset.Position(sel.Pos()).Line, fmt.Sprintf("time.%s in pure code: a redo must give the same answer", sel.Sel.Name))
		}
		return true
	})
}

func TestCheckSourceCatches(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\t_ = 0\n", n) }
	tests := []struct {
		name, src string
		want      []string
	}{
		{"filters/good.go", "package filters\n\nimport \"time\"\n\nfunc f(t time.Time) bool { return t.IsZero() }\n", nil},
		{"filters/clock.go", "package filters\n\nimport \"time\"\n\nvar start = time.Now()\n",
			[]string{"filters/clock.go:5: time.Now in pure code: a redo must give the same answer"}},
		{"filters/alias.go", "package filters\n\nimport clock \"time\"\n\nvar age = clock.Since\n",
			[]string{"filters/alias.go:5: time.Since in pure code: a redo must give the same answer"}},
		{"sinks/layout/dice.go", "package layout\n\nimport \"math/rand/v2\"\n\nvar n = rand.Int()\n",
			[]string{"sinks/layout/dice.go:3: randomness in pure code: a redo must give the same answer"}},
		{"pipeline/decide.go", "package pipeline\n\nimport \"time\"\n\nvar t = time.Now()\n",
			[]string{"pipeline/decide.go:5: time.Now in pure code: a redo must give the same answer"}},
		{"pipeline/batch.go", "package pipeline\n\nimport \"time\"\n\nvar t = time.Now()\n", nil},
		{"filters/local.go", "package filters\n\ntype clock struct{ Now int }\n\nfunc f(time clock) int { return time.Now }\n", nil},

		{"sinks/fits.go", "package sinks\n\nfunc f() {\n" + lines(58) + "}\n", nil},
		{"sinks/long.go", "package sinks\n\nfunc f() {\n" + lines(59) + "}\n",
			[]string{"sinks/long.go:3: func f of 61 lines: a function is one step, at most 60"}},
		{"sinks/big.go", "package sinks\n" + strings.Repeat("\n", 500),
			[]string{"sinks/big.go:501: file of 501 lines: one file is one thought, at most 500"}},
		{"sinks/made.go", "// Code generated by a tool. DO NOT EDIT.\npackage sinks\n" + strings.Repeat("\n", 500), nil},
		{"sinks/init.go", "package sinks\n\nfunc init() {}\n",
			[]string{"sinks/init.go:3: func init: effects of an import are wiring that nobody sees"}},
		{"sinks/method.go", "package sinks\n\ntype T int\n\nfunc (T) init() {}\n", nil},
		{"utils/text.go", "package utils\n", []string{"utils/text.go:1: a drawer named utils: name the thing inside"}},
		{"sinks/helpers.go", "package sinks\n", []string{"sinks/helpers.go:1: a drawer named helpers: name the thing inside"}},
		{"sinks/broken.go", "package\n", []string{"sinks/broken.go:1:9: expected 'IDENT', found 'EOF'"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, checkSource(tt.name, []byte(tt.src))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
