package exprs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"sluice/logentry"
)

// chain gives the keys of a name: a field of LogEntry and the keys below it that are written out.
func chain(n ast.Node) ([]string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		_, ok := logEntry[n.Value]
		return []string{n.Value}, ok
	case *ast.ChainNode:
		return chain(n.Node)
	case *ast.MemberNode:
		key, ok := n.Property.(*ast.StringNode)
		if !ok || n.Method {
			return nil, false
		}
		path, ok := chain(n.Node)
		return append(path, key.Value), ok
	}
	return nil, false
}

// name rewrites a name into a slot, to be read or to be asked for (ask gives nil instead of a default).
func (r *rewriter) name(n ast.Node, path []string, how string) ast.Node {
	k, ok := kindOf(path)
	if !ok { // what the checker lets through: parts of a time
		return r.fail(n, fmt.Sprintf("%s has no field %s", strings.Join(path[:len(path)-1], "."), path[len(path)-1]), "")
	}
	if k == presence && how == "read" {
		fields, _ := fieldsOf(path)
		return r.fail(n, strings.Join(path, ".")+" is not a value", "name one of its fields: "+strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	}
	return call(n, how, put(n, &ast.IntegerNode{Value: r.wants.add(path, k)}))
}

// kindOf looks a name up. Everything below an open field is open.
func kindOf(path []string) (kind, bool) {
	fields, k := logEntry, presence
	for _, key := range path {
		switch k {
		case presence:
			f, ok := fields[key]
			if !ok {
				return 0, false
			}
			fields, k = f.fields, f.kind
		case open:
		default:
			return 0, false
		}
	}
	return k, true
}

// fieldsOf gives the fields of a message.
func fieldsOf(path []string) (map[string]field, bool) {
	fields := logEntry
	for _, key := range path {
		fields = fields[key].fields
	}
	return fields, fields != nil
}

// asked rewrites a node of which it is asked whether it is nil: a name is then nil when the entry does not have it.
func (r *rewriter) asked(n ast.Node) ast.Node {
	if path, ok := chain(n); ok && r.err == nil {
		return r.name(n, path, "ask")
	}
	return r.node(n)
}

// operands rewrites both sides of a comparison.
func (r *rewriter) operands(n *ast.BinaryNode) []ast.Node {
	_, leftNil := n.Left.(*ast.NilNode)
	_, rightNil := n.Right.(*ast.NilNode)
	switch {
	case leftNil || rightNil:
		return []ast.Node{r.asked(n.Left), r.asked(n.Right)}
	case isSeverity(n.Left) || isSeverity(n.Right):
		return []ast.Node{r.level(n.Left), r.level(n.Right)}
	}
	return []ast.Node{r.node(n.Left), r.node(n.Right)}
}

func isSeverity(n ast.Node) bool {
	path, ok := chain(n)
	return ok && len(path) == 1 && path[0] == "severity"
}

// level rewrites what is compared with severity: levels have an order of their own, and their case makes no difference.
func (r *rewriter) level(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.StringNode:
		severity, ok := logentry.ParseSeverity(n.Value)
		if !ok {
			return r.fail(n, fmt.Sprintf("%q is not a severity", n.Value), didYouMean(n.Value, severities))
		}
		return put(n, &ast.IntegerNode{Value: int(severity)})
	case *ast.ArrayNode:
		for i := range n.Nodes {
			n.Nodes[i] = r.level(n.Nodes[i])
		}
		return folded(n)
	}
	return call(n, "level", r.node(n))
}

var severities = []string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}
