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
func appendFolded(dst, text []byte) []byte { return appendFoldedFrom(dst, text, 0) }

// appendFoldedFrom is appendFolded for a text that is folded up to from, as foldedPrefix says.
func appendFoldedFrom(dst, text []byte, from int) []byte {
	start := len(dst)
	dst = append(dst, text...)
	out := dst[start:]
	i := from
	for ; i+8 <= len(out); i += 8 {
		w := binary.LittleEndian.Uint64(out[i:])
		if w&highBits != 0 {
			return appendFoldedUnicode(dst[:start], text)
		}
		if u := upperBits(w) & highBits; u != 0 {
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

// upperBits sets the high bit of each byte of an ASCII word that is an upper-case letter; other bits are of no meaning.
func upperBits(w uint64) uint64 {
	const ones = 0x0101010101010101
	return (w + ones*(0x80-'A')) &^ (w + ones*(0x80-'Z'-1))
}

// foldedPrefix gives how many bytes of a text are ASCII without upper-case letters, which folding leaves as they are: all of
// them, or some from the start.
func foldedPrefix(text []byte) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		// The first question, whether a byte is from 0x40 to 0x5f or above 0x7f, is cheap.
		if (w|w&^(w<<1)<<1)&highBits != 0 && (w|upperBits(w))&highBits != 0 {
			return i
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return i
		}
	}
	return i
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
