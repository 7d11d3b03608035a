package filters

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must mean the same on every machine

	"sluice/logentry"
)

// castType is the target of cast.
type castType uint8

const (
	castString castType = iota
	castInt64
	castFloat64
	castBool
	castTimestamp
	castDuration
)

var castNames = []string{"STRING", "INT64", "FLOAT64", "BOOL", "TIMESTAMP", "DURATION"}

// castFieldTypes are the types of fields that hold the same values.
var castFieldTypes = [...]fieldType{stringType, int64Type, dynamicType, boolType, timestampType, durationType}

func findCast(name string) (castType, bool) {
	for i, n := range castNames {
		if strings.EqualFold(n, name) {
			return castType(i), true
		}
	}
	return 0, false
}

// stage is one step from a field's value to what is compared: cast, or regexp_extract when extract is set.
type stage struct {
	cast    castType
	zone    *time.Location
	extract *regexp.Regexp
}

// convert runs a value through the stages. ok is false when one of them has no result; then no comparison holds.
func (w *Worker) convert(chain []stage, d *datum) (out datum, ok bool) {
	out = *d
	for i := range chain {
		s := &chain[i]
		switch {
		case s.extract != nil:
			out, ok = w.extract(s, &out)
		case s.cast == castString:
			out, ok = w.text(s, &out)
		default:
			out, ok = castTo(s.cast, &out)
		}
		if !ok {
			return datum{}, false
		}
	}
	return out, true
}

// extract gives the capture group of the first match.
func (w *Worker) extract(s *stage, d *datum) (datum, bool) {
	text, ok := w.text(s, d)
	if !ok {
		return datum{}, false
	}
	m := s.extract.FindSubmatchIndex(text.text)
	if m == nil || m[2] < 0 {
		return datum{}, false
	}
	return datum{kind: textDatum, text: text.text[m[2]:m[3]:m[3]]}, true
}

// text converts any scalar to text.
func (w *Worker) text(s *stage, d *datum) (datum, bool) {
	if d.kind == instantDatum && s.zone != nil {
		start := len(w.arena)
		w.arena = appendInstant(w.arena, d, s.zone)
		return datum{kind: textDatum, text: w.arena[start:len(w.arena):len(w.arena)]}, true
	}
	text, ok := w.canonical(d)
	return datum{kind: textDatum, text: text}, ok
}

// appendInstant writes RFC 3339 with a fraction that has no trailing zeros.
func appendInstant(dst []byte, d *datum, zone *time.Location) []byte {
	return time.Unix(d.integer, int64(d.nano)).In(zone).AppendFormat(dst, time.RFC3339Nano)
}

// appendCanonical writes the text of a scalar that is neither text nor a double.
func appendCanonical(dst []byte, d *datum) ([]byte, bool) {
	switch d.kind {
	case integerDatum:
		return strconv.AppendInt(dst, d.integer, 10), true
	case boolDatum:
		return strconv.AppendBool(dst, d.integer != 0), true
	case severityDatum:
		return append(dst, logentry.Severity(d.integer).String()...), true
	case durationDatum:
		return appendDuration(dst, d.integer), true
	case instantDatum:
		return appendInstant(dst, d, time.UTC), true
	}
	return dst, false
}

// castTo converts to a type other than STRING.
func castTo(t castType, d *datum) (datum, bool) {
	if d.kind == textDatum {
		return castText(t, d.text)
	}
	switch t {
	case castInt64:
		return castInteger(d)
	case castFloat64:
		switch d.kind {
		case numberDatum:
			return *d, true
		case integerDatum:
			return datum{kind: numberDatum, number: float64(d.integer)}, true
		}
	case castBool:
		switch d.kind {
		case boolDatum:
			return *d, true
		case integerDatum:
			return datum{kind: boolDatum, integer: boolNumber(d.integer != 0)}, true
		}
	case castTimestamp:
		return *d, d.kind == instantDatum
	case castDuration:
		return *d, d.kind == durationDatum
	}
	return datum{}, false
}

// castInteger converts to INT64; a double is rounded half away from zero, as in SQL.
func castInteger(d *datum) (datum, bool) {
	switch d.kind {
	case integerDatum, boolDatum, severityDatum:
		return datum{kind: integerDatum, integer: d.integer}, true
	case numberDatum:
		r := math.Round(d.number)
		return datum{kind: integerDatum, integer: int64(r)}, r >= -(1<<63) && r < 1<<63
	}
	return datum{}, false
}

// castText reads text by the same rules as literals.
func castText(t castType, text []byte) (datum, bool) {
	s := string(text)
	switch t {
	case castInt64:
		n, err := strconv.ParseInt(s, 10, 64)
		return datum{kind: integerDatum, integer: n}, err == nil
	case castFloat64:
		f, ok := parseNumber(s)
		return datum{kind: numberDatum, number: f}, ok
	case castBool:
		b, ok := parseBool(s)
		return datum{kind: boolDatum, integer: boolNumber(b)}, ok
	case castTimestamp:
		at, ok := parseInstant(text)
		return datum{kind: instantDatum, integer: at.sec, nano: at.nano}, ok
	case castDuration:
		n, ok := parseDuration(s)
		return datum{kind: durationDatum, integer: n}, ok
	}
	return datum{}, false
}
