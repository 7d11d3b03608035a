package configs

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// problem notes a mistake of the value at path; when it stands nowhere in the file, at the nearest value around it. Where a
// mistake of this value, or of one around it, is known already, it says nothing: the one is likely to follow from the other.
func (d *decoder) problem(path, message, hint string) {
	for _, p := range d.problems {
		if isWithin(path, p.Path) {
			return
		}
	}
	line, column := d.place(path)
	d.note(line, column, path, message, hint)
}

// warn notes what the author of the value at path should know.
func (d *decoder) warn(path, message, hint string) {
	line, column := d.place(path)
	d.warnings = append(d.warnings, d.placed(line, column, path, message, hint))
}

// problemAt notes a mistake at a node.
func (d *decoder) problemAt(n ast.Node, path, message, hint string) {
	line, column := start(n)
	d.note(line, column, path, message, hint)
}

func (d *decoder) note(line, column int, path, message, hint string) {
	if d.quiet {
		line, column = d.place(path)
	}
	d.problems = append(d.problems, d.placed(line, column, path, message, hint))
}

// placed makes a problem. The YAML package places what is empty behind the end of a line: it is taken back there.
func (d *decoder) placed(line, column int, path, message, hint string) Problem {
	line = min(max(1, line), len(d.lines))
	column = min(max(1, column), len(d.lines[line-1])+1)
	return Problem{d.file, line, column, path, message, hint}
}

// mismatch notes that a value is of another kind than wanted.
func (d *decoder) mismatch(n ast.Node, path, want string) {
	hint := ""
	if want == "text" {
		hint = "put it in quotes"
	}
	found := kindOf(n)
	if found == "a list" || found == "a mapping" {
		hint = ""
	}
	d.problemAt(n, path, fmt.Sprintf("want %s, found %s", want, found), hint)
}

// place finds where the value at path stands, or the nearest one around it.
func (d *decoder) place(path string) (line, column int) {
	for {
		if n, ok := d.places[path]; ok {
			return start(n)
		}
		if path == "" {
			return 1, 1
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// resolve undoes anchors and aliases and remembers the place of path. It gives nil when there is nothing to read.
func (d *decoder) resolve(n ast.Node, path string) ast.Node {
	if !d.quiet {
		d.places[path] = n
	}
	for range 10 {
		switch t := n.(type) {
		case *ast.AnchorNode:
			n = t.Value
		case *ast.AliasNode:
			target, ok := d.anchors[t.Value.GetToken().Value]
			if !ok {
				d.problemAt(n, path, "no anchor &"+t.Value.GetToken().Value+" in this file", "")
				return nil
			}
			n = target
		case *ast.TagNode:
			d.problemAt(n, path, "tags ("+t.GetToken().Value+") are not supported", "write the plain value")
			return nil
		default:
			return n
		}
	}
	d.problemAt(n, path, "an alias of itself", "")
	return nil
}

// findAnchors lists the anchors below n. One name twice would mean different values at different places: it is refused.
func (d *decoder) findAnchors(n ast.Node) {
	for _, a := range ast.Filter(ast.AnchorType, n) {
		anchor := a.(*ast.AnchorNode)
		name := anchor.Name.GetToken().Value
		if _, twice := d.anchors[name]; twice {
			d.problemAt(anchor, "", "anchor &"+name+" twice", "give it another name")
		}
		d.anchors[name] = anchor.Value
	}
}

// start gives the line and column (code points) at which a node begins.
func start(n ast.Node) (line, column int) {
	switch t := n.(type) {
	case *ast.MappingNode:
		if !t.IsFlowStyle && len(t.Values) > 0 {
			return start(t.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return start(t.Key)
	}
	at := n.GetToken().Position
	return at.Line, at.Column
}

// isWithin says whether path is outer or below it.
func isWithin(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (outer == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

func isNull(n ast.Node) bool {
	_, null := n.(*ast.NullNode)
	return n == nil || null
}

// kindOf names what a node is, for messages. It does not show text, which may be a secret.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.SequenceNode:
		return "a list"
	case ast.MapNode:
		return "a mapping"
	default:
		return n.Type().String()
	}
}

// within gives the place in the file of the rune at index k of a text value. Quotes, escapes, folded lines and the indentation
// of blocks are undone: the value is laid along the source, and white space of either side is never matched by itself.
func (d *decoder) within(n ast.Node, k int) (line, column int) {
	c := cursor{lines: d.lines}
	text := n
	if literal, ok := n.(*ast.LiteralNode); ok {
		text = literal.Value
		c.line = literal.Start.Position.Line // the line after the | or >
	} else {
		at := n.GetToken().Position
		c.line, c.column = at.Line-1, at.Column-1
		if t := n.GetToken().Type; t == token.DoubleQuoteType || t == token.SingleQuoteType {
			c.quote = c.rune()
			c.column++
		}
	}
	value := []rune(text.GetToken().Value)
	for i, r := range value {
		if i == k {
			break
		}
		if !c.take(r) {
			return start(n)
		}
	}
	if k < len(value) && !isSpace(value[k]) {
		c.skipSpace()
	}
	return c.line + 1, c.column + 1
}

// cursor is a place in the source while a value is laid along it.
type cursor struct {
	lines        [][]rune
	line, column int  // from 0
	quote        rune // of the scalar, 0 when it has none
}

// rune gives the rune at the cursor, 0 at the end of a line and of the file.
func (c *cursor) rune() rune {
	if c.line >= len(c.lines) || c.column >= len(c.lines[c.line]) {
		return 0
	}
	return c.lines[c.line][c.column]
}

// take moves behind the source of the value's next rune; false when the source does not go on with it.
func (c *cursor) take(r rune) bool {
	if isSpace(r) {
		if c.rune() == r {
			c.column++
		} else if c.quote == '"' && c.rune() == '\\' && c.column+1 < len(c.lines[c.line]) {
			c.skipEscape()
		}
		return true // otherwise a line break stands for it, which skipSpace undoes
	}
	c.skipSpace()
	switch at := c.rune(); {
	case c.quote == '"' && at == '\\':
		c.skipEscape()
		return true
	case at != r:
		return false
	case c.quote == '\'' && r == '\'':
		c.column += 2
	default:
		c.column++
	}
	return true
}

func (c *cursor) skipSpace() {
	for c.line < len(c.lines) {
		broken := c.quote == '"' && c.rune() == '\\' && c.column+1 == len(c.lines[c.line]) // an escaped line break
		switch {
		case c.rune() == 0 || broken:
			c.line, c.column = c.line+1, 0
		case isSpace(c.rune()):
			c.column++
		default:
			return
		}
	}
}

func (c *cursor) skipEscape() {
	c.column++
	switch c.rune() {
	case 'x':
		c.column += 2
	case 'u':
		c.column += 4
	case 'U':
		c.column += 8
	}
	c.column++
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }
