package filters

import (
	"strings"
	"unicode/utf8"
)

// lexer cuts a query into tokens, one at a time, so that the first wrong token is the one reported. The character classes are
// those of Google's own grammar in ops-agent's confgenerator/filter.
type lexer struct {
	src         string
	pos         int
	plainQuotes bool // a single quote is an ordinary character, as in ops-agent
}

// next gives the next token. After the end it gives tokEOF for ever.
func (l *lexer) next() token {
	l.skipBlank()
	if l.pos >= len(l.src) {
		return token{kind: tokEOF, start: len(l.src), end: len(l.src)}
	}
	switch c := l.src[l.pos]; {
	case c == '"', c == '\'' && !l.plainQuotes:
		return l.quoted(c)
	case l.textStart():
		return l.bare()
	default:
		return l.symbol(c)
	}
}

// touches says that a parenthesis follows the given end of a token directly.
func (l *lexer) touches(end int) bool { return end < len(l.src) && l.src[end] == '(' }

// skipBlank skips white space and comments.
func (l *lexer) skipBlank() {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f':
			l.pos++
		case strings.HasPrefix(l.src[l.pos:], "\u00a0"):
			l.pos += len("\u00a0")
		case strings.HasPrefix(l.src[l.pos:], "--"):
			end := strings.IndexByte(l.src[l.pos:], '\n')
			if end < 0 {
				end = len(l.src) - l.pos
			}
			l.pos += end
		default:
			return
		}
	}
}

// quoted reads a string up to its closing quote. Any character after a backslash belongs to the string.
func (l *lexer) quoted(quote byte) token {
	start := l.pos
	for i := start + 1; i < len(l.src); i++ {
		switch l.src[i] {
		case '\\':
			i++
		case quote:
			l.pos = i + 1
			return token{kind: tokString, quote: quote, text: l.src[start+1 : i], start: start, end: i + 1}
		}
	}
	l.pos = len(l.src)
	return token{kind: tokBad, start: start, end: start + 1, why: "the string is not closed"}
}

// textStart says that a bare word begins here.
func (l *lexer) textStart() bool {
	c := l.src[l.pos]
	if c == '-' {
		return l.pos+1 < len(l.src) && isDigit(l.src[l.pos+1])
	}
	return c != '+' && c != '*' && l.textPart(l.pos) > 0
}

// bare reads a bare word. Its escapes stay as written.
func (l *lexer) bare() token {
	start := l.pos
	for l.pos < len(l.src) {
		n := l.textPart(l.pos)
		if n == 0 {
			break
		}
		l.pos += n
	}
	return token{kind: tokText, text: l.src[start:l.pos], start: start, end: l.pos}
}

// textPart gives the length of the character or escape of a bare word at i, 0 if there is none.
func (l *lexer) textPart(i int) int {
	c := l.src[i]
	switch {
	case c == '\\':
		return bareEscape(l.src[i:])
	case c < utf8.RuneSelf:
		if isDigit(c) || isLetter(c) || strings.IndexByte("#$%&'/;?@[]^_`{|}+-", c) >= 0 {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(l.src[i:])
	if r == utf8.RuneError && n == 1 || r < 0xA1 {
		return 0
	}
	return n
}

// bareEscape gives the length of the escape that s begins with, 0 if a bare word may not hold it.
func bareEscape(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch c := s[1]; {
	case strings.IndexByte(selfEscapes, c) >= 0:
		return 2
	case c >= '0' && c <= '7':
		return 2
	case c == 'u' && hexDigits(s[2:]) >= 4:
		return 6
	case c == 'x' && hexDigits(s[2:]) >= 2:
		return 4
	}
	return 0
}

// symbol reads an operator or a punctuation mark.
func (l *lexer) symbol(c byte) token {
	t := token{start: l.pos}
	n := 1
	rest := l.src[l.pos:]
	switch {
	case strings.HasPrefix(rest, "=~"):
		t.kind, t.op, n = tokOp, opMatch, 2
	case strings.HasPrefix(rest, "!~"):
		t.kind, t.op, n = tokOp, opNotMatch, 2
	case strings.HasPrefix(rest, "!="):
		t.kind, t.op, n = tokOp, opNe, 2
	case strings.HasPrefix(rest, "<="):
		t.kind, t.op, n = tokOp, opLe, 2
	case strings.HasPrefix(rest, ">="):
		t.kind, t.op, n = tokOp, opGe, 2
	case c == '=':
		t.kind, t.op = tokOp, opEq
	case c == '<':
		t.kind, t.op = tokOp, opLt
	case c == '>':
		t.kind, t.op = tokOp, opGt
	case c == ':':
		t.kind, t.op = tokOp, opHas
	default:
		t.kind, n = punctuation(rest)
	}
	l.pos += n
	t.end = l.pos
	t.text = l.src[t.start:t.end]
	return t
}

func punctuation(rest string) (tokenKind, int) {
	switch rest[0] {
	case '(':
		return tokOpen, 1
	case ')':
		return tokClose, 1
	case ',':
		return tokComma, 1
	case '.':
		return tokDot, 1
	case '-':
		return tokMinus, 1
	case '*':
		return tokStar, 1
	}
	_, n := utf8.DecodeRuneInString(rest)
	return tokBad, n
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// hexDigits counts the hexadecimal digits that s begins with, at most 4.
func hexDigits(s string) int {
	n := 0
	for n < len(s) && n < 4 && (isDigit(s[n]) || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'f') {
		n++
	}
	return n
}
