// Package driver is the promise that every destination keeps towards the pipeline. A driver does and classifies: it never
// retries, sleeps or logs; package sinks does that once for all.
package driver

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/logentry"
)

// Ref points at one kept entry of a batch.
type Ref struct {
	Seq    uint64 // sequence of its message
	Index  int32  // place in the message, from 0
	Stored int64  // when the stream stored the message, Unix nanoseconds
	Raw    []byte // the entry's bytes: a view into a shared message buffer, never to be changed or kept after Write returns
}

// Group is one partition of a batch: the entries for which Driver.Key gave the same key, in stream order.
type Group struct {
	Key  string
	Refs []Ref
}

// Batch is what a lane delivers at once: all that its route kept of the sequences First to Last. Groups stand in the order in
// which their keys first occurred; none is empty.
type Batch struct {
	Route, Stream string
	Epoch         uint32
	First, Last   uint64
	Side          string // of a side lane, which counts First and Last in its own way: "r3" = the route's third replay; "" = the route's lane itself
	Amend         int    // dead letters only: of the n-th amend of the plan, 0 = of the plan itself
	Groups        []Group
}

// Lane begins the names of the batch's units where a destination has one space of names for all routes: <route>/<stream>, and
// for a side lane <route>/<stream>/<side>. A side lane's batch has the same entries' identities as any other, and names of its own.
func (b *Batch) Lane() string {
	if b.Side == "" {
		return b.Route + "/" + b.Stream
	}
	return b.Route + "/" + b.Stream + "/" + b.Side
}

// State is the driver's own durable state (a write stream and its offset, say), opaque to the pipeline, which keeps it in the ledger.
type State = json.RawMessage

// Unit is one thing that Write makes visible whole: an object, an append, a message set.
type Unit struct {
	Name    string `json:"name,omitempty"`    // object name, relative to the destination; or the stream it is appended to
	Offset  int64  `json:"offset,omitempty"`  // appending sinks: where in Name it begins
	Splits  []int  `json:"splits,omitempty"`  // appending sinks: entries of each request
	Codec   string `json:"codec,omitempty"`   // how entries become bytes: "json", "json.gz", …
	Columns string `json:"columns,omitempty"` // hash of the columns, for tables
	To      To     `json:"to,omitempty"`      // filled in by the pipeline; empty = ToSink

	Count  int    `json:"count"`  // filled in by the pipeline: len(Refs)
	Digest string `json:"digest"` // filled in by the pipeline: Digest(Refs)

	Refs   []Ref  `json:"-"` // what it holds, set by Plan, at a redo by Plan again; never stored
	Origin Origin `json:"-"` // the plan it is part of, filled in by the pipeline before Write

	// Redo says that this write may not be the unit's first: the plan was found open in the ledger, or another attempt of it may
	// have reached the destination. Filled in by the pipeline. A destination that may not read takes what exists for its own
	// only then; at the first write of a fresh plan it is a Conflict.
	Redo bool `json:"-"`
}

// To says which driver of a route writes a unit.
type To string

// A unit goes to the route's sink or to its dead letters. A manifest goes beside the sink's units, before them: see Manifest.
const (
	ToSink       To = "sink"
	ToDeadLetter To = "deadLetter"
	ToManifest   To = "manifest"
)

// Manifest gives the unit that says in the destination itself which plan is about to become visible there. It is written first,
// create-only under a name made of the plan's first sequence alone, so that a ledger that stepped back meets it. body is the
// plan's canonical JSON. A driver with Properties.Manifests writes it where its listings of entries do not look
// (files: <dir>/.sluice/<name>, buckets: <prefix>/_sluice/<name>); a Conflict's Found is the body that stands there.
func Manifest(route, stream string, epoch uint32, first uint64, body []byte) Unit {
	refs := []Ref{{Seq: first, Raw: body}}
	name := fmt.Sprintf("manifests/%s/%s/e%d/%020d.json", route, stream, epoch, first)
	return Unit{Name: name, Codec: "json", To: ToManifest, Count: 1, Digest: Digest(refs), Refs: refs}
}

