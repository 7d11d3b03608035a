package filters

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// appendFolded appends NFKC_Casefold(text), the form in which the language compares strings: letter case, width, ligatures and
// invisible characters make no difference (Unicode Standard, section 3.13). ASCII takes a short way that allocates nothing.
func appendFolded(dst, text []byte) []byte {
	start := len(dst)
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return appendFoldedUnicode(dst[:start], text, i)
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// appendFoldedUnicode repeats normalisation and folding until nothing changes, since each may uncover work for the other.
// ascii is the length of text's ASCII prefix.
func appendFoldedUnicode(dst, text []byte, ascii int) []byte {
	start := len(dst)
	fold := cases.Fold()
	for range 4 {
		normal := norm.NFKC.Bytes(withoutIgnorable(text))
		next := norm.NFKC.Bytes(withoutIgnorable(fold.Bytes(normal)))
		if string(next) == string(text) {
			break
		}
		text = next
	}
	return append(dst[:start], text...)
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
