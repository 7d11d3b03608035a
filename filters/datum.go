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
		if n := foldedPrefix(d.text); n < len(d.text) {
			start := len(w.arena)
			w.arena = appendFoldedFrom(w.arena, d.text, n)
			d.folded = w.arena[start:len(w.arena):len(w.arena)]
		}
	}
	return d.folded
}

// appendDatum converts a JSON value and appends it, unless it counts as absent.
func (w *Worker) appendDatum(list []datum, v logentry.Value, typ fieldType, s *schema) []datum {
	list = append(list, datum{})
	if !w.fill(&list[len(list)-1], v, typ, s) {
		return list[:len(list)-1]
	}
	return list
}

// fill converts a JSON value into d, which is zero. It is false for what counts as absent: null in a field that LogEntry
// defines.
func (w *Worker) fill(d *datum, v logentry.Value, typ fieldType, s *schema) bool {
	switch v.Kind {
	case logentry.Null:
		d.kind = nullDatum
		return typ == dynamicType
	case logentry.Array:
		d.kind = emptyDatum
		return true
	case logentry.Object:
		if typ == dynamicType || typ.container() {
			d.object(v.Text, s)
		}
		return true
	case logentry.String:
		d.kind, d.text = textDatum, v.Text
		if v.Escaped {
			start := len(w.arena)
			w.arena = v.AppendText(w.arena)
			d.text = w.arena[start:len(w.arena):len(w.arena)]
		}
	case logentry.Bool:
		d.kind, d.integer, d.text = boolDatum, boolNumber(v.Text[0] == 't'), v.Text
	default:
		d.kind, d.text = numberDatum, v.Text
	}
	if typ > stringType && typ < messageType {
		d.as(typ)
	} else if d.kind == numberDatum {
		d.number, _ = strconv.ParseFloat(textOf(d.text), 64)
	}
	return true
}

// as makes a scalar one of a LogEntry field's type; it is unfit when it cannot be.
func (d *datum) as(typ fieldType) {
	text, isText := d.text, d.kind == textDatum
	*d = datum{}
	switch typ {
	case int32Type, int64Type:
		d.setInteger(text)
	case boolType:
		if string(text) == "true" || string(text) == "false" {
			d.kind, d.integer = boolDatum, boolNumber(text[0] == 't')
		}
	case severityType:
		d.kind, d.integer = severityDatum, severityNumber(text)
	case durationType:
		if n, ok := parseDuration(textOf(text)); ok && isText {
			d.kind, d.integer = durationDatum, n
		}
	case timestampType:
		if at, ok := parseInstant(text); ok && isText {
			d.kind, d.integer, d.nano = instantDatum, at.sec, at.nano
		}
	}
}

// textOf views bytes as a string, for parsers that keep no part of it.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// object makes d an object, or empty when it has no members.
func (d *datum) object(text []byte, s *schema) {
	if len(text) >= 2 && text[1] != '"' && len(bytes.TrimLeft(text[1:len(text)-1], " \t\r\n")) == 0 {
		d.kind = emptyDatum
		return
	}
	d.kind, d.text, d.schema = objectDatum, text, s
}

// severityNumber reads a level's name or number; what is neither counts as DEFAULT.
func severityNumber(text []byte) int64 {
	for level := logentry.Debug; level <= logentry.Emergency; level += 100 {
		if name := level.String(); len(name) == len(text) && strings.EqualFold(textOf(text), name) {
			return int64(level)
		}
	}
	n, _ := smallInteger(text)
	return n
}

// setInteger reads an int64, which JSON for protocol buffers writes as a number or as text; 5.0 and 5e0 are 5.
func (d *datum) setInteger(text []byte) {
	n, ok := smallInteger(text)
	if !ok {
		n, ok = oddInteger(text)
	}
	if ok {
		d.kind, d.integer = integerDatum, n
	}
}

func oddInteger(text []byte) (int64, bool) {
	for _, c := range text {
		if !isDigit(c) && bytes.IndexByte([]byte("+-.eE"), c) < 0 {
			return 0, false
		}
	}
	if n, err := strconv.ParseInt(textOf(text), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(textOf(text), 64)
	return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<63
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
