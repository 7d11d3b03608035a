package filters

// The syntax tree. One kind of tree serves both the filter itself, whose leaves are comparison, call and value (a global
// restriction), and the right side of a comparison, whose leaves are values only.

type treeOp uint8

const (
	leafOp treeOp = iota
	andOp
	orOp
	notOp
)

type tree struct {
	op   treeOp
	pos  int // byte offset of its first token
	kids []*tree
	leaf any // *comparison, *call or *value
}

// comparison is `left op arg`.
type comparison struct {
	path  *path // left is a path …
	call  *call // … or cast or regexp_extract
	op    op
	opPos int
	arg   *tree
}

// path is a field as written; field is what the checker found it to be.
type path struct {
	parts []part
	pos   int
	field *field
}

// part is one component of a path or of a dotted value.
type part struct {
	text   string
	quoted bool
}

// value is a literal.
type value struct {
	text  string // escapes undone, but as written for a pattern
	quote byte   // 0, ' or "
	star  bool   // the operand of :*
	dots  bool   // bare text joined by dots
	pos   int
}

// null says that the value is the bare word NULL_VALUE.
func (v *value) null() bool { return v.quote == 0 && v.text == "NULL_VALUE" }

// call is a function with its arguments.
type call struct {
	fn   *function
	name string // as written
	pos  int
	args []arg
}

// arg is one argument: a call, or text that is read as a path or as a value, whichever the function wants there.
type arg struct {
	call  *call
	parts []part
	quote byte
	pos   int
	field *field // what the checker found it to be, where the function wants a path
}

// text gives an argument as a value.
func (a *arg) text() string { return joinParts(a.parts) }

func joinParts(parts []part) string {
	if len(parts) == 1 {
		return parts[0].text
	}
	text := ""
	for i, p := range parts {
		if i > 0 {
			text += "."
		}
		text += p.text
	}
	return text
}

// flat joins trees by op, taking in the members of those that are joined by it already.
func flat(op treeOp, kids []*tree) *tree {
	if len(kids) == 1 {
		return kids[0]
	}
	t := &tree{op: op, pos: kids[0].pos}
	for _, k := range kids {
		if k.op == op {
			t.kids = append(t.kids, k.kids...)
		} else {
			t.kids = append(t.kids, k)
		}
	}
	return t
}
