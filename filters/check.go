package filters

import (
	"fmt"
	"regexp"
	"strings"
)

// checker turns the syntax tree into predicates: it finds the fields, converts literals, compiles patterns.
type checker struct {
	src   string
	warns *warnings
}

func (c *checker) tree(t *tree) (*node, *Error) {
	if t.op != leafOp {
		return c.kids(t, c.tree)
	}
	switch x := t.leaf.(type) {
	case *comparison:
		return c.comparison(x)
	case *call:
		return c.boolCall(x)
	default:
		v := x.(*value)
		return &node{pred: &predicate{kind: globalPredicate, text: quoteText(v.text), lit: newLiteral(v.text)}}, nil
	}
}

func (c *checker) kids(t *tree, check func(*tree) (*node, *Error)) (*node, *Error) {
	n := &node{op: t.op}
	for _, k := range t.kids {
		kid, err := check(k)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	return n, nil
}

// comparison checks the left side once and each value on the right.
func (c *checker) comparison(x *comparison) (*node, *Error) {
	left := predicate{op: x.op}
	var err *Error
	if x.call != nil {
		left.field, left.chain, err = c.chain(x.call)
		left.text = printCall(x.call)
	} else if left.field, err = c.path(x.path); err == nil {
		left.text = left.field.name
	}
	if err != nil {
		return nil, err
	}
	return c.values(left, x.arg)
}

func (c *checker) values(left predicate, t *tree) (*node, *Error) {
	if t.op != leafOp {
		return c.kids(t, func(k *tree) (*node, *Error) { return c.values(left, k) })
	}
	p := left
	v := t.leaf.(*value)
	p.text += printOperation(p.op, v)
	switch {
	case v.star:
		p.kind = presentPredicate
	case p.op.regex():
		if err := c.pattern(&p, v); err != nil {
			return nil, err
		}
	case v.null():
		p.kind = nullPredicate
		if p.op != opEq && p.op != opNe {
			p.kind = neverPredicate
			c.warns.never(v.pos, v.text, "NULL_VALUE takes only = and !=", "")
		}
	default:
		c.literal(&p, v)
	}
	return &node{pred: &p}, nil
}

// pattern makes p a match with a regular expression.
func (c *checker) pattern(p *predicate, v *value) *Error {
	p.kind = matchPredicate
	re, err := regexp.Compile(v.text)
	if err != nil {
		return c.badPattern(v.pos, err)
	}
	p.pattern, p.required = re, requiredWords(re)
	if t := p.leftType(); t != stringType && t != dynamicType {
		p.kind = neverPredicate
		c.warns.never(v.pos, v.text, fmt.Sprintf("%s is a %s and patterns match only text", p.field.name, t), "")
	}
	return nil
}

func (c *checker) badPattern(pos int, err error) *Error {
	e := errorAt(c.src, pos, c.literalAt(pos), "invalid regular expression")
	e.Hint = strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	return e
}

// literal makes p a comparison with a literal.
func (c *checker) literal(p *predicate, v *value) {
	p.kind = comparePredicate
	p.lit = newLiteral(v.text)
	t := p.leftType()
	if !p.lit.fits(t) {
		p.kind = neverPredicate
		c.warns.unfit(v, p.field, t)
	}
	if t.container() && p.op != opHas {
		p.kind = neverPredicate
		c.warns.never(v.pos, v.text, fmt.Sprintf("%s is a %s, which has no value to compare", p.field.name, t), "name one of its members")
	}
	if p.chain == nil && p.field.name == "logName" {
		c.warns.logName(p, v)
	}
}

// leftType is the type of what is compared.
func (p *predicate) leftType() fieldType {
	if p.chain == nil {
		return p.field.typ
	}
	last := p.chain[len(p.chain)-1]
	if last.extract != nil {
		return stringType
	}
	return castFieldTypes[last.cast]
}

// path finds a field once.
func (c *checker) path(p *path) (*field, *Error) {
	f, err := resolve(c.src, p)
	p.field = f
	return f, err
}

// literalAt gives the token that begins at pos.
func (c *checker) literalAt(pos int) string {
	l := lexer{src: c.src, pos: pos}
	t := l.next()
	return c.src[t.start:t.end]
}
