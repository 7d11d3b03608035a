package filters

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// appendFolded appends NFKC_Casefold(text), the form in which the language compares strings: letter case, width, ligatures and
// invisible characters make no difference (Unicode Standard, section 3.13). ASCII takes a short way that allocates nothing.
func appendFolded(dst, text []byte) []byte {
	start := len(dst)
	dst = append(dst, text...)
	out := dst[start:]
	i := 0
	for ; i+8 <= len(out); i += 8 {
		w := binary.LittleEndian.Uint64(out[i:])
		if w&highBits != 0 {
			return appendFoldedUnicode(dst[:start], text)
		}
		if u := upperBits(w); u != 0 {
			binary.LittleEndian.PutUint64(out[i:], w|u>>2)
		}
	}
	for ; i < len(out); i++ {
		if out[i] >= utf8.RuneSelf {
			return appendFoldedUnicode(dst[:start], text)
		}
		out[i] = lowerASCII(out[i])
	}
	return dst
}

const highBits = 0x8080808080808080

// upperBits gives the high bit of each byte of an ASCII word that is an upper-case letter.
func upperBits(w uint64) uint64 {
	const ones = 0x0101010101010101
	return (w + ones*(0x80-'A')) &^ (w + ones*(0x80-'Z'-1)) & highBits
}

// isFolded says that a text is ASCII without upper-case letters, so that folding leaves it as it is.
func isFolded(text []byte) bool {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		if w&highBits != 0 || upperBits(w) != 0 {
			return false
		}
	}
	for _, c := range text[i:] {
		if c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// appendFoldedUnicode repeats normalisation and folding until nothing changes, since each may uncover work for the other.
func appendFoldedUnicode(dst, text []byte) []byte {
	fold := cases.Fold()
	for range 4 {
		normal := norm.NFKC.Bytes(withoutIgnorable(text))
		next := norm.NFKC.Bytes(withoutIgnorable(fold.Bytes(normal)))
		if string(next) == string(text) {
			break
		}
		text = next
	}
	return append(dst, text...)
}

// withoutIgnorable drops default-ignorable code points.
func withoutIgnorable(text []byte) []byte {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r >= utf8.RuneSelf && ignorable(r) {
			return dropIgnorable(text, i)
		}
		i += n
	}
	return text
}

func dropIgnorable(text []byte, from int) []byte {
	kept := append([]byte(nil), text[:from]...)
	for _, r := range string(text[from:]) {
		if r < utf8.RuneSelf || !ignorable(r) {
			kept = utf8.AppendRune(kept, r)
		}
	}
	return kept
}

// ignorable is the derived property Default_Ignorable_Code_Point (UCD, DerivedCoreProperties.txt).
func ignorable(r rune) bool {
	if unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r) {
		return true
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) &&
		(r < 0xFFF9 || r > 0xFFFB) && (r < 0x13430 || r > 0x1343F)
}
