package logentry

import (
	"encoding/binary"
	"math/bits"
)

// Before the walk, one pass without branches marks each byte of the entry that can end a run of plain string characters. The
// walk then leaps from quote to quote: strings are most of an entry, and a loop over each one's bytes is what a processor
// predicts worst.

// Masks for eight bytes at a time.
const (
	ones     = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special sets the high bit of each byte of w that is a quote, a backslash or a control character, and perhaps of a byte above
// such a one: a borrow runs through it. Bytes above 0x7f are never marked.
func special(w uint64) uint64 {
	// Flipping bit 1 puts the quote beside the control characters, below 0x21, and leaves the blank above.
	return (((w ^ 2*ones) - 0x21*ones) | ((w ^ '\\'*ones) - ones)) &^ w
}

// gather moves the high bits of eight bytes into one byte, in their order.
func gather(marks uint64) byte { return byte(marks & highBits * 0x0002040810204081 >> 56) }

// mark fills x.marks, a bit for each byte of raw and more that are set behind its end, and x.high.
func (x *found) mark(raw []byte) {
	words := len(raw) / 8
	if cap(x.marks) < words+16 {
		x.marks = make([]byte, 2*(words+16))
	}
	x.marks = x.marks[:words+16]
	high := uint64(0)
	marks := x.marks[:words]
	for i := range marks {
		w := binary.LittleEndian.Uint64(raw)
		raw = raw[8:]
		high |= w
		marks[i] = gather(special(w))
	}
	var last [8]byte // zeros are control characters
	copy(last[:], raw)
	w := binary.LittleEndian.Uint64(last[:])
	x.marks[words] = gather(special(w))
	x.high = (high | w) & highBits
}

// next gives the position of the first mark from i on, which is inside raw or behind it.
func (x *found) next(i int) int {
	if m := binary.LittleEndian.Uint64(x.marks[i>>3:]) >> (i & 7); m != 0 {
		return i + bits.TrailingZeros64(m)
	}
	return x.nextFar(i&^7 + 64)
}

func (x *found) nextFar(i int) int {
	for {
		if m := binary.LittleEndian.Uint64(x.marks[i>>3:]); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
		i += 64
	}
}

// str scans a string from behind its opening quote and gives the position of the closing one, and whether there are escapes,
// which are judged. Negative: the complement of the position of a fault.
func (x *found) str(i int) (end int, escaped bool) {
	raw := x.raw
	for {
		i = x.next(i)
		if i >= len(raw) {
			return ^i, escaped
		}
		switch c := raw[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			if i = escape(raw, i); i < 0 {
				return i, true
			}
			escaped = true
		case c < ' ':
			return ^i, escaped
		default: // marked by a borrow
			i++
		}
	}
}
