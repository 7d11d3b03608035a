package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

// Writer appends to one lane as a pipeline does: it knows the last record, fills in what links the next one to it, and makes up
// plans that add up. Its clock moves only when it is told to.
type Writer struct {
	Ledger ledger.Ledger
	Lane   string
	Name   string    // makes its nonces its own
	At     time.Time // of the next record

	last ledger.Record
	rev  ledger.Rev
}

// NewWriter gives a writer for an empty lane; Reload makes it one for any.
func NewWriter(l ledger.Ledger, lane string) *Writer {
	return &Writer{Ledger: l, Lane: lane, Name: "w", At: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
}

// Reload reads the lane's last record.
func (w *Writer) Reload(ctx context.Context) error {
	var err error
	w.last, w.rev, err = w.Ledger.Last(ctx, w.Lane)
	return err
}

// Link fills in what every record has.
func (w *Writer) Link(r ledger.Record) ledger.Record {
	r.V, r.Lane, r.N, r.At = ledger.Version, w.Lane, uint64(w.rev)+1, w.At
	r.Nonce = fmt.Sprintf("%s-%d", w.Name, r.N)
	if w.rev > 0 {
		prev, err := w.last.Hash()
		if err != nil {
			panic(err) // a record of a test that has no JSON
		}
		r.Prev = prev
	}
	return r
}

// Append links a record and appends it. After an error the writer stands where it stood.
func (w *Writer) Append(ctx context.Context, r ledger.Record) (ledger.Record, error) {
	r = w.Link(r)
	rev, err := w.Ledger.Append(ctx, w.Lane, r, w.rev)
	if err != nil {
		return r, err
	}
	if rev != ledger.Rev(r.N) {
		return r, fmt.Errorf("record %d was given the rev %d", r.N, rev)
	}
	w.last, w.rev = r, rev
	return r, nil
}

// Next gives the lane's next record, in a rhythm of its own that depends on nothing but its place: an open, then plans of ten
// messages, now and then a commit, a skip, a loss.
func (w *Writer) Next() ledger.Record {
	at := w.last.Committed
	r := ledger.Record{Kind: ledger.KindOpen}
	if w.rev == 0 {
		return r
	}
	if len(w.last.Open) > 0 {
		p := w.last.Open[0]
		r.Commits = &ledger.Range{First: p.First, Last: p.Last, Counts: p.Counts}
		for i := range p.Units {
			r.Receipts = append(r.Receipts, driver.Receipt{Bytes: int64(100 + i), CRC32C: uint32(p.First)})
		}
		at = p.Last
	}
	r.Committed = at
	switch n := w.rev; {
	case n%7 == 4:
		r.Kind = ledger.KindCommit
	case n%7 == 5:
		r.Kind = ledger.KindSkip
		r.Skip = &ledger.Skip{Range: ledger.Range{First: at + 1, Last: at + 3,
			Counts: ledger.Counts{Messages: 3, Examined: 4, NotMatched: 4}}}
		r.Committed = at + 3
	case n%7 == 6:
		r.Kind = ledger.KindLoss
		r.Loss = &ledger.Loss{From: at + 1, To: at + 2, Count: 2, Reason: "retention"}
		r.Committed = at + 2
	default:
		r.Kind = ledger.KindPlan
		r.Open = []ledger.Plan{MakePlan(at + 1)}
	}
	return r
}

// MakePlan gives a plan of ten messages less one, from first on, with each kind of verdict, two objects and one of dead letters.
func MakePlan(first uint64) ledger.Plan {
	unit := func(name string, to driver.To, count int) driver.Unit {
		return driver.Unit{Name: fmt.Sprintf("%s/Slogs-e1-%020d.json", name, first), Codec: "json", To: to, Count: count,
			Digest: ledger.HashOf([]byte(name))}
	}
	return ledger.Plan{
		First: first, Last: first + 9, Missing: []ledger.Gap{{From: first + 4, To: first + 4}},
		Decision: "d", Delivery: "v",
		Counts: ledger.Counts{Messages: 9, Examined: 14, NotMatched: 2, Intercepted: 1, Excluded: map[string]uint64{"thin": 1, "<a&b>": 2},
			Duplicates: 1, Sampled: 1, OverQuota: 1, Dead: 1, Kept: 4},
		Anchor:  ledger.Anchor{Seq: first + 9, Stored: int64(first), Sum: "0123456789abcdef"},
		Units:   []driver.Unit{unit("a", driver.ToSink, 3), unit("b", "", 1), unit("dead", driver.ToDeadLetter, 1)},
		Rejects: []driver.Reject{{Seq: first, Index: 1, Reason: "too large: \u2028 <b> \xff"}},
		State:   json.RawMessage(`{"offset": 12, "s":"<&>"}`),
	}
}

// Fill appends n records of the writer's own rhythm and gives them.
func (w *Writer) Fill(ctx context.Context, n int) ([]ledger.Record, error) {
	var records []ledger.Record
	for range n {
		r, err := w.Append(ctx, w.Next())
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	return records, nil
}
