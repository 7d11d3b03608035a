package logentry

import "fmt"

// Limits bounds what is accepted as an entry. A field that is not positive means its default.
type Limits struct {
	Entry int // bytes of one entry; default 1 MiB, at most 2 GiB - 1
	Depth int // nesting of objects and arrays, the entry itself being 1; default 100, at most 10,000 as in encoding/json
}

const (
	defaultEntry = 1 << 20
	defaultDepth = 100
	maxDepth     = 10_000
)

// Reason says why an entry is unreadable, in the closed set of words that dead letters carry.
type Reason string

// The reasons. A sink that refuses an entry gives "rejected", which is not an extractor's reason.
const (
	ReasonSyntax       Reason = "syntax"       // not JSON, or something after the value
	ReasonUTF8         Reason = "utf8"         // bytes that are not UTF-8
	ReasonControl      Reason = "control"      // a raw control character inside a string
	ReasonDepth        Reason = "depth"        // nested deeper than Limits.Depth
	ReasonDuplicateKey Reason = "duplicateKey" // one object holds a key twice (after unescaping)
	ReasonNotObject    Reason = "notObject"    // JSON, but not an object
	ReasonTooLarge     Reason = "tooLarge"     // more bytes than Limits.Entry
)

// Defect is the error of Fields.Extract: why the entry is unreadable and where.
type Defect struct {
	Reason Reason
	Offset int    // bytes from the start of Raw
	Detail string // for people: what was met and what was expected; never bytes of the entry
}

// Error gives the reason, the offset and the detail.
func (d *Defect) Error() string {
	return fmt.Sprintf("%s at byte %d: %s", d.Reason, d.Offset, d.Detail)
}
