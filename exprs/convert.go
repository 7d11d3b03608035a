package exprs

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"sluice/logentry"
)

// scalar gives a JSON value that has no members.
func scalar(v logentry.Value) any {
	switch v.Kind {
	case logentry.String:
		return string(v.AppendText(nil))
	case logentry.Number:
		return number(string(v.Text))
	case logentry.Bool:
		return v.Text[0] == 't'
	default:
		return nil
	}
}

// maxDigits bounds integers that are kept exact: reading one takes the square of its length.
const maxDigits = 1_000

// number reads a JSON number: an int where it fits, a *big.Int for a longer integer, else the nearest float64, which may be ±Inf.
func number(s string) any {
	if len(s) <= maxDigits && !strings.ContainsAny(s, ".eE") {
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
		if n, ok := new(big.Int).SetString(s, 10); ok {
			return n
		}
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range is ±Inf
	return f
}

// convert reads a value of a field whose type LogEntry defines; nil for its default, a failure for what does not fit.
func convert(s *slot, v logentry.Value) any {
	if v.Kind == logentry.Null {
		return nil
	}
	if s.kind == truth {
		if v.Kind != logentry.Bool {
			return misfit(s, "true or false")
		}
		return orNil(v.Text[0] == 't')
	}
	if v.Kind != logentry.String && (v.Kind != logentry.Number || s.kind != whole && s.kind != level) {
		return misfit(s, "a text")
	}
	return convertText(s, string(v.AppendText(nil)))
}

func convertText(s *slot, t string) any {
	switch s.kind {
	case whole:
		n, ok := number(t).(int)
		if f, err := strconv.ParseFloat(t, 64); !ok && err == nil && math.Abs(f) < 1<<53 && f == math.Trunc(f) { // 512.0, 5e2
			n, ok = int(f), true
		}
		if !ok {
			return misfit(s, "an integer of 64 bits")
		}
		return orNil(n)
	case instant:
		if t == "" {
			return nil
		}
		at, err := time.Parse(time.RFC3339Nano, t)
		if err != nil {
			return misfit(s, "a time like 2026-01-31T00:00:00Z")
		}
		return at.UTC()
	case span:
		d, err := time.ParseDuration(t)
		if t != "" && (err != nil || !strings.HasSuffix(t, "s")) {
			return misfit(s, "a duration like 1.5s")
		}
		return orNil(d)
	case level:
		severity, ok := logentry.ParseSeverity(t)
		switch {
		case t != "" && !ok:
			return misfit(s, "a severity")
		case severity == logentry.Default:
			return nil
		}
		return severity.String()
	default:
		return orNil(t)
	}
}

// orNil gives nil for a type's default.
func orNil[T comparable](v T) any {
	var none T
	if v == none {
		return nil
	}
	return v
}

func misfit(s *slot, want string) failure {
	return failure{fmt.Errorf("%s of the entry is not %s", s.name, want)}
}
