package filters

import (
	"sluice/logentry"
)

// allLeaves gives every value of the entry that global terms and SEARCH look at, each converted to the type of its field.
// Nothing derived is among them: they are read from the text itself.
func (w *Worker) allLeaves() []datum {
	if w.leavesOf == w.generation {
		return w.leaves
	}
	w.leavesOf = w.generation
	w.leaves = w.leaves[:0]
	logentry.Walk(w.entry.Raw, w.visitLeaf)
	return w.leaves
}

// leaf takes up one value that Walk meets.
func (w *Worker) leaf(v logentry.Visit) bool {
	typ := dynamicType
	if v.Depth == 1 || v.Depth == 2 {
		typ = w.typeAt(v)
	}
	if scalar(v.Value) {
		w.leaves = w.appendDatum(w.leaves, v.Value, typ, nil)
	}
	return true
}

// scalar says that a value is neither null nor holds others.
func scalar(v logentry.Value) bool {
	return v.Kind != logentry.Null && v.Kind != logentry.Object && v.Kind != logentry.Array
}

// typeAt finds the type of a value that stands directly in the entry or in one of its messages.
func (w *Worker) typeAt(v logentry.Visit) fieldType {
	s := w.childOf(logEntry, v.Top)
	if s == nil || v.Depth == 1 {
		return typeOf(s)
	}
	return typeOf(w.childOf(s, v.Key))
}

func typeOf(s *schema) fieldType {
	if s == nil {
		return dynamicType
	}
	return s.typ
}

// childOf finds a field of a message by a key of an entry, without allocating.
func (w *Worker) childOf(s *schema, key logentry.Value) *schema {
	start := len(w.arena)
	w.arena = key.AppendText(w.arena)
	folded := w.arena[start:start]
	for _, c := range w.arena[start:] {
		if c != '_' {
			folded = append(folded, lowerASCII(c))
		}
	}
	w.arena = w.arena[:start]
	return s.byName[string(folded)]
}

// hasInside says whether an object holds the literal: as a value that satisfies :, or as a key, exactly as written.
func (w *Worker) hasInside(d *datum, lit *literal) bool {
	found := false
	logentry.Walk(d.text, func(v logentry.Visit) bool {
		if v.Depth == 0 {
			return true
		}
		typ := dynamicType
		if d.schema != nil && v.Depth == 1 {
			typ = typeOf(w.childOf(d.schema, v.Key))
		}
		var value datum
		if scalar(v.Value) && w.fill(&value, v.Value, typ, nil) {
			found = w.compare(&value, opHas, lit)
		}
		found = found || w.isKey(v.Key, lit)
		return !found
	})
	return found
}

func (w *Worker) isKey(key logentry.Value, lit *literal) bool {
	if !key.Escaped {
		return string(key.Text) == lit.text
	}
	start := len(w.arena)
	w.arena = key.AppendText(w.arena)
	same := string(w.arena[start:]) == lit.text
	w.arena = w.arena[:start]
	return same
}
