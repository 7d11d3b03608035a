package filters

import "fmt"

// maxNesting bounds parentheses and calls inside each other.
const maxNesting = 500

// parser reads the grammar of query-language: NOT binds tightest, then OR, then juxtaposition and AND.
type parser struct {
	lex   lexer
	tok   token
	end   int // of the token before tok
	depth int
	opts  *Options
	warns *warnings
}

// parse gives the tree of a query; nil for one that holds no term.
func parse(src string, opts *Options, warns *warnings) (*tree, *Error) {
	p := &parser{lex: lexer{src: src, plainQuotes: opts.PlainQuotes}, opts: opts, warns: warns}
	p.advance()
	if p.tok.kind == tokEOF {
		return nil, nil
	}
	t, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEOF {
		return nil, p.unexpected("")
	}
	return t, nil
}

func (p *parser) advance() {
	p.end = p.tok.end
	p.tok = p.lex.next()
	if p.tok.kind == tokString && p.tok.quote == '\'' {
		p.warns.singleQuotes(p.tok)
	}
}

// unexpected is the error at the current token.
func (p *parser) unexpected(hint string) *Error {
	src := p.lex.src
	if p.tok.kind == tokBad && p.tok.why != "" {
		e := syntaxError(src, p.tok.start, src[p.tok.start:p.tok.end], p.tok.why)
		return e
	}
	return syntaxError(src, p.tok.start, src[p.tok.start:p.tok.end], p.hint(hint))
}

// hint adds what the author may have meant, when the parser itself has nothing to say.
func (p *parser) hint(hint string) string {
	if hint != "" {
		return hint
	}
	switch p.tok.kind {
	case tokEOF:
		return "the query ends too early"
	case tokStar:
		return `write field:* to ask whether a field is present; quote the text if it holds *`
	case tokComma:
		return "commas stand only between the arguments of a function"
	case tokClose:
		return "something is missing before ), or ( was never opened"
	case tokMinus:
		return `quote a text that begins with -`
	case tokDot, tokOp, tokBad:
		return `quote a text that holds special characters`
	}
	if p.tok.keyword() {
		return "a term is missing here"
	}
	return ""
}

// expression reads factors joined by AND or by nothing.
func (p *parser) expression() (*tree, *Error) {
	var kids []*tree
	for {
		t, err := p.factor()
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

// factor reads terms joined by OR.
func (p *parser) factor() (*tree, *Error) {
	var kids []*tree
	for {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		kids = append(kids, t)
		if !p.tok.is("OR") {
			return p.orFactor(kids), nil
		}
		p.advance()
	}
}

func (p *parser) orFactor(kids []*tree) *tree {
	p.warns.globalAfterComparison(kids)
	return flat(orOp, kids)
}

// term reads a simple term with at most one negation.
func (p *parser) term() (*tree, *Error) {
	if !p.tok.is("NOT") && p.tok.kind != tokMinus {
		return p.simple()
	}
	pos := p.tok.start
	p.advance()
	if p.tok.is("NOT") || p.tok.kind == tokMinus {
		return nil, p.unexpected("a term takes one negation")
	}
	t, err := p.simple()
	if err != nil {
		return nil, err
	}
	return &tree{op: notOp, pos: pos, kids: []*tree{t}}, nil
}

// simple reads a group or a restriction.
func (p *parser) simple() (*tree, *Error) {
	if p.tok.kind == tokOpen {
		return p.group(p.expression)
	}
	return p.restriction()
}

// group reads what stands between parentheses.
func (p *parser) group(inner func() (*tree, *Error)) (*tree, *Error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	p.advance()
	t, err := inner()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokClose {
		return nil, p.unexpected(")")
	}
	p.advance()
	p.depth--
	return t, nil
}

// deeper counts a level of nesting.
func (p *parser) deeper() *Error {
	if p.depth++; p.depth > maxNesting {
		return p.unexpected(fmt.Sprintf("at most %d levels of parentheses", maxNesting))
	}
	return nil
}

// restriction reads a comparison, a call or a global restriction.
func (p *parser) restriction() (*tree, *Error) {
	if p.tok.kind != tokText && p.tok.kind != tokString || p.tok.keyword() {
		return nil, p.unexpected("")
	}
	pos := p.tok.start
	if p.tok.kind == tokText && p.lex.touches(p.tok.end) {
		return p.callTerm()
	}
	first := p.tok
	parts, err := p.parts()
	if err != nil {
		return nil, err
	}
	if p.tok.kind == tokOp {
		return p.comparison(&comparison{path: &path{parts: parts, pos: pos}}, pos)
	}
	if first.kind == tokString && len(parts) > 1 {
		return nil, p.unexpected("a path needs an operator and a value")
	}
	if first.kind == tokText && p.lex.touches(p.end) {
		return nil, p.unknownFunction(joinParts(parts), pos, "is an operator missing before the parenthesis?")
	}
	v := &value{text: joinParts(parts), quote: first.quote, dots: len(parts) > 1, pos: pos}
	p.warns.global(v, first, p.tok)
	return &tree{pos: pos, leaf: v}, nil
}

// callTerm reads a function, and the comparison that a value function needs.
func (p *parser) callTerm() (*tree, *Error) {
	pos := p.tok.start
	c, err := p.call()
	if err != nil {
		return nil, err
	}
	if c.fn.kind == fnTimezone {
		return nil, p.unknownFunction(c.name, pos, "it stands only inside cast")
	}
	if !c.fn.value() {
		return &tree{pos: pos, leaf: c}, nil
	}
	if p.tok.kind != tokOp {
		return nil, p.unexpected(c.fn.name + " gives a value: compare it with something")
	}
	return p.comparison(&comparison{call: c}, pos)
}

func (p *parser) comparison(c *comparison, pos int) (*tree, *Error) {
	c.op, c.opPos = p.tok.op, p.tok.start
	p.advance()
	arg, err := p.operand(c.op)
	if err != nil {
		return nil, err
	}
	c.arg = arg
	p.warns.comparison(c)
	return &tree{pos: pos, leaf: c}, nil
}
