package filters

import (
	"math"
	"strconv"
	"strings"

	"sluice/logentry"
)

// literal is the right side of a comparison, converted once to every type it can be converted to.
type literal struct {
	text   string
	folded []byte

	integer  int64
	number   float64
	boolean  bool
	severity int64
	duration int64   // nanoseconds
	instant  instant // timestamp

	isInteger, isNumber, isBool, isSeverity, isDuration, isInstant bool
}

func newLiteral(text string) *literal {
	l := &literal{text: text, folded: appendFolded(nil, []byte(text))}
	var err error
	l.integer, err = strconv.ParseInt(text, 10, 64)
	l.isInteger = err == nil
	l.number, l.isNumber = parseNumber(text)
	l.boolean, l.isBool = parseBool(text)
	level, ok := logentry.ParseSeverity(text)
	l.severity, l.isSeverity = int64(level), ok
	l.duration, l.isDuration = parseDuration(text)
	l.instant, l.isInstant = parseInstant([]byte(text))
	return l
}

// fits says whether the literal can be converted to a type, so that a comparison may hold at all.
func (l *literal) fits(t fieldType) bool {
	switch t {
	case int64Type:
		return l.isInteger
	case int32Type:
		return l.isInteger && l.integer >= math.MinInt32 && l.integer <= math.MaxInt32
	case boolType:
		return l.isBool
	case severityType:
		return l.isSeverity
	case durationType:
		return l.isDuration
	case timestampType:
		return l.isInstant
	}
	return true
}

// parseNumber reads a signed decimal with exponent, or NaN, Infinity, -Infinity in any case.
func parseNumber(s string) (float64, bool) {
	switch strings.ToLower(s) {
	case "nan":
		return math.NaN(), true
	case "infinity", "+infinity":
		return math.Inf(1), true
	case "-infinity":
		return math.Inf(-1), true
	}
	digits := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			digits = true
		case c != '+' && c != '-' && c != '.' && (c|0x20 != 'e' || !digits):
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		return f, true
	}
	return f, err == nil
}

func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}
