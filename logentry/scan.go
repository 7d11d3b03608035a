package logentry

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The scanners below read one token from a position of a JSON text and return the position after it, or the bitwise
// complement of the position of the fault, which is negative. They are shared by Extract, Frame and Walk.

// Masks for eight bytes at a time.
const (
	ones     = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special sets the high bit of the first byte of w (the lowest) that is a quote, a backslash or a control character. Bits above
// it may be wrong: a borrow runs through them. Bytes above 0x7f never set it.
func special(w uint64) uint64 {
	// Flipping bit 1 puts the quote beside the control characters, below 0x21, and leaves the blank above.
	return (((w ^ 2*ones) - 0x21*ones) | ((w ^ '\\'*ones) - ones)) &^ w & highBits
}

// word reads the eight bytes at i, which the caller knows to be there: binary.LittleEndian.Uint64(raw[i:]) without its checks,
// which count in the innermost loops.
func word(raw []byte, i int) uint64 {
	at := (*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(raw)), i))
	return binary.LittleEndian.Uint64(at[:])
}

// lastWord reads up to eight bytes at i; behind the end are zeros, which are control characters.
//
//go:noinline
func lastWord(raw []byte, i int) uint64 {
	if i+8 <= len(raw) {
		return word(raw, i)
	}
	var b [8]byte
	if i < len(raw) {
		copy(b[:], raw[i:])
	}
	return binary.LittleEndian.Uint64(b[:])
}

// escaped is what scanString and scanKey return when a backslash was met, besides the high bits of characters outside ASCII.
const escaped = 1

// scanString scans from behind the opening quote and gives the position of the closing one. An escape is judged, so the
// string can be unescaped without fail.
func scanString(raw []byte, i int) (end int, marks uint64) {
	for i+8 <= len(raw) {
		w := word(raw, i)
		marks |= w
		if m := special(w); m != 0 {
			if i += bits.TrailingZeros64(m) / 8; raw[i] == '"' {
				return i, marks & highBits
			}
			break
		}
		i += 8
	}
	return scanRest(raw, i, marks&highBits)
}

// scanRest is scanString for strings with escapes and for the last bytes of a text.
func scanRest(raw []byte, i int, marks uint64) (int, uint64) {
	for {
		w := lastWord(raw, i)
		m := special(w)
		marks |= w & highBits
		if m == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(m) / 8; i < len(raw) && raw[i] == '"' {
			return i, marks
		}
		if i = escape(raw, i); i < 0 {
			return i, marks
		}
		marks |= escaped
	}
}

// escape scans a backslash escape; anything else is a fault.
func escape(raw []byte, i int) int {
	if i+1 >= len(raw) || raw[i] != '\\' {
		return ^i
	}
	switch raw[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 > len(raw) {
			return ^i
		}
		for _, c := range raw[i+2 : i+6] {
			if hexValue(c) < 0 {
				return ^i
			}
		}
		return i + 6
	}
	return ^i
}

// hexValue gives the value of a hexadecimal digit, or -1.
func hexValue(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// blanks skips white space: most often there is none.
func blanks(raw []byte, i int) int {
	if i < len(raw) && raw[i] > ' ' {
		return i
	}
	return skipBlanks(raw, i)
}

func skipBlanks(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// number scans a number of JSON's strict grammar, of any magnitude.
func number(raw []byte, i int) int {
	if i < len(raw) && raw[i] == '-' {
		i++
	}
	if i < len(raw) && raw[i] == '0' {
		i++
	} else if i = digits(raw, i); i < 0 {
		return i
	}
	if i < len(raw) && raw[i] == '.' {
		if i = digits(raw, i+1); i < 0 {
			return i
		}
	}
	if i < len(raw) && raw[i]|0x20 == 'e' {
		i++
		if i < len(raw) && (raw[i] == '+' || raw[i] == '-') {
			i++
		}
		return digits(raw, i)
	}
	return i
}

// digits scans one digit or more.
func digits(raw []byte, i int) int {
	start := i
	for i < len(raw) && raw[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return ^i
	}
	return i
}

// literal scans true, false or null.
func literal(raw []byte, i int) (end int, kind Kind) {
	word, kind := "true", Bool
	switch raw[i] {
	case 'f':
		word = "false"
	case 'n':
		word, kind = "null", Null
	}
	if len(raw)-i < len(word) || string(raw[i:i+len(word)]) != word {
		return ^i, Absent
	}
	return i + len(word), kind
}
