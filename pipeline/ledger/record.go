package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"sluice/sinks/driver"
)

// Kind says what a record records.
type Kind string

// The kinds of records of a lane, and of a control lane (config, epoch, own).
const (
	KindOpen       Kind = "open"       // a lane's first: where it begins
	KindPlan       Kind = "plan"       // commits the plan before it, if any, and opens the next
	KindCommit     Kind = "commit"     // commits the open plan
	KindSkip       Kind = "skip"       // a range in which nothing was kept
	KindAmend      Kind = "amend"      // replaces the open plan
	KindAbandon    Kind = "abandon"    // gives the open plan up; delivery goes on from its first at a new destination
	KindLoss       Kind = "loss"       // a range that the stream no longer held
	KindEpoch      Kind = "epoch"      // the stream began anew
	KindConfig     Kind = "config"     // decision revisions in force from a sequence
	KindOwn        Kind = "own"        // who works on the stream
	KindAct        Kind = "act"        // what a person did
	KindCheckpoint Kind = "checkpoint" // the whole state, so that older records need not be read
	KindClosed     Kind = "closed"     // the route was removed and the lane drained; a side lane is done, or, with Abandon, given up
)

// Version is the version of the record's form.
const Version = 1

// Record is one line of a lane's account. Its canonical JSON (this struct's encoding) is what is stored and hashed.
type Record struct {
	V         int       `json:"v"`
	Lane      string    `json:"lane"`
	Epoch     uint32    `json:"epoch"`                 // of the lane: grows when the stream begins anew for it, and when a plan is abandoned
	StreamEp  uint32    `json:"streamEpoch,omitempty"` // of the stream, as its control lane counts
	N         uint64    `json:"n"`                     // = its Rev
	Kind      Kind      `json:"kind"`
	At        time.Time `json:"at"` // UTC, for people; decides nothing
	Nonce     string    `json:"nonce"`
	Prev      string    `json:"prev,omitempty"` // hash of the record before
	Committed uint64    `json:"committed"`      // every sequence up to here is settled: delivered, skipped or lost

	Receipts []driver.Receipt `json:"receipts,omitempty"` // of the plan that this record commits, a receipt a unit
	Commits  *Range           `json:"commits,omitempty"`  // what this record commits
	Open     []Plan           `json:"open,omitempty"`     // the plan that is open after this record, whatever its kind; at most one
	Skip     *Skip            `json:"skip,omitempty"`
	Loss     *Loss            `json:"loss,omitempty"`
	Config   *Config          `json:"config,omitempty"`
	Stream   *Identity        `json:"stream,omitempty"` // control lane: open, epoch
	Act      *Act             `json:"act,omitempty"`
	Held     *Act             `json:"held,omitempty"` // the act by which a person holds the lane: it reads nothing
	Amend    *Amend           `json:"amend,omitempty"`
	Abandon  *Abandon         `json:"abandon,omitempty"`
	Replay   *Replay          `json:"replay,omitempty"`    // every record of a replay's lane: what it delivers
	Backfill *Backfill        `json:"backfill,omitempty"`  // every record of a backfill's lane: what it delivers
	Lost     uint64           `json:"lost,omitempty"`      // messages lost on this lane so far, in losses and as missing from what was settled
	Quota    *Usage           `json:"quota,omitempty"`     // of what is settled
	State    driver.State     `json:"state,omitempty"`     // the sink's state after what is committed
	DeadSt   driver.State     `json:"deadState,omitempty"` // the dead-letter sink's
	Pinned   string           `json:"pinned,omitempty"`    // hash of the delivery settings that the states belong to
	Anchor   *Anchor          `json:"anchor,omitempty"`    // of the cursor
	Last     *Record          `json:"last,omitempty"`      // checkpoint: the record before it, whole, which has the same N
	Tally    *Tally           `json:"tally,omitempty"`     // checkpoint: the account of all records before it
}

// Range is a run of sequences with the account of what happened to the entries in them.
type Range struct {
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	Counts Counts `json:"counts"`
}

// Plan is what a lane is about to make visible, fixed before the first byte is written.
type Plan struct {
	First    uint64          `json:"first"`
	Last     uint64          `json:"last"`
	Named    uint64          `json:"named"`             // the sequence in its units' names: that of its first kept entry
	Missing  []Gap           `json:"missing,omitempty"` // sequences that the stream does not hold
	Repeats  []Repeat        `json:"repeats,omitempty"` // runs of entries that were left out as duplicates
	Decision string          `json:"decision"`          // hash of the decision settings it was decided under
	Delivery string          `json:"delivery"`          // hash of the delivery settings
	Epoch    uint32          `json:"epoch,omitempty"`   // a replay's: of its entries' identity; else the record's counts
	Counts   Counts          `json:"counts"`
	Anchor   Anchor          `json:"anchor"` // of Last
	Units    []driver.Unit   `json:"units"`
	Active   []string        `json:"active,omitempty"`  // conditional exclusions that were active
	Clock    int64           `json:"clock,omitempty"`   // stream time (Unix nanoseconds) that it began with, where a quota had made it wait
	Rejects  []driver.Reject `json:"rejects,omitempty"` // refused by the sink: they are in the dead-letter units
	Amends   int             `json:"amends,omitempty"`  // how often it was amended

	// Of a plan that was amended because the stream lost some of its messages: units that may stand there as they were planned
	// before, and the instant (Unix nanoseconds) after which messages under its sequences are others.
	Superseded []Superseded `json:"superseded,omitempty"`
	Until      int64        `json:"until,omitempty"`

	State     driver.State `json:"state,omitempty"` // the sink's, to plan from; Next is Plan's of it
	DeadState driver.State `json:"deadState,omitempty"`
}

