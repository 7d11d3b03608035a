package filters

import "strings"

// printTree writes the canonical text of a checked tree: known field names as LogEntry spells them, one blank, AND spelled out,
// no parentheses that the precedence makes needless.
func printTree(b *strings.Builder, t *tree) {
	switch t.op {
	case andOp:
		printJoined(b, t, " AND ")
	case orOp:
		printJoined(b, t, " OR ")
	case notOp:
		b.WriteString("NOT ")
		printInside(b, t.kids[0], t.kids[0].op != leafOp)
	default:
		printLeaf(b, t.leaf)
	}
}

// printJoined writes members. Only AND inside OR needs parentheses: OR binds tighter.
func printJoined(b *strings.Builder, t *tree, with string) {
	for i, k := range t.kids {
		if i > 0 {
			b.WriteString(with)
		}
		printInside(b, k, k.op == andOp)
	}
}

func printInside(b *strings.Builder, t *tree, parentheses bool) {
	if !parentheses {
		printTree(b, t)
		return
	}
	b.WriteByte('(')
	printTree(b, t)
	b.WriteByte(')')
}

func printLeaf(b *strings.Builder, leaf any) {
	switch x := leaf.(type) {
	case *comparison:
		if x.call != nil {
			b.WriteString(printCall(x.call))
		} else {
			b.WriteString(x.path.field.name)
		}
		if x.arg.op == leafOp {
			b.WriteString(printOperation(x.op, x.arg.leaf.(*value)))
			return
		}
		b.WriteString(spaced(x.op))
		printList(b, x.op, x.arg, true)
	case *call:
		b.WriteString(printCall(x))
	case *value:
		b.WriteString(quoteText(x.text))
	}
}

// printList writes the list of values on the right side of a comparison.
func printList(b *strings.Builder, o op, t *tree, parentheses bool) {
	if parentheses {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch t.op {
	case notOp:
		b.WriteString("NOT ")
		printList(b, o, t.kids[0], t.kids[0].op != leafOp)
	case leafOp:
		b.WriteString(printValue(o, t.leaf.(*value)))
	default:
		for i, k := range t.kids {
			if i > 0 {
				b.WriteString(map[treeOp]string{andOp: " AND ", orOp: " OR "}[t.op])
			}
			printList(b, o, k, k.op == andOp)
		}
	}
}

func printOperation(o op, v *value) string { return spaced(o) + printValue(o, v) }

// spaced puts blanks around an operator that reads better so.
func spaced(o op) string {
	switch o {
	case opEq, opHas:
		return o.String()
	}
	return " " + o.String() + " "
}

func printValue(o op, v *value) string {
	switch {
	case v.star:
		return "*"
	case o.regex():
		return quotePattern(v.text)
	case v.null() || plainValue(v.text):
		return v.text
	}
	return quoteText(v.text)
}

// plainValue says that a value reads back the same without quotes: a simple word or a decimal number.
func plainValue(s string) bool {
	word := s != "" && s != "AND" && s != "OR" && s != "NOT" && s != "NULL_VALUE"
	for i := 0; i < len(s); i++ {
		c := s[i]
		digitNext := i+1 < len(s) && isDigit(s[i+1])
		switch {
		case isDigit(c) || isLetter(c) || c == '_':
		case c == '-' && (i > 0 || digitNext):
		case c == '.' && i > 0 && isDigit(s[i-1]) && digitNext && !isLetter(s[0]):
		default:
			word = false
		}
	}
	return word
}

// printCall writes a function with its arguments.
func printCall(c *call) string {
	var b strings.Builder
	b.WriteString(c.fn.name)
	b.WriteByte('(')
	for i := range c.args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(printArg(c, i))
	}
	b.WriteByte(')')
	return b.String()
}

func printArg(c *call, i int) string {
	a := &c.args[i]
	switch {
	case a.call != nil:
		return printCall(a.call)
	case a.field != nil:
		return a.field.name
	case c.fn.kind == fnRegexpExtract:
		return quoteExtract(a.text())
	case c.fn.kind == fnCast:
		return strings.ToUpper(a.text())
	case c.fn.kind == fnSample && plainValue(a.text()):
		return a.text()
	}
	return quoteText(a.text())
}
