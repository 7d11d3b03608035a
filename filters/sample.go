package filters

import (
	"math"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// hash gives the xxhash64 that sample compares with its fraction: of a text as it stands, of a number's shortest decimal, of
// another scalar's canonical text. Cloud Logging's own hash is not published, so the choice of entries differs from it.
func (w *Worker) hash(d *datum) (uint64, bool) {
	text, ok := w.canonical(d)
	if !ok {
		return 0, false
	}
	return xxhash.Sum64(text), true
}

// canonical gives a scalar's text.
func (w *Worker) canonical(d *datum) ([]byte, bool) {
	start := len(w.arena)
	switch d.kind {
	case textDatum:
		return d.text, true
	case numberDatum:
		if n, ok := smallInteger(d.text); ok && n != 0 && len(d.text) <= 15 {
			return d.text, true
		}
		w.arena = appendNumber(w.arena, d.number)
	default:
		var ok bool
		if w.arena, ok = appendCanonical(w.arena, d); !ok {
			return nil, false
		}
	}
	return w.arena[start:len(w.arena):len(w.arena)], true
}

// appendNumber writes a double as JSON does: without exponent from 1e-6 up to 1e21.
func appendNumber(dst []byte, f float64) []byte {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	if f == 0 {
		f = 0 // -0 is 0
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

// threshold is the largest hash that a fraction accepts.
func threshold(fraction float64) uint64 {
	if fraction >= 1 {
		return math.MaxUint64
	}
	return uint64(math.Ldexp(fraction, 64))
}

// Drawn says whether a value is in a share of all values that a salt chooses: two salts choose independently, and none as sample()
// does.
func Drawn(salt string, value []byte, share float64) bool {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(salt) // a hash takes everything
	_, _ = d.Write(value)
	return d.Sum64() <= threshold(share)
}
