package pipeline

import (
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"

	"sluice/sinks/driver"
)

// Envelope is a line of the dead letters: an entry that could not be delivered, why, and where it stands, so that it can be
// replayed. Exactly one of Raw and RawBase64 is set; the latter when the bytes are not UTF-8.
type Envelope struct {
	Route     string    `json:"route"`
	Stream    string    `json:"stream"`
	Epoch     uint32    `json:"epoch"`
	Seq       uint64    `json:"seq"`
	Index     int32     `json:"index"`
	Stored    time.Time `json:"stored,omitzero"` // when the stream stored it
	Reason    string    `json:"reason"`          // a logentry.Reason, or "rejected"
	Detail    string    `json:"detail"`
	Size      int       `json:"size"` // bytes of the entry
	Raw       *string   `json:"raw,omitempty"`
	RawBase64 *string   `json:"rawBase64,omitempty"`
}

// wrap puts an entry into an envelope; the reference keeps its place in the stream.
func wrap(batch driver.Batch, ref driver.Ref, reason, detail string) driver.Ref {
	e := Envelope{
		Route: batch.Route, Stream: batch.Stream, Epoch: batch.Epoch, Seq: ref.Seq, Index: ref.Index,
		Stored: time.Unix(0, ref.Stored).UTC(), Reason: reason, Detail: detail, Size: len(ref.Raw),
	}
	raw := string(ref.Raw)
	if !utf8.ValidString(raw) {
		raw = base64.StdEncoding.EncodeToString(ref.Raw)
		e.RawBase64 = &raw
	} else {
		e.Raw = &raw
	}
	b, err := json.Marshal(e)
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	ref.Raw = b
	return ref
}

// envelopes wraps the entries of an Unreadable batch, each with its defect.
func (b *batch) envelopes(batch driver.Batch, groups []driver.Group) []driver.Group {
	wrapped := make([]driver.Group, len(groups))
	for i, g := range groups {
		wrapped[i].Key = g.Key
		for _, ref := range g.Refs {
			d := b.defects[position{ref.Seq, ref.Index}]
			wrapped[i].Refs = append(wrapped[i].Refs, wrap(batch, ref, string(d.Reason), d.Detail))
		}
	}
	return wrapped
}