// Origin identifies the plan that a unit is part of, for the metadata that destinations keep beside the content.
type Origin struct {
	Route    string `json:"route"`
	Stream   string `json:"stream"`
	Side     string `json:"side,omitempty"` // of a side lane: Batch.Side
	Epoch    uint32 `json:"epoch"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Decision string `json:"decision"` // hash of the decision settings it was decided under
	Units    int    `json:"units"`    // how many units the plan has in all
}

// Plan says what Write will make visible of a batch, and the state after it.
type Plan struct {
	Units   []Unit
	Rejects []Reject // entries that this destination can never take; they are in no unit
	Next    State

	// Wants, when not nil, says that the batch cannot be planned from this state, and is all that there is of the plan: Prepare(Wants)
	// gives a state from which it can (a table for a log that is met for the first time).
	Wants State
}

// Reject names an entry that a destination refuses, and why, in words for the dead letter.
type Reject struct {
	Seq    uint64 `json:"seq"`
	Index  int32  `json:"index"`
	Reason string `json:"reason"`
	Amend  int    `json:"amend,omitempty"` // filled in by the pipeline: refused at Write, by the n-th amend; 0 = by Plan
}

// Receipt tells what the destination stored for a unit.
type Receipt struct {
	Bytes   int64  `json:"bytes"`             // stored size, after compression
	CRC32C  uint32 `json:"crc32c,omitempty"`  // of the stored bytes (Castagnoli)
	Existed bool   `json:"existed,omitempty"` // it stood there already, with equal content
}

// Driver is one destination. Plan, Key and Properties may be called at any time from any goroutine; Write for several units at
// once; Prepare and Close not beside anything else.
type Driver interface {
	// Properties are the destination's facts: constant for the life of the driver.
	Properties() Properties

	// Key appends the partition of an entry that the route keeps; an empty key means one group. It is pure, and reads no other
	// fields than Properties().Fields. It is asked once per kept entry, while the entry's fields are extracted.
	Key(dst []byte, e *logentry.Entry) []byte

	// Prepare brings into being what a plan needs (a table, a write stream) and returns the state to plan from. It may be
	// repeated after a crash; nothing that readers of the destination see changes. s is nil at a lane's first.
	Prepare(ctx context.Context, s State) (State, error)

	// Plan names every unit that Write will make visible for the batch and sets its Refs. It is pure: no I/O, clock or
	// randomness; equal arguments give equal plans, in every version of the program that may have to redo one.
	Plan(s State, b *Batch) (Plan, error)

	// Write makes the unit visible, whole, encoding as it streams. On return without error the unit is durable. It is
	// idempotent for ever: a unit that stands there already with equal content is a success (Receipt.Existed). Every error is
	// an *Error; when ctx ends, Write returns soon, with Canceled.
	Write(ctx context.Context, u *Unit) (Receipt, error)

	// Close frees what the driver holds. Nothing durable depends on it.
	Close() error
}

// Guarantee is what a destination can promise about delivery.
type Guarantee string

// The guarantees.
const (
	ExactlyOnce Guarantee = "exactly once"
	AtLeastOnce Guarantee = "no loss; duplicates only of a plan open at a crash, each with the same sluice-id"
)

// Properties are a destination's facts. A limit of 0 means none.
type Properties struct {
	Kind      string          // file, gcs, …
	Guarantee Guarantee       //
	MaxEntry  int             // bytes of one entry
	Fields    []logentry.Path // the fields that Key reads

	// Appends says that units are appended to what stands under their names. Write then also takes a unit of an open plan without
	// its Refs, which the stream has lost: it closes the unit's place for ever and answers Moved, so that what is left of the plan
	// is not taken for what was planned; Conflict where it cannot be told what of it stands.
	Appends bool

	// Manifests says that Write takes units of ToManifest. Origins says that the driver keeps Unit.Origin, Digest and Count as
	// metadata of each object, and gives them back as a Conflict's Found: JSON {"origin": Origin, "digest": …, "count": …}.
	Manifests, Origins bool
}

// Found is what a Conflict's Found holds for a driver with Properties.Origins.
type Found struct {
	Origin Origin `json:"origin"`
	Digest string `json:"digest"`
	Count  int    `json:"count"`
}
