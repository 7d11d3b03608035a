package filters

import (
	"strconv"
	"strings"
)

// selfEscapes are the characters that a backslash leaves as they are.
const selfEscapes = `,:=<>+~"\.*`

// namedEscapes are the letters that stand for a control character.
var namedEscapes = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// unescape undoes the escapes of a quoted string. It follows ops-agent's Unquote, which keeps parity with Cloud Logging: hex,
// octal and \u give code points, an incomplete one stays as written, as does a lone backslash at the end. ok is false when an
// escape is unknown; bad is that escape.
func unescape(s string, quote byte) (text, bad string, ok bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, "", true
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		n := escapeRune(&b, s[i:], quote)
		if n == 0 {
			r := []rune(s[i+1:])
			return "", `\` + string(r[0]), false
		}
		i += n
	}
	return b.String(), "", true
}

// escapeRune undoes the escape at the start of s and gives its length, 0 when it is unknown.
func escapeRune(b *strings.Builder, s string, quote byte) int {
	if len(s) == 1 {
		b.WriteByte('\\')
		return 1
	}
	c := s[1]
	if strings.IndexByte(selfEscapes, c) >= 0 || c == '\'' && quote == '\'' {
		b.WriteByte(c)
		return 2
	}
	if named, ok := namedEscapes[c]; ok {
		b.WriteByte(named)
		return 2
	}
	switch {
	case c == 'u':
		return codePoint(b, s, 4)
	case c == 'x':
		return codePoint(b, s, 2)
	case c >= '0' && c <= '7':
		return octal(b, s)
	}
	return 0
}

// codePoint undoes \uHHHH or \xHH; an incomplete one stays.
func codePoint(b *strings.Builder, s string, digits int) int {
	if hexDigits(s[2:]) < digits {
		b.WriteString(s[:2])
		return 2
	}
	r, _ := strconv.ParseUint(s[2:2+digits], 16, 32)
	b.WriteRune(rune(r))
	return 2 + digits
}

// octal undoes \O, \OO, and \OOO when the first digit is at most 3.
func octal(b *strings.Builder, s string) int {
	limit := 3
	if s[1] > '3' {
		limit = 2
	}
	n, r := 0, rune(0)
	for n < limit && 1+n < len(s) && s[1+n] >= '0' && s[1+n] <= '7' {
		r = r*8 + rune(s[1+n]-'0')
		n++
	}
	b.WriteRune(r)
	return 1 + n
}

// quoteText writes text as a string literal that unescape reads back.
func quoteText(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quotePattern writes a regular expression, whose escapes are RE2's own, between double quotes.
func quotePattern(pattern string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			b.WriteString(pattern[i : i+2])
			i++
		case pattern[i] == '"':
			b.WriteString(`\"`)
		default:
			b.WriteByte(pattern[i])
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unescapePattern undoes the two escapes that the pattern of regexp_extract needs beside RE2's own: \\ and \".
func unescapePattern(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '"') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quoteExtract writes the pattern of regexp_extract so that unescapePattern reads it back.
func quoteExtract(pattern string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(pattern) + `"`
}
