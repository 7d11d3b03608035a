package filters

import (
	"bytes"
	"cmp"
)

// compare asks `d op lit`. The literal is converted to the type of the value; when that fails, nothing holds, not even !=.
func (w *Worker) compare(d *datum, o op, lit *literal) bool {
	switch d.kind {
	case textDatum:
		return compareText(w.fold(d), o, lit.folded)
	case numberDatum:
		return lit.isNumber && compareNumber(d.number, o, lit.number)
	case integerDatum:
		return lit.isInteger && satisfies(o, cmp.Compare(d.integer, lit.integer))
	case boolDatum:
		return lit.isBool && satisfies(o, cmp.Compare(d.integer, boolNumber(lit.boolean)))
	case severityDatum:
		return lit.isSeverity && satisfies(o, cmp.Compare(d.integer, lit.severity))
	case durationDatum:
		return lit.isDuration && satisfies(o, cmp.Compare(d.integer, lit.duration))
	case instantDatum:
		return lit.isInstant && satisfies(o, instant{d.integer, d.nano}.compare(lit.instant))
	case objectDatum:
		return o == opHas && w.hasInside(d, lit)
	}
	return false
}

func compareText(folded []byte, o op, want []byte) bool {
	switch o {
	case opHas:
		return bytes.Contains(folded, want)
	case opEq:
		return bytes.Equal(folded, want)
	case opNe:
		return !bytes.Equal(folded, want)
	}
	return satisfies(o, bytes.Compare(folded, want))
}

func compareNumber(a float64, o op, b float64) bool {
	if a != a || b != b {
		return o == opNe
	}
	return satisfies(o, cmp.Compare(a, b))
}

// satisfies says whether an operator accepts the outcome of a comparison. On what is not text, : is =.
func satisfies(o op, c int) bool {
	switch o {
	case opHas, opEq:
		return c == 0
	case opNe:
		return c != 0
	case opLt:
		return c < 0
	case opLe:
		return c <= 0
	case opGt:
		return c > 0
	case opGe:
		return c >= 0
	}
	return false
}

func boolNumber(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
