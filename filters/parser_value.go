package filters

import "fmt"

// operand reads the right side of a comparison: a value or a list of values in parentheses.
func (p *parser) operand(op op) (*tree, *Error) {
	if p.tok.kind == tokOpen {
		return p.group(func() (*tree, *Error) { return p.list(op) })
	}
	return p.value(op)
}

// list reads a boolean combination of values.
func (p *parser) list(op op) (*tree, *Error) {
	var kids []*tree
	for {
		t, err := p.listFactor(op)
		if err != nil {
			return nil, err
		}
		kids = append(kids, t)
		switch {
		case p.tok.is("AND"):
			p.advance()
		case p.tok.kind == tokEOF, p.tok.kind == tokClose:
			return flat(andOp, kids), nil
		}
	}
}

func (p *parser) listFactor(op op) (*tree, *Error) {
	var kids []*tree
	for {
		t, err := p.listTerm(op)
		if err != nil {
			return nil, err
		}
		kids = append(kids, t)
		if !p.tok.is("OR") {
			return flat(orOp, kids), nil
		}
		p.advance()
	}
}

func (p *parser) listTerm(op op) (*tree, *Error) {
	pos := p.tok.start
	negated := p.tok.is("NOT") || p.tok.kind == tokMinus
	if negated {
		p.advance()
	}
	if p.tok.keyword() {
		return nil, p.unexpected("")
	}
	t, err := p.operand(op)
	if err != nil || !negated {
		return t, err
	}
	return &tree{op: notOp, pos: pos, kids: []*tree{t}}, nil
}

// value reads one value after an operator.
func (p *parser) value(op op) (*tree, *Error) {
	v := &value{pos: p.tok.start, quote: p.tok.quote}
	switch {
	case p.tok.kind == tokStar && op == opHas:
		v.star = true
		p.advance()
		if p.tok.start == p.end && (p.tok.kind == tokText || p.tok.kind == tokString || p.tok.kind == tokDot) {
			return nil, p.unexpected("* must be the whole operand; quote the text if it holds *")
		}
	case p.tok.kind == tokString && op.regex():
		v.text = p.tok.text
		p.warns.pattern(p.tok)
		p.advance()
	case p.tok.kind == tokString:
		text, err := p.unquoted()
		if err != nil {
			return nil, err
		}
		v.text = text
		p.advance()
	case p.tok.kind == tokText && op.regex():
		return nil, p.unexpected("a pattern stands in double quotes")
	case p.tok.kind == tokText:
		parts, err := p.parts()
		if err != nil {
			return nil, err
		}
		v.text, v.dots = joinParts(parts), len(parts) > 1
		if p.tok.kind == tokOpen && p.tok.start == p.end {
			return nil, p.unexpected("a function cannot stand on the right side of a comparison")
		}
	default:
		return nil, p.unexpected("")
	}
	return &tree{pos: v.pos, leaf: v}, nil
}

// unquoted gives the text of the current string token.
func (p *parser) unquoted() (string, *Error) {
	text, bad, ok := unescape(p.tok.text, p.tok.quote)
	if !ok {
		e := syntaxError(p.lex.src, p.tok.start, p.lex.src[p.tok.start:p.tok.end], "")
		e.Hint = fmt.Sprintf(`%s is no escape; write \\ for a backslash`, bad)
		return "", e
	}
	return text, nil
}

// parts reads components joined by dots, beginning at the current text or string. After a dot a keyword is plain text.
func (p *parser) parts() ([]part, *Error) {
	var parts []part
	for {
		if p.tok.kind != tokText && p.tok.kind != tokString {
			return nil, p.unexpected("")
		}
		text := p.tok.text
		if p.tok.kind == tokString {
			var err *Error
			if text, err = p.unquoted(); err != nil {
				return nil, err
			}
		}
		parts = append(parts, part{text: text, quoted: p.tok.kind == tokString})
		p.advance()
		if p.tok.kind != tokDot {
			return parts, nil
		}
		p.advance()
	}
}

// call reads a function whose name is the current token.
func (p *parser) call() (*call, *Error) {
	name := p.tok
	c := &call{fn: findFunction(name.text), name: name.text, pos: name.start}
	if name.keyword() || c.fn == nil {
		return nil, p.unknownFunction(name.text, name.start, "")
	}
	if p.opts.denies(c.fn.name) {
		return nil, errorAt(p.lex.src, name.start, name.text, fmt.Sprintf("function %q is not allowed here", c.fn.name))
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	p.advance() // the name
	p.advance() // the parenthesis
	if err := p.args(c); err != nil {
		return nil, err
	}
	if n := len(c.args); n < c.fn.min || n > c.fn.max {
		e := errorAt(p.lex.src, name.start, name.text, fmt.Sprintf("function %q does not take %d arguments", c.fn.name, n))
		e.Hint = c.fn.usage
		return nil, e
	}
	p.advance() // the closing parenthesis
	p.depth--
	return c, nil
}

// args reads the arguments of c up to the closing parenthesis.
func (p *parser) args(c *call) *Error {
	if p.tok.kind == tokClose {
		return nil
	}
	for {
		a, err := p.arg(c)
		if err != nil {
			return err
		}
		c.args = append(c.args, a)
		if p.tok.kind == tokClose {
			return nil
		}
		if p.tok.kind != tokComma {
			return p.unexpected("arguments are separated by commas")
		}
		p.advance()
	}
}

func (p *parser) arg(c *call) (arg, *Error) {
	a := arg{pos: p.tok.start, quote: p.tok.quote}
	if p.tok.kind == tokText && p.lex.touches(p.tok.end) {
		inner, err := p.call()
		a.call = inner
		return a, err
	}
	if c.fn.kind == fnRegexpExtract && len(c.args) == 1 && p.tok.kind == tokString {
		a.parts = []part{{text: unescapePattern(p.tok.text), quoted: true}}
		p.advance()
		return a, nil
	}
	parts, err := p.parts()
	a.parts = parts
	return a, err
}

// unknownFunction is the error for a name that is no function.
func (p *parser) unknownFunction(name string, pos int, hint string) *Error {
	e := errorAt(p.lex.src, pos, name, fmt.Sprintf("unknown function %q", name))
	if e.Hint = hint; hint == "" {
		e.Hint = didYouMean(name, functionNames())
	}
	return e
}
