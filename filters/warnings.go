package filters

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// warnings gathers the traps that a query walks into although it compiles.
type warnings struct {
	src  string
	list []Error
}

func (w *warnings) add(pos int, token, message, hint string) {
	e := errorAt(w.src, pos, token, message)
	e.Hint = hint
	w.list = append(w.list, *e)
}

func (w *warnings) singleQuotes(t token) {
	w.add(t.start, w.src[t.start:t.end], "single quotes are read as string quotes here, but not by Cloud Logging",
		"use double quotes")
}

// global looks at a bare term that has no field.
func (w *warnings) global(v *value, first, next token) {
	switch {
	case first.kind != tokText || v.dots:
	case v.text == "and" || v.text == "or" || v.text == "not":
		w.add(v.pos, v.text, fmt.Sprintf("%q in lower case is text to search for, not an operator", v.text),
			"write "+strings.ToUpper(v.text))
	case v.text == "&&" || v.text == "||":
		w.add(v.pos, v.text, fmt.Sprintf("%q is text to search for, not an operator", v.text),
			map[string]string{"&&": "write AND", "||": "write OR"}[v.text])
	case next.kind == tokOpen && findFunction(v.text) != nil:
		w.add(v.pos, v.text, fmt.Sprintf("%q with a blank before the parenthesis is text to search for, not a function", v.text),
			"remove the blank")
	}
}

// globalAfterComparison looks at `field = a OR b`.
func (w *warnings) globalAfterComparison(kids []*tree) {
	var compared *comparison
	for _, k := range kids {
		switch x := k.leaf.(type) {
		case *comparison:
			compared = x
		case *value:
			if compared != nil && compared.path != nil {
				name := joinParts(compared.path.parts)
				w.add(k.pos, x.text, fmt.Sprintf("%q is searched in every field, not compared with %s", x.text, name),
					fmt.Sprintf("write %s%s(… OR …)", name, compared.op))
			}
		}
	}
}

// comparison looks at `field != (a OR b)`, which holds for nearly every entry.
func (w *warnings) comparison(c *comparison) {
	if (c.op == opNe || c.op == opNotMatch) && c.arg.op == orOp {
		positive := opEq
		if c.op == opNotMatch {
			positive = opMatch
		}
		w.add(c.opPos, c.op.String(), fmt.Sprintf("%s with OR holds as soon as one of the values differs", c.op),
			fmt.Sprintf("write NOT field%s(… OR …)", positive))
	}
}

var doubledEscape = regexp.MustCompile(`\\\\[dDwWsSbB.(){}\[\]*+?^$|]`)

// pattern looks at `=~ "\\d"`.
func (w *warnings) pattern(t token) {
	if at := doubledEscape.FindString(t.text); at != "" {
		w.add(t.start, w.src[t.start:t.end], at+" in a pattern is a literal backslash", "write "+at[1:])
	}
}

// unfit says that a literal cannot be converted to its field's type.
func (w *warnings) unfit(v *value, f *field, t fieldType) {
	w.add(v.pos, v.text, fmt.Sprintf("%q is no %s, so the comparison with %s never holds", v.text, t, f.name), unfitHints[t])
}

var unfitHints = map[fieldType]string{
	severityType:  "one of DEFAULT, DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL, ALERT, EMERGENCY",
	timestampType: `as "2006-01-02T15:04:05Z" or "2006-01-02"`,
	durationType:  "a number and one of ns, us, ms, s, m, h",
	boolType:      "true or false",
}

// never says that a term can never hold, for a reason of its own.
func (w *warnings) never(pos int, token, message, hint string) {
	w.add(pos, token, message+", so this never holds", hint)
}

// logName looks at names that are not in the form in which they are stored.
func (w *warnings) logName(p *predicate, v *value) {
	if p.op != opEq && p.op != opNe {
		return
	}
	_, id, _ := strings.Cut(v.text, "/logs/")
	switch {
	case strings.HasPrefix(v.text, "/"):
		w.add(v.pos, v.text, "a stored logName never begins with /", "remove the /")
	case strings.Contains(id, "/"):
		w.add(v.pos, v.text, "a stored logName has its log id URL-encoded", "write %2F for / after /logs/, or use log_id")
	}
}

// inOrder gives the warnings by their place in the query.
func (w *warnings) inOrder() []Error {
	slices.SortStableFunc(w.list, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return w.list
}
