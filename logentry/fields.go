package logentry

// Fields is the union of the paths that somebody wants of each entry, as a trie of key segments. It is immutable and may be
// shared by any number of goroutines.
type Fields struct {
	paths []Path
}

// found is the extractor's memory inside an Entry.
type found struct{}

// NewFields makes the trie. Equal paths share a slot.
func NewFields(paths ...Path) *Fields { return &Fields{paths: paths} }

// Slot gives the slot of a path, or -1 when it is not among the wanted ones.
func (f *Fields) Slot(p Path) int { panic("being built") }

// Extract walks e.Raw once, validates all of it (grammar, UTF-8, no raw control characters, depth, duplicate keys) and finds
// the wanted fields. When e.Stream is not empty and insertId, timestamp or receiveTimestamp are wanted and absent, it derives
// them: `<stream>-<seq>-<index>` and the stored time. A *Defect says why an entry is unreadable; its fields are then undefined.
// It allocates nothing once e's memory has grown. Safe for concurrent use with different entries.
func (f *Fields) Extract(e *Entry, limits Limits) *Defect { panic("being built") }

// First gives the position of the first value of a slot in the entry, or -1. A field has several when its path crosses an array.
func (e *Entry) First(slot int) int { panic("being built") }

// Next gives the position of the value after position i of the same slot, or -1.
func (e *Entry) Next(i int) int { panic("being built") }

// At gives the value at a position that First or Next returned.
func (e *Entry) At(i int) Value { panic("being built") }

// Get gives the first value of a path that was wanted at Extract; Absent when it was not wanted or does not stand there.
func (e *Entry) Get(p Path) Value { panic("being built") }

// AppendText appends the value's text with escapes undone: a string's characters, another token as written. A lone surrogate
// becomes U+FFFD, as in encoding/json.
func (v Value) AppendText(dst []byte) []byte { panic("being built") }

// Frame splits a message into entries: if the payload as a whole is one JSON value, it is one entry with index 0; otherwise
// each line that is not blank is one, its index the number of such lines before it. An empty message has none. raw is a view
// into payload, without surrounding white space. It does not judge the lines: Extract does.
func Frame(payload []byte, yield func(index int, raw []byte) bool) { panic("being built") }

// Error gives the reason, the offset and the detail.
func (d *Defect) Error() string { return string(d.Reason) + ": " + d.Detail }
