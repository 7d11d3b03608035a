package bigquery

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"sluice/exprs"
	"sluice/logentry"
)

// appendValue appends a JSON value of an entry to a row, as a column takes it; null is nothing. The error says how it does not fit.
func appendValue(dst []byte, n protowire.Number, k kind, raw []byte) ([]byte, error) {
	if raw[0] == 'n' {
		return dst, nil
	}
	switch k {
	case document:
		return appendBytes(dst, n, raw), nil
	case truth:
		if raw[0] != 't' && raw[0] != 'f' {
			return dst, misfit(raw, "true or false")
		}
		return appendInteger(dst, n, int64(protowire.EncodeBool(raw[0] == 't'))), nil
	case integer:
		return appendWhole(dst, n, raw)
	case double:
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return dst, misfit(raw, "a number of 64 bits")
		}
		return appendDouble(dst, n, f), nil
	case level:
		s, ok := logentry.ParseSeverity(string(unquoted(raw)))
		if !ok {
			return dst, misfit(raw, "a severity")
		}
		return appendBytes(dst, n, s.String()), nil
	}
	if raw[0] != '"' {
		return dst, misfit(raw, "a text")
	}
	switch t := unquoted(raw); k {
	case instant:
		return appendTime(dst, n, t)
	case seconds:
		d, err := time.ParseDuration(string(t))
		if err != nil || !bytes.HasSuffix(t, []byte("s")) {
			return dst, misfit(raw, "a duration like 1.5s")
		}
		return appendDouble(dst, n, d.Seconds()), nil
	default:
		return appendBytes(dst, n, t), nil
	}
}

// appendWhole appends an integer, which JSON for protocol buffers writes as a number or as a text.
func appendWhole(dst []byte, n protowire.Number, raw []byte) ([]byte, error) {
	t := string(unquoted(raw))
	i, err := strconv.ParseInt(t, 10, 64)
	if err != nil { // 512.0, 5e2
		f, wrong := strconv.ParseFloat(t, 64)
		if wrong != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
			return dst, misfit(raw, "an integer of 64 bits")
		}
		i = int64(f)
	}
	return appendInteger(dst, n, i), nil
}

// appendTime appends a time in RFC 3339 in microseconds. An empty one is nothing.
func appendTime(dst []byte, n protowire.Number, t []byte) ([]byte, error) {
	if len(t) == 0 {
		return dst, nil
	}
	at, err := time.Parse(time.RFC3339Nano, string(t))
	if err != nil {
		return dst, fmt.Errorf("%q is not a time like 2026-01-31T00:00:00Z", brief(t))
	}
	return appendInstant(dst, n, at)
}

// appendInstant appends a time, which a TIMESTAMP holds from the year 1 to 9999.
// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#timestamp_type
func appendInstant(dst []byte, n protowire.Number, at time.Time) ([]byte, error) {
	if year := at.UTC().Year(); year < 1 || year > 9999 {
		return dst, fmt.Errorf("the year %d is not between 1 and 9999", year)
	}
	return appendInteger(dst, n, at.UnixMicro()), nil
}

// appendResult appends what an expression gave, nil being nothing.
func appendResult(dst []byte, n protowire.Number, k kind, v any) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return dst, nil
	case string:
		if k == text {
			return appendBytes(dst, n, strings.ToValidUTF8(x, "\ufffd")), nil
		}
	case int:
		if k == integer {
			return appendInteger(dst, n, int64(x)), nil
		}
		if k == double {
			return appendDouble(dst, n, float64(x)), nil
		}
	case float64:
		if k == double {
			return appendDouble(dst, n, x), nil
		}
	case bool:
		if k == truth {
			return appendInteger(dst, n, int64(protowire.EncodeBool(x))), nil
		}
	case time.Duration:
		if k == seconds {
			return appendDouble(dst, n, x.Seconds()), nil
		}
	case time.Time:
		if k == instant {
			return appendInstant(dst, n, x)
		}
	}
	if k == document {
		return appendBytes(dst, n, exprs.AppendJSON(nil, v)), nil
	}
	return dst, fmt.Errorf("%s does not fit a column of type %s", brief(exprs.AppendJSON(nil, v)), tableTypes[k])
}

func misfit(raw []byte, want string) error {
	return fmt.Errorf("%s is not %s", brief(raw), want)
}

// maxBrief bounds what of an entry a reason repeats.
const maxBrief = 80

func brief(raw []byte) string {
	if len(raw) <= maxBrief {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:maxBrief]), "") + "…"
}

// unquoted gives the characters of a JSON string; of another token its text.
func unquoted(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return raw
	}
	t := raw[1 : len(raw)-1]
	if bytes.IndexByte(t, '\\') < 0 {
		return t
	}
	return logentry.Value{Kind: logentry.String, Escaped: true, Text: t}.AppendText(nil)
}

func appendBytes[T []byte | string](dst []byte, n protowire.Number, v T) []byte {
	dst = protowire.AppendTag(dst, n, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(len(v)))
	return append(dst, v...)
}

func appendInteger(dst []byte, n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), uint64(v))
}

func appendDouble(dst []byte, n protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(dst, n, protowire.Fixed64Type), math.Float64bits(v))
}

// appendMessage appends what inner appends as one value, its length before it.
func appendMessage(dst []byte, n protowire.Number, inner func(dst []byte) ([]byte, error)) ([]byte, error) {
	dst = protowire.AppendTag(dst, n, protowire.BytesType)
	start := len(dst)
	dst, err := inner(dst)
	size := len(dst) - start
	width := protowire.SizeVarint(uint64(size))
	var room [10]byte
	dst = append(dst, room[:width]...)
	copy(dst[start+width:], dst[start:start+size])
	protowire.AppendVarint(dst[start:start], uint64(size))
	return dst, err
}
