package filters

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"sluice/logentry"
)

type datumKind uint8

const (
	unfitDatum    datumKind = iota // not of its field's type: no comparison holds
	nullDatum                      // JSON null in a payload or map
	emptyDatum                     // an empty array or object
	objectDatum                    // an object with members
	textDatum                      // text
	numberDatum                    // number
	integerDatum                   // integer
	boolDatum                      // integer: 0 or 1
	severityDatum                  // integer
	durationDatum                  // integer: nanoseconds
	instantDatum                   // integer: seconds, nano
)

// datum is one value of an entry, converted to the type of its field.
type datum struct {
	kind    datumKind
	isFold  bool
	nano    int32
	integer int64
	number  float64
	text    []byte  // text: unescaped; object and number: as written
	folded  []byte  // when isFold
	schema  *schema // object: what lies below
}

// fold gives a text in the form in which it is compared.
func (w *Worker) fold(d *datum) []byte {
	if !d.isFold {
		d.isFold, d.folded = true, d.text
		if !isFolded(d.text) {
			start := len(w.arena)
			w.arena = appendFolded(w.arena, d.text)
			d.folded = w.arena[start:len(w.arena):len(w.arena)]
		}
	}
	return d.folded
}

// datumOf converts a JSON value. ok is false for what counts as absent: null in a field that LogEntry defines.
func (w *Worker) datumOf(v logentry.Value, typ fieldType, s *schema) (d datum, ok bool) {
	switch v.Kind {
	case logentry.Null:
		return datum{kind: nullDatum}, typ == dynamicType
	case logentry.Array:
		return datum{kind: emptyDatum}, true
	case logentry.Object:
		if typ != dynamicType && !typ.container() {
			return datum{}, true
		}
		return objectOf(v.Text, s), true
	case logentry.String:
		d = datum{kind: textDatum, text: v.Text}
		if v.Escaped {
			start := len(w.arena)
			w.arena = v.AppendText(w.arena)
			d.text = w.arena[start:len(w.arena):len(w.arena)]
		}
	default:
		d = datum{kind: numberDatum, text: v.Text}
	}
	switch typ {
	case int32Type, int64Type:
		return integerOf(d.text), true
	case boolType:
		return boolOf(d.text), true
	case severityType:
		return severityOf(d.text), true
	case durationType:
		n, ok := parseDuration(textOf(d.text))
		if !ok || v.Kind != logentry.String {
			return datum{}, true
		}
		return datum{kind: durationDatum, integer: n}, true
	case timestampType:
		at, ok := parseInstant(d.text)
		if !ok || v.Kind != logentry.String {
			return datum{}, true
		}
		return datum{kind: instantDatum, integer: at.sec, nano: at.nano}, true
	}
	switch v.Kind {
	case logentry.Bool:
		return boolOf(d.text), true
	case logentry.Number:
		d.number, _ = strconv.ParseFloat(textOf(d.text), 64)
	}
	return d, true
}

// textOf views bytes as a string, for parsers that keep no part of it.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func objectOf(text []byte, s *schema) datum {
	if len(text) >= 2 && len(bytes.TrimLeft(text[1:len(text)-1], " \t\r\n")) == 0 {
		return datum{kind: emptyDatum}
	}
	return datum{kind: objectDatum, text: text, schema: s}
}

func boolOf(text []byte) datum {
	switch string(text) {
	case "true":
		return datum{kind: boolDatum, integer: 1}
	case "false":
		return datum{kind: boolDatum}
	}
	return datum{}
}

// severityOf reads a level's name or number; what is neither counts as DEFAULT.
func severityOf(text []byte) datum {
	d := datum{kind: severityDatum}
	if n, ok := smallInteger(text); ok {
		d.integer = n
		return d
	}
	for level := logentry.Debug; level <= logentry.Emergency; level += 100 {
		if strings.EqualFold(textOf(text), level.String()) {
			d.integer = int64(level)
		}
	}
	return d
}

// integerOf reads an int64, which JSON for protocol buffers writes as a number or as text; 5.0 and 5e0 are 5.
func integerOf(text []byte) datum {
	if n, ok := smallInteger(text); ok {
		return datum{kind: integerDatum, integer: n}
	}
	for _, c := range text {
		if !isDigit(c) && bytes.IndexByte([]byte("+-.eE"), c) < 0 {
			return datum{}
		}
	}
	if n, err := strconv.ParseInt(textOf(text), 10, 64); err == nil {
		return datum{kind: integerDatum, integer: n}
	}
	f, err := strconv.ParseFloat(textOf(text), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return datum{}
	}
	return datum{kind: integerDatum, integer: int64(f)}
}

// smallInteger reads up to 18 digits, without allocating for what is none.
func smallInteger(text []byte) (int64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// defaults are the values of absent fields, by type.
var defaults = [...]datum{
	stringType:    {kind: textDatum, isFold: true},
	int64Type:     {kind: integerDatum},
	int32Type:     {kind: integerDatum},
	boolType:      {kind: boolDatum},
	severityType:  {kind: severityDatum},
	durationType:  {kind: durationDatum},
	timestampType: {kind: instantDatum},
	messageType:   {kind: emptyDatum},
	mapType:       {kind: emptyDatum},
	structType:    {kind: emptyDatum},
	anyType:       {kind: emptyDatum},
}
