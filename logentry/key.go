package logentry

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// key is one key of an object that is being walked: a place in the entry or, when it had escapes, in the arena.
type key struct {
	hash    uint32
	start   uint32
	size    uint32
	unquote bool // in the arena
}

// manyKeys is the size from which an object's keys are compared by sorting them, so that no object costs a square of its size.
const manyKeys = 64

// scanKey scans a key from behind its opening quote, as scanString does, and hashes it on the way. The hash of a key with
// escapes is of no use.
func scanKey(raw []byte, i int) (end int, hash uint32, marks uint64) {
	start := i
	h := uint64(hashSeed)
	for i+8 <= len(raw) {
		w := word(raw, i)
		marks |= w
		m := special(w)
		if m == 0 {
			h = mix(h, w)
			i += 8
			continue
		}
		// The bits below the mark's own byte are the key's.
		h = mix(h, w&(m&-m>>7-1))
		if i += bits.TrailingZeros64(m) / 8; raw[i] == '"' {
			return i, uint32(h >> 32), marks & highBits
		}
		break
	}
	if end, marks = scanRest(raw, i, marks&highBits); end < 0 || marks&escaped != 0 {
		return end, 0, marks
	}
	return end, hashKey(raw[start:end]), marks
}

// hashKey is the hash that scanKey gives a key without escapes.
func hashKey(b []byte) uint32 {
	h := uint64(hashSeed)
	for len(b) >= 8 {
		h = mix(h, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	return uint32(mix(h, lastWord(b, 0)) >> 32)
}

const hashSeed = 0x9e3779b97f4a7c15

func mix(h, w uint64) uint64 { return (bits.RotateLeft64(h, 29) ^ w) * 0xd6e8feb86659fd93 }

// text gives the key's characters.
func (x *found) text(k key) []byte {
	if k.unquote {
		return x.arena[k.start : k.start+k.size]
	}
	return x.raw[k.start : k.start+k.size]
}

// holds says whether the keys since base hold this one.
func (x *found) holds(base int, hash uint32, text []byte) bool {
	for _, k := range x.keys[base:] {
		if k.hash == hash && bytes.Equal(x.text(k), text) {
			return true
		}
	}
	return false
}

// duplicate sorts the keys since base and gives one that stands there twice.
func (x *found) duplicate(base int) (key, bool) {
	keys := x.keys[base:]
	compare := func(a, b key) int {
		if a.hash != b.hash {
			return cmp.Compare(a.hash, b.hash)
		}
		return bytes.Compare(x.text(a), x.text(b))
	}
	slices.SortFunc(keys, compare)
	for i := 1; i < len(keys); i++ {
		if compare(keys[i-1], keys[i]) == 0 {
			return keys[i], true
		}
	}
	return key{}, false
}
