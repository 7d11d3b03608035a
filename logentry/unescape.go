package logentry

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendText appends the value's text with escapes undone: a string's characters, another token as written. A lone surrogate
// becomes U+FFFD, as in encoding/json.
func (v Value) AppendText(dst []byte) []byte {
	if !v.Escaped {
		return append(dst, v.Text...)
	}
	return appendUnescaped(dst, v.Text)
}

// appendUnescaped undoes the escapes of a string's text, which scanString has judged.
func appendUnescaped(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		c := text[i+1]
		text = text[i+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			var r rune
			r, text = codePoint(text)
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
}

// codePoint reads the hexadecimal digits after \u and, when they are the first half of a pair, the second half as well.
func codePoint(text []byte) (rune, []byte) {
	r := codeUnit(text)
	if r < 0 {
		return utf8.RuneError, text
	}
	text = text[4:]
	if !utf16.IsSurrogate(r) {
		return r, text
	}
	if len(text) >= 6 && text[0] == '\\' && text[1] == 'u' {
		if pair := utf16.DecodeRune(r, codeUnit(text[2:])); pair != utf8.RuneError {
			return pair, text[6:]
		}
	}
	return utf8.RuneError, text
}

// codeUnit reads four hexadecimal digits; -1 when they are not.
func codeUnit(text []byte) rune {
	if len(text) < 4 {
		return -1
	}
	var r rune
	for _, c := range text[:4] {
		d := hexValue(c)
		if d < 0 {
			return -1
		}
		r = r<<4 | d
	}
	return r
}
