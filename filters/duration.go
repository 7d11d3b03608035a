package filters

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// parseDuration reads a signed decimal and exactly one unit of ns, us, ms, s, m, h, and gives nanoseconds. Beyond 292 years it
// gives the longest duration there is.
func parseDuration(s string) (int64, bool) {
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	end := 0
	for end < len(s) && (isDigit(s[end]) || s[end] == '.') {
		end++
	}
	unit, ok := durationUnits[s[end:]]
	if !ok {
		return 0, false
	}
	n, ok := scaled(s[:end], unit)
	if negative {
		n = -n
	}
	return n, ok
}

var durationUnits = map[string]uint64{"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}

// scaled multiplies a decimal by a unit, exactly, and cuts what is smaller than one.
func scaled(decimal string, unit uint64) (int64, bool) {
	whole, fraction, _ := strings.Cut(decimal, ".")
	if whole+fraction == "" || strings.Contains(fraction, ".") {
		return 0, false
	}
	if len(fraction) > 13 {
		fraction = fraction[:13] // an hour has fewer than 10^13 nanoseconds
	}
	total := uint64(0)
	if fraction != "" {
		n, _ := strconv.ParseUint(fraction, 10, 64)
		high, low := bits.Mul64(n, unit)
		total, _ = bits.Div64(high, low, uint64(math.Pow10(len(fraction))))
	}
	if whole != "" {
		n, err := strconv.ParseUint(whole, 10, 64)
		high, low := bits.Mul64(n, unit)
		if err != nil || high != 0 || low > math.MaxInt64-total {
			return math.MaxInt64, true
		}
		total += low
	}
	return int64(total), true
}

// appendDuration writes nanoseconds as JSON for protocol buffers does: 3.2s.
func appendDuration(dst []byte, n int64) []byte {
	u := uint64(n)
	if n < 0 {
		dst = append(dst, '-')
		u = -u
	}
	dst = strconv.AppendUint(dst, u/1e9, 10)
	if fraction := u % 1e9; fraction != 0 {
		text := strconv.AppendUint(nil, 1e9+fraction, 10)
		text[0] = '.'
		dst = append(dst, strings.TrimRight(string(text), "0")...)
	}
	return append(dst, 's')
}
