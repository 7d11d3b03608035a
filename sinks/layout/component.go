package layout

import (
	"crypto/sha256"
	"encoding/hex"
)

// maxComponent bounds a component, in bytes.
const maxComponent = 200

// none is the component of a value that is missing or empty.
const none = "_none"

// cutMark stands in a component that was cut, before its hash, and in no other.
const cutMark = '~'

// appendComponent appends a value as one path component of 1 to limit bytes of ASCII. Two different values never share one:
//   - a byte outside [A-Za-z0-9._@+,=-] becomes %XX, and so do a leading dot (no "..", no hidden folder, no .sluice), and the
//     "_" of a value that is literally "_none"; so undoing %XX gives the value back;
//   - a longer one is cut and ends in "~" and 128 bits of the value's sha256; "~" stands in no other component.
//
// Missing and empty are one and the same: "_none". Letters outside ASCII are escaped too, because file systems may take
// different spellings of one letter for the same name. So is ":", which makes the file names of the hourly layout
// (HH:00:00_…) unlike any folder of a log id.
func appendComponent(dst []byte, value string, limit int) []byte {
	if len(value) == 0 {
		return append(dst, none...)
	}
	if value == none {
		return append(dst, "%5Fnone"...)
	}
	start := len(dst)
	for i := range len(value) {
		dst = appendEscaped(dst, value[i], i == 0)
		if len(dst)-start > limit {
			return appendCut(dst[:start], value, limit)
		}
	}
	return dst
}

// appendCut appends as much of the value as leaves room for its mark and hash.
func appendCut(dst []byte, value string, limit int) []byte {
	sum := sha256.Sum256([]byte(value))
	end := len(dst) + limit - 1 - 32
	for i := range len(value) {
		grown := appendEscaped(dst, value[i], i == 0)
		if len(grown) > end {
			break
		}
		dst = grown
	}
	dst = append(dst, cutMark)
	return hex.AppendEncode(dst, sum[:16])
}

func appendEscaped(dst []byte, c byte, first bool) []byte {
	const digits = "0123456789ABCDEF"
	if plain[c] && (c != '.' || !first) {
		return append(dst, c)
	}
	return append(dst, '%', digits[c>>4], digits[c&15])
}

// plain marks the bytes that stand for themselves.
var plain = func() (t [256]bool) {
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			t[c] = true
		}
	}
	for _, c := range "._@+,=-" {
		t[c] = true
	}
	return t
}()
