package exprs

import (
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendText appends a Column's value as a cell of a table shows it: a text as it is, a time in RFC 3339, a duration as 1.5s, a
// list or an object as JSON, nothing for nil.
func AppendText(dst []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return dst
	case string:
		return append(dst, x...)
	case time.Time:
		return x.AppendFormat(dst, time.RFC3339Nano)
	case time.Duration:
		return appendSeconds(dst, x)
	}
	return AppendJSON(dst, v)
}

// AppendJSON appends a Column's value as JSON, with the keys of objects in order, so that equal values give equal text. What JSON
// cannot say (infinite numbers) is null.
func AppendJSON(dst []byte, v any) []byte {
	switch x := v.(type) {
	case bool:
		return strconv.AppendBool(dst, x)
	case string:
		return appendQuoted(dst, x)
	case int:
		return strconv.AppendInt(dst, int64(x), 10)
	case *big.Int:
		return x.Append(dst, 10)
	case float64:
		if !math.IsInf(x, 0) && !math.IsNaN(x) {
			return strconv.AppendFloat(dst, x, 'g', -1, 64)
		}
	case time.Time, time.Duration:
		return append(AppendText(append(dst, '"'), v), '"')
	case []int:
		all, _ := list(x)
		return AppendJSON(dst, all)
	case []any:
		dst = append(dst, '[')
		for i := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, x[i])
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for i, key := range slices.Sorted(maps.Keys(x)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(append(appendQuoted(dst, key), ':'), x[key])
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// appendSeconds writes a duration as protocol buffers do in JSON: seconds, with as many decimals as it has.
// https://protobuf.dev/programming-guides/json/
func appendSeconds(dst []byte, d time.Duration) []byte {
	if d < 0 {
		dst = append(dst, '-')
	}
	whole, rest := d/time.Second, d%time.Second
	n := strconv.FormatUint(1e9+uint64(max(rest, -rest)), 10)[1:]
	dst = strconv.AppendUint(dst, uint64(max(whole, -whole)), 10)
	if n = strings.TrimRight(n, "0"); n != "" {
		dst = append(append(dst, '.'), n...)
	}
	return append(dst, 's')
}

const hex = "0123456789abcdef"

// appendQuoted writes a text as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			i++
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
		}
	}
	return append(dst, '"')
}
