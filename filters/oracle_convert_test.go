package filters

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

func naiveInteger(s string) (*big.Int, bool) {
	r, ok := new(big.Rat).SetString(s)
	if !ok || strings.ContainsAny(s, "/_xXbBoOpP") || !r.IsInt() || !r.Num().IsInt64() {
		return nil, false
	}
	return r.Num(), true
}

func naiveFloat(s string) (float64, bool) {
	lower := strings.ToLower(s)
	if strings.ContainsAny(lower, "xp_") || strings.Contains(lower, "in") && !strings.Contains(lower, "infinity") {
		return 0, false
	}
	if lower == "+nan" || lower == "-nan" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || strings.Contains(err.Error(), "range")
}

func naiveSeverity(s string) (int, bool) {
	for i, name := range strings.Fields("DEFAULT DEBUG INFO NOTICE WARNING ERROR CRITICAL ALERT EMERGENCY") {
		if strings.EqualFold(name, s) {
			return 100 * i, true
		}
	}
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

func naiveTime(v any) (time.Time, bool) {
	s, _ := v.(string)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

var naiveUnits = regexp.MustCompile(`^([+-]?(?:\d+\.?\d*|\.\d+))(ns|us|ms|s|m|h)$`)

func naiveDuration(v any) (*big.Rat, bool) {
	s, _ := v.(string)
	m := naiveUnits.FindStringSubmatch(s)
	if m == nil {
		return nil, false
	}
	r, ok := new(big.Rat).SetString(m[1])
	unit := map[string]int64{"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}[m[2]]
	return r.Mul(r, big.NewRat(unit, 1)), ok
}

// naiveCaseFold and compiled remember what they made.
func naiveCaseFold(s string) string {
	folded, ok := naiveFolds[s]
	if !ok {
		visible := strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
				return -1
			}
			return r
		}, s)
		folded = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(visible)))
		naiveFolds[s] = folded
	}
	return folded
}

func compiled(pattern string) *regexp.Regexp {
	re, ok := naivePatterns[pattern]
	if !ok {
		re = regexp.MustCompile(pattern)
		naivePatterns[pattern] = re
	}
	return re
}

var (
	naiveFolds    = map[string]string{}
	naivePatterns = map[string]*regexp.Regexp{}
)