// WithUnits gives the plan as it is, with the references and origins of units that were made again.
func (p Plan) WithUnits(made []driver.Unit) Plan {
	units := make([]driver.Unit, len(p.Units))
	copy(units, p.Units)
	for i := range units {
		units[i].Refs, units[i].Origin = made[i].Refs, made[i].Origin
	}
	p.Units = units
	return p
}

// Superseded names a unit as it was planned before an amend.
type Superseded struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Gap is a run of sequences that the stream does not hold, both ends included.
type Gap struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Repeat is a run of entries of which all that the route would have kept are duplicates: from one position in the stream to another,
// both included.
type Repeat struct {
	From      uint64 `json:"from"`
	FromIndex int32  `json:"fromIndex,omitempty"`
	To        uint64 `json:"to"`
	ToIndex   int32  `json:"toIndex,omitempty"`
}

// EndsBefore says whether the run ends before a position.
func (r Repeat) EndsBefore(seq uint64, index int32) bool {
	return r.To < seq || r.To == seq && r.ToIndex < index
}

// Holds says whether a position lies in the run.
func (r Repeat) Holds(seq uint64, index int32) bool {
	return !r.EndsBefore(seq, index) && (r.From < seq || r.From == seq && r.FromIndex <= index)
}

// Anchor ties a sequence to the message that stood there, so that a stream that stepped back is noticed.
type Anchor struct {
	Seq    uint64 `json:"seq"`
	Stored int64  `json:"stored"` // Unix nanoseconds
	Sum    string `json:"sum"`    // hex of the first 8 bytes of sha256 over the message
}

// Skip is a range in which the route kept nothing.
type Skip struct {
	Range
	Missing []Gap    `json:"missing,omitempty"`
	Active  []string `json:"active,omitempty"` // conditional exclusions that were active
}

// Loss is a range of which the stream no longer held Count messages when the lane came to it: all of them, but in an amend, whose
// plan says which. That of an epoch's record lies in the epoch before.
type Loss struct {
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Count  uint64 `json:"count"` // messages
	Reason string `json:"reason"`
}

// Config says which decision settings are in force from a sequence on, by route.
type Config struct {
	From   uint64            `json:"from"`
	Routes map[string]string `json:"routes"` // name → hash
}

// Identity is what a control lane believes its stream to be.
type Identity struct {
	Created time.Time `json:"created"`
	From    uint64    `json:"from"` // the epoch's first sequence
	Reason  string    `json:"reason,omitempty"`
	Kept    uint64    `json:"kept,omitempty"` // a stream that stepped back: what it still held of the epoch before ended here
	Lost    *Loss     `json:"lost,omitempty"` // what it no longer holds of the epoch before, as far as is known
}

// Act is what a person did to a lane.
type Act struct {
	Who  string    `json:"who"`
	What string    `json:"what"`
	Why  string    `json:"why,omitempty"`
	At   time.Time `json:"at,omitzero"` // UTC

	Route string `json:"route,omitempty"` // control lane: whose required route was let go
}

// Amend says which entries were taken out of the open plan, and why. The plan as it now stands is in Record.Open.
type Amend struct {
	Excluded []driver.Reject `json:"excluded"`
	Reason   string          `json:"reason"`
}

// Abandon says which plan was given up, and what may stand of it where it was to go.
type Abandon struct {
	First   uint64   `json:"first"`
	Last    uint64   `json:"last"`
	Outputs string   `json:"outputs"` // present, absent or unknown
	Units   []string `json:"units"`   // their names
	Reason  string   `json:"reason"`
}

// Marshal gives a record's canonical JSON: one line without a line feed, the same for a record and for what is read back of it.
func (r Record) Marshal() ([]byte, error) {
	b, err := json.Marshal(r)
	if err == nil && bytes.Contains(b, []byte(`\ufffd`)) {
		// A string that is not UTF-8: its bad bytes are written as an escape, but as a plain U+FFFD once they have been read back.
		var read Record
		if err = json.Unmarshal(b, &read); err == nil {
			b, err = json.Marshal(read)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("encode record %d of lane %s: %w", r.N, r.Lane, err)
	}
	return b, nil
}

// Unmarshal reads a record from its canonical JSON. A field or a version that this program does not know is an error: a record
// half understood is worse than none.
func Unmarshal(b []byte) (Record, error) {
	var r Record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("decode record: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Record{}, fmt.Errorf("decode record %d of lane %s: more than one JSON value", r.N, r.Lane)
	}
	if r.V != Version {
		return Record{}, fmt.Errorf("decode record %d of lane %s: version %d, this program reads version %d", r.N, r.Lane, r.V, Version)
	}
	return r, nil
}

// Hash is the hex sha256 of a record's canonical JSON: the next record's Prev.
func (r Record) Hash() (string, error) {
	b, err := r.Marshal()
	if err != nil {
		return "", err
	}
	return HashOf(b), nil
}

// HashOf is the hash of a record from its canonical JSON.
func HashOf(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// ConfigHash is the hash that a configuration is stored under: the hex sha256 of its bytes.
func ConfigHash(b []byte) string {
	return HashOf(b)
}
