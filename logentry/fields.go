package logentry

import (
	"math"
	"unicode/utf8"
)

// Fields is the union of the paths that somebody wants of each entry, as a trie of key segments. It is made by NewFields,
// immutable, and may be shared by any number of goroutines.
type Fields struct {
	root    node
	slots   int
	derived []derivedSlot
}

// NewFields makes the trie. Equal paths share a slot. The paths of insertId, timestamp and receiveTimestamp are LogEntry fields
// however they are written, so all their spellings share one slot.
func NewFields(paths ...Path) *Fields {
	f := &Fields{}
	f.root.slot = noSlot
	for _, p := range paths {
		f.root.add(canonical(p))
	}
	f.slots = f.root.seal(0)
	f.derived = derivedSlots(&f.root)
	return f
}

// Slot gives the slot of a path, or -1 when it is not among the wanted ones.
func (f *Fields) Slot(p Path) int {
	n := &f.root
	for _, s := range canonical(p) {
		if n = n.child(s); n == nil {
			return noSlot
		}
	}
	return int(n.slot)
}

// Extract walks e.Raw once, validates all of it (grammar, UTF-8, no raw control characters, depth, duplicate keys) and finds
// the wanted fields. When e.Stream is not empty and insertId, timestamp or receiveTimestamp are wanted and absent (or null, or
// empty, which JSON for protocol buffers holds for the same), it derives them: `<stream>-<seq>-<index>` and the stored time in
// RFC 3339, UTC. A *Defect says why an entry is unreadable; its fields are then undefined. It allocates nothing once e's
// memory has grown. Safe for concurrent use with different entries.
func (f *Fields) Extract(e *Entry, limits Limits) *Defect {
	limits = limits.orDefaults()
	x := &e.found
	x.reset(e.Raw, f.slots, limits.Depth)
	e.fields = f
	if len(e.Raw) > limits.Entry {
		return &Defect{Reason: ReasonTooLarge, Offset: limits.Entry, Detail: "more bytes than an entry may have"}
	}
	if d := x.document(&f.root); d != nil {
		return d
	}
	if x.anyDropped {
		x.relink()
	}
	if e.Stream != "" {
		for _, d := range f.derived {
			e.derive(d)
		}
	}
	return nil
}

// document walks the whole text.
func (x *found) document(root *node) *Defect {
	i := blanks(x.raw, 0)
	isObject := i < len(x.raw) && x.raw[i] == '{'
	start := i
	if !isObject {
		root = nil
	}
	if i = x.value(i, root, 0); i < 0 {
		return x.defect
	}
	if i = blanks(x.raw, i); i < len(x.raw) {
		return &Defect{Reason: ReasonSyntax, Offset: i, Detail: "more text after the JSON value"}
	}
	if x.high != 0 && !utf8.Valid(x.raw) {
		return &Defect{Reason: ReasonUTF8, Offset: firstInvalid(x.raw), Detail: "bytes that are not UTF-8"}
	}
	if !isObject {
		return &Defect{Reason: ReasonNotObject, Offset: start, Detail: "a JSON value, but an entry is an object"}
	}
	return nil
}

// firstInvalid gives the offset of the first byte that is not UTF-8.
func firstInvalid(raw []byte) int {
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(raw)
}

// orDefaults fills in the defaults and keeps both limits within what the extractor's 32-bit offsets and its stack can hold.
func (l Limits) orDefaults() Limits {
	if l.Entry <= 0 {
		l.Entry = defaultEntry
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	l.Entry = min(l.Entry, math.MaxInt32)
	l.Depth = min(l.Depth, maxDepth)
	return l
}
