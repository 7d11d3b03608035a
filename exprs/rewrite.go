package exprs

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// rewriter makes of a checked tree the tree that is run: names become slots, operators and functions those of this package.
type rewriter struct {
	src   string
	wants wants
	err   *Error
}

// fail notes the first mistake.
func (r *rewriter) fail(n ast.Node, message, hint string) ast.Node {
	if r.err == nil {
		r.err = errorAt(r.src, n.Location().From, message, hint)
	}
	return n
}

// call makes a call of one of our functions, in the place of a node.
func call(place ast.Node, name string, args ...ast.Node) ast.Node {
	self := put(place, &ast.IdentifierNode{Value: "$env"})
	callee := put(place, &ast.IdentifierNode{Value: name})
	return put(place, &ast.CallNode{Callee: callee, Arguments: append([]ast.Node{self}, args...)})
}

// put gives a new node the location of another.
func put(place ast.Node, n ast.Node) ast.Node {
	n.SetLocation(place.Location())
	return n
}

// truth rewrites a node where true or false is asked for.
func (r *rewriter) truth(n ast.Node) ast.Node { return call(n, "truth", r.node(n)) }

// node rewrites any node.
func (r *rewriter) node(n ast.Node) ast.Node {
	if r.err != nil {
		return n
	}
	if path, ok := chain(n); ok {
		return r.name(n, path, "read")
	}
	switch n := n.(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.PointerNode:
		return n
	case *ast.IdentifierNode:
		return r.variable(n)
	case *ast.UnaryNode:
		return r.unary(n)
	case *ast.BinaryNode:
		return r.binary(n)
	case *ast.ChainNode:
		return r.node(n.Node) // every step is optional
	case *ast.MemberNode:
		return call(n, "member", r.node(n.Node), r.node(n.Property))
	case *ast.SliceNode:
		n.Node = call(n.Node, "orEmpty", r.node(n.Node))
		n.From, n.To = r.optional(n.From), r.optional(n.To)
		return n
	case *ast.CallNode:
		return r.method(n)
	case *ast.BuiltinNode:
		return r.function(n)
	case *ast.VariableDeclaratorNode:
		n.Value, n.Expr = r.node(n.Value), r.node(n.Expr)
		return n
	case *ast.ConditionalNode:
		n.Cond, n.Exp1, n.Exp2 = r.truth(n.Cond), r.node(n.Exp1), r.node(n.Exp2)
		return n
	case *ast.ArrayNode:
		return r.array(n)
	case *ast.MapNode:
		for _, pair := range n.Pairs {
			p := pair.(*ast.PairNode)
			p.Key, p.Value = r.node(p.Key), r.node(p.Value)
		}
		return n
	}
	return r.fail(n, "this cannot be used in an expression", "")
}

func (r *rewriter) optional(n ast.Node) ast.Node {
	if n == nil {
		return nil
	}
	return r.node(n)
}

// variable rewrites a name that is no field: of let, or of expr's own.
func (r *rewriter) variable(n *ast.IdentifierNode) ast.Node {
	if n.Value == "$env" {
		return r.fail(n, "unknown name $env", "name a field")
	}
	return n
}

func (r *rewriter) array(n *ast.ArrayNode) ast.Node {
	for i := range n.Nodes {
		n.Nodes[i] = r.node(n.Nodes[i])
	}
	return folded(n)
}

// folded makes a list of constants once, not at every run.
func folded(n *ast.ArrayNode) ast.Node {
	constants := make([]any, 0, len(n.Nodes))
	for _, member := range n.Nodes {
		switch c := member.(type) {
		case *ast.StringNode:
			constants = append(constants, c.Value)
		case *ast.IntegerNode:
			constants = append(constants, c.Value)
		case *ast.FloatNode:
			constants = append(constants, c.Value)
		case *ast.BoolNode:
			constants = append(constants, c.Value)
		}
	}
	if len(constants) < len(n.Nodes) {
		return n
	}
	return put(n, &ast.ConstantNode{Value: constants})
}

func (r *rewriter) unary(n *ast.UnaryNode) ast.Node {
	switch n.Operator {
	case "!", "not":
		n.Node = r.truth(n.Node)
		return n
	case "-":
		if i, ok := n.Node.(*ast.IntegerNode); ok {
			return put(n, &ast.IntegerNode{Value: -i.Value})
		}
		return call(n, "negative", r.node(n.Node))
	}
	return r.node(n.Node)
}

