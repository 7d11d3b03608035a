package logentry

import "time"

// Entry is one LogEntry: its bytes exactly as they stand on the bus, where they stood, and the fields that Extract found.
//
// An Entry is reused: Fields.Extract overwrites what an earlier call found and keeps the memory. One goroutine at a time.
type Entry struct {
	Raw    []byte    // the JSON object, byte for byte as it came; never changed
	Stream string    // the stream it was read from; empty = nothing is derived (sluice filter)
	Seq    uint64    // its message's sequence
	Index  int       // its place in the message, from 0
	Stored time.Time // when the stream stored the message

	fields *Fields // whose slots the found values belong to
	found  found   // the extractor's own: slots, overflow, arena
}

// Kind is the JSON kind of a Value.
type Kind uint8

// The kinds. Absent is the zero Kind: the field does not stand in the entry.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Object
	Array // only an empty array, or an array met by Walk: the members of others are values of their own
)

// Value is one JSON value of an entry: a view into Entry.Raw (or, for derived values, into the entry's arena), valid until the
// Entry's next Extract and while Raw is unchanged.
type Value struct {
	Kind    Kind
	Escaped bool   // String only: Text holds backslash escapes, see AppendText
	Derived bool   // not in the entry: made from its position and stored time (protocol: insertId, timestamp, receiveTimestamp)
	Text    []byte // String: the bytes between the quotes; other kinds: the whole token as written, so numbers stay text
}
