package redact

import (
	"bytes"
	"net/netip"
	"strings"
)

// mayHoldAddress is a cheap first question.
func mayHoldAddress(text []byte) bool {
	return bytes.IndexByte(text, '@') >= 0 || bytes.Count(text, []byte(":")) >= 2 || bytes.Count(text, []byte(".")) >= 3 ||
		bytes.Contains(text, []byte("%40"))
}

// nextAddress finds the first address in text from an index on, -1 when there is none.
func nextAddress(text []byte, from int) (start, end int) {
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == '@', c == '%' && bytes.HasPrefix(text[i:], []byte("%40")):
			if start, end, ok := mailAround(text, from, i); ok {
				return start, end
			}
		case isHex(c) || c == ':':
			if i > from && isAlnum(text[i-1]) {
				continue // inside a word
			}
			if end := addressAt(text, i); end > i {
				if start, mailEnd, ok := mailOver(text, from, i, end); ok { // ana.10.0.0.1@host.example
					return start, mailEnd
				}
				return i, end
			}
		}
	}
	return -1, -1
}

// longestLocal bounds the part before the @, which RFC 5321 bounds by 64, however it is encoded.
const longestLocal = 200

// mailAround finds the e-mail address whose @ (or %40) stands at i: a local part, and a domain with a dot.
func mailAround(text []byte, from, i int) (start, end int, ok bool) {
	start = i
	for start > max(from, i-longestLocal) && isLocal(text[start-1]) {
		start--
	}
	domain := i + 1
	if text[i] == '%' {
		domain = i + 3
	}
	end = domain
	for end < len(text) && (isWord(text[end]) || text[end] == '-' || text[end] == '.') {
		end++
	}
	for end > domain && (text[end-1] == '.' || text[end-1] == '-') { // of the sentence
		end--
	}
	name := text[domain:end]
	dot := bytes.LastIndexByte(name, '.')
	if start == i || dot < 1 || len(name)-dot < 3 || isDigit(name[dot+1]) {
		return 0, 0, false
	}
	return start, end, true
}

// mailOver finds the e-mail address that an IP address is the end of the local part of.
func mailOver(text []byte, from, start, end int) (int, int, bool) {
	for most := end + longestLocal; end < min(len(text), most) && isLocal(text[end]); {
		end++
	}
	if end < len(text) && (text[end] == '@' || bytes.HasPrefix(text[end:], []byte("%40"))) {
		return mailAround(text, from, end)
	}
	return 0, 0, false
}

// longestAddress is how long an IP address can be as text.
const longestAddress = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

// addressAt gives the end of the longest IP address that begins at i; i when there is none.
func addressAt(text []byte, i int) int {
	run, dots, colons := i, 0, 0
	for ; run < len(text) && run-i < longestAddress && (isHex(text[run]) || text[run] == ':' || text[run] == '.'); run++ {
		switch text[run] {
		case '.':
			dots++
		case ':':
			colons++
		}
	}
	if dots < 3 && colons < 2 {
		return i
	}
	for end := run; end > i+1; end-- {
		if (end == len(text) || !isAlnum(text[end])) && isAddress(text[i:end]) {
			return end
		}
	}
	return i
}

// isAddress says whether all of a text is an IP address. Of IPv4, leading zeros are fine.
func isAddress(text []byte) bool {
	switch colons := bytes.Count(text, []byte(":")); {
	case colons == 0:
		return isQuad(string(text))
	case colons == 7 || colons == 6 || bytes.Contains(text, []byte("::")):
		_, err := netip.ParseAddr(string(text))
		return err == nil && len(text) > 2 // "::" alone is nobody's
	}
	return false
}

func isQuad(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return false
	}
	for _, p := range parts {
		n := 0
		for _, c := range []byte(p) {
			if !isDigit(c) {
				return false
			}
			n = n*10 + int(c-'0')
		}
		if len(p) == 0 || len(p) > 3 || n > 255 {
			return false
		}
	}
	return true
}

// isAlnum says whether a byte is a letter or digit of ASCII: next to one, a number is part of a word.
func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// isWord says whether a byte is of a word; those outside ASCII are.
func isWord(c byte) bool { return isAlnum(c) || c == '_' || c >= 0x80 }

// isLocal says whether a byte is of the part before the @: what RFC 5322 allows, less what more often separates (/ = ? & # …).
func isLocal(c byte) bool { return isWord(c) || strings.IndexByte(".!$%'*+-^~", c) >= 0 }