// operators are the binary ones that a function of ours stands for.
var operators = map[string]string{
	"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "remainder", "in": "in",
	"<": "below", ">": "above", "<=": "notAbove", ">=": "notBelow",
}

func (r *rewriter) binary(n *ast.BinaryNode) ast.Node {
	switch op := n.Operator; op {
	case "and", "&&", "or", "||":
		n.Left, n.Right = r.truth(n.Left), r.truth(n.Right)
	case "??":
		n.Left, n.Right = r.asked(n.Left), r.node(n.Right)
	case "==", "!=":
		same := call(n, "equal", r.operands(n)...)
		if op == "!=" {
			return put(n, &ast.UnaryNode{Operator: "!", Node: same})
		}
		return same
	case "matches":
		if _, ok := n.Right.(*ast.StringNode); !ok {
			return r.fail(n.Right, "the pattern of matches must be a text in quotes", "")
		}
		n.Left = call(n.Left, "searched", r.node(n.Left))
	case "contains", "startsWith", "endsWith":
		n.Left, n.Right = call(n.Left, "searched", r.node(n.Left)), call(n.Right, "searched", r.node(n.Right))
	case "**", "^", "..":
		n.Left, n.Right = r.node(n.Left), r.node(n.Right)
	default:
		name, ok := operators[op]
		if !ok {
			return r.fail(n, "unknown operator "+op, "")
		}
		if op == "in" || op[0] == '<' || op[0] == '>' {
			return call(n, name, r.operands(n)...)
		}
		return call(n, name, r.node(n.Left), r.node(n.Right))
	}
	return n
}

// function rewrites a call by name.
func (r *rewriter) function(n *ast.BuiltinNode) ast.Node {
	switch n.Name {
	case "all", "any", "none", "one", "filter", "find", "findIndex", "count":
		return r.loop(n, r.truth)
	case "map":
		return r.loop(n, r.node)
	case "sum":
		if len(n.Arguments) == 2 {
			mapped := put(n, &ast.BuiltinNode{Name: "map", Arguments: n.Arguments})
			return call(n, "sum", r.node(mapped))
		}
	case "len":
		n.Arguments[0] = call(n, "orEmpty", r.node(n.Arguments[0]))
		return n
	case "date", "duration":
		return r.constant(n)
	case "split", "indexOf", "lastIndexOf", "trimPrefix", "trimSuffix":
		if len(n.Arguments) != 2 {
			return r.fail(n, fmt.Sprintf("%s has two arguments", n.Name), "")
		}
	case "abs", "ceil", "floor", "round":
		n.Arguments[0] = r.node(n.Arguments[0])
		return n
	}
	for i := range n.Arguments {
		n.Arguments[i] = r.node(n.Arguments[i])
	}
	return call(n, n.Name, n.Arguments...)
}

// loop rewrites a function of a list and a predicate. Each pass of it costs a step.
func (r *rewriter) loop(n *ast.BuiltinNode, body func(ast.Node) ast.Node) ast.Node {
	n.Arguments[0] = call(n.Arguments[0], "list", r.node(n.Arguments[0]))
	if len(n.Arguments) > 1 {
		p := n.Arguments[1].(*ast.PredicateNode)
		p.Node = call(p.Node, "pass", body(p.Node))
	}
	return n
}

// constant rewrites date and duration, and reads what is written out, so that a mistake shows at once.
func (r *rewriter) constant(n *ast.BuiltinNode) ast.Node {
	if len(n.Arguments) != 1 {
		return r.fail(n, n.Name+" has one argument, a text", "")
	}
	written, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return call(n, n.Name, r.node(n.Arguments[0]))
	}
	v, err := functions[n.Name](nil, written.Value)
	if err != nil {
		return r.fail(written, err.Error(), "")
	}
	return put(n, &ast.ConstantNode{Value: v})
}

// method rewrites timestamp.Hour() and the like, the only calls that are not by a function's name.
func (r *rewriter) method(n *ast.CallNode) ast.Node {
	m, ok := n.Callee.(*ast.MemberNode)
	if !ok {
		return r.fail(n, "this cannot be called", "")
	}
	name, ok := m.Property.(*ast.StringNode)
	if !ok || len(n.Arguments) > 0 || timeParts[name.Value] == nil && durationParts[name.Value] == nil {
		return r.fail(m.Property, "this cannot be called", "a time has Year, Month, Day, Weekday, Hour, Minute, Second and Unix; "+
			"a duration Hours, Minutes, Seconds and Milliseconds")
	}
	return call(n, "method", r.node(m.Node), name)
}
