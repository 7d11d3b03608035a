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

// hashAt hashes the key raw[i:end].
func hashAt(raw []byte, i, end int) uint32 {
	n := end - i
	if n > 16 || i+16 > len(raw) {
		return hashKey(raw[i:end])
	}
	b, mask := raw[i:i+16], &keyMasks[n]
	h := mix(hashSeed, binary.LittleEndian.Uint64(b)&mask[0], binary.LittleEndian.Uint64(b[8:])&mask[1])
	return uint32(h ^ h>>32)
}

// hashKey is the same for a key of any length and place.
func hashKey(b []byte) uint32 {
	h := uint64(hashSeed)
	var last [16]byte
	if len(b) > 16 {
		for rest := b; len(rest) > 16; rest = rest[16:] {
			h = mix(h, binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint64(rest[8:]))
		}
		last = [16]byte(b[len(b)-16:])
	} else {
		copy(last[:], b)
	}
	h = mix(h, binary.LittleEndian.Uint64(last[:]), binary.LittleEndian.Uint64(last[8:]))
	return uint32(h ^ h>>32)
}

// keyMasks keep the first n of sixteen bytes.
var keyMasks = func() (masks [17][2]uint64) {
	for n := range masks {
		masks[n][0] = 1<<(8*min(n, 8)) - 1
		masks[n][1] = 1<<(8*max(n-8, 0)) - 1
	}
	return masks
}()

const hashSeed = 0x9e3779b97f4a7c15

func mix(h, w0, w1 uint64) uint64 {
	hi, lo := bits.Mul64(w0^h, w1^0xd6e8feb86659fd93)
	return hi ^ lo
}

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
