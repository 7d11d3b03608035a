package pipeline

import (
	"maps"

	"sluice/pipeline/ledger"
)

// Tally is what a lane has recorded in the ledger since the program started: the counts of what was committed, skipped or lost
// by it, plans that were open at the start among them.
type Tally struct {
	Counts ledger.Counts
	Plans  uint64 // committed
	Units  uint64 // of them, delivered to the sink
	Bytes  uint64 // stored of those
	Gaps   uint64 // messages that the stream did not hold between others, in what was settled
	Losses uint64 // records of a loss
	Epoch  uint32 // the lane's, now
}

// tally adds up a lane's records.
type tally struct {
	ledger ledger.Tally
	gaps   uint64
	losses uint64
	epoch  uint32
}

// add takes in a record that was appended behind one that left these plans open.
func (t *tally) add(before []ledger.Plan, r ledger.Record) {
	t.ledger.Follow(before, r)
	if r.Commits != nil {
		for _, p := range before {
			t.gaps += countOf(p.Missing)
		}
	}
	if r.Skip != nil {
		t.gaps += countOf(r.Skip.Missing)
	}
	if r.Loss != nil {
		t.losses++
	}
	t.epoch = r.Epoch
}

// read gives what was added up, in a copy that shares nothing.
func (t *tally) read() Tally {
	all := Tally{
		Counts: t.ledger.Counts, Plans: t.ledger.Plans, Units: t.ledger.Objects, Bytes: t.ledger.Bytes,
		Gaps: t.gaps, Losses: t.losses, Epoch: t.epoch,
	}
	all.Counts.Excluded = maps.Clone(all.Counts.Excluded)
	return all
}

// Pending tells how many bytes of entries wait in memory, over all lanes, and how many may.
func (r *Router) Pending() (bytes, limit int64) { return r.memory.used.Load(), r.memory.limit }
