package ledger

import (
	"maps"

	"sluice/sinks/driver"
)

// Counts is the account of a range of sequences: what became of each entry. Entries are conserved: Examined = the sum of the
// fields from NotMatched to Kept.
type Counts struct {
	Messages      uint64            `json:"messages"` // last − first + 1 − missing
	Examined      uint64            `json:"examined"` // entries in the messages
	NotMatched    uint64            `json:"notMatched,omitempty"`
	Intercepted   uint64            `json:"intercepted,omitempty"`
	Excluded      map[string]uint64 `json:"excluded,omitempty"`      // by exclusion
	ExcludedBytes map[string]uint64 `json:"excludedBytes,omitempty"` // likewise, of the entries as they stand on the bus
	Duplicates    uint64            `json:"duplicates,omitempty"`
	Sampled       uint64            `json:"sampled,omitempty"`
	OverQuota     uint64            `json:"overQuota,omitempty"`
	Dead          uint64            `json:"dead,omitempty"` // in the dead letters
	Kept          uint64            `json:"kept,omitempty"` // delivered
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Messages += o.Messages
	c.Examined += o.Examined
	c.NotMatched += o.NotMatched
	c.Intercepted += o.Intercepted
	c.Duplicates += o.Duplicates
	c.Sampled += o.Sampled
	c.OverQuota += o.OverQuota
	c.Dead += o.Dead
	c.Kept += o.Kept
	addTo(&c.Excluded, o.Excluded)
	addTo(&c.ExcludedBytes, o.ExcludedBytes)
}

func addTo(sum *map[string]uint64, more map[string]uint64) {
	for rule, n := range more {
		if *sum == nil {
			*sum = make(map[string]uint64)
		}
		(*sum)[rule] += n
	}
}

// Balanced says whether every examined entry is accounted for.
func (c Counts) Balanced() bool {
	sum := c.NotMatched + c.Intercepted + c.Duplicates + c.Sampled + c.OverQuota + c.Dead + c.Kept
	for _, n := range c.Excluded {
		sum += n
	}
	return sum == c.Examined
}

// Tally is the account of a lane: the sum over its committed plans, skips and losses.
type Tally struct {
	Counts  Counts `json:"counts"`
	Objects uint64 `json:"objects"` // units written to the sink, dead letters apart
	Bytes   uint64 `json:"bytes"`   // stored bytes of those
	Lost    uint64 `json:"lost"`    // messages in losses
	Plans   uint64 `json:"plans"`   // committed
	Quota   *Usage `json:"quota,omitempty"`
	open    []bool // of each unit of the open plan, whether it goes to the sink
}

// Add takes in the lane's next record, in the order of the chain.
func (t *Tally) Add(r Record) {
	if r.Kind == KindCheckpoint {
		t.restore(r)
		return
	}
	if r.Commits != nil {
		t.Counts.Add(r.Commits.Counts)
		t.Plans++
		t.addReceipts(r.Receipts)
	}
	if r.Skip != nil {
		t.Counts.Add(r.Skip.Counts)
	}
	if r.Quota != nil {
		if t.Quota == nil {
			t.Quota = &Usage{}
		}
		t.Quota.Apply(*r.Quota)
	}
	if r.Loss != nil {
		t.Lost += r.Loss.Count
	}
	t.setOpen(r.Open)
}

// Follow takes in a record whose predecessor left these plans open, for a tally that did not begin with its lane.
func (t *Tally) Follow(before []Plan, r Record) {
	t.setOpen(before)
	t.Add(r)
}

// restore begins anew from a checkpoint, which says the same as all the records before it.
func (t *Tally) restore(r Record) {
	if r.Tally != nil {
		*t = *r.Tally
		t.Counts.Excluded, t.Counts.ExcludedBytes = maps.Clone(t.Counts.Excluded), maps.Clone(t.Counts.ExcludedBytes)
		if t.Quota != nil {
			quota := t.Quota.Clone()
			t.Quota = &quota
		}
	}
	if r.Last != nil {
		t.open = nil
		t.setOpen(r.Last.Open)
	}
}

func (t *Tally) setOpen(open []Plan) {
	t.open = t.open[:0]
	for _, p := range open {
		for i := range p.Units {
			t.open = append(t.open, p.Units[i].To != driver.ToDeadLetter)
		}
	}
}

func (t *Tally) addReceipts(receipts []driver.Receipt) {
	for i, r := range receipts {
		if i < len(t.open) && t.open[i] {
			t.Objects++
			t.Bytes += uint64(r.Bytes)
		}
	}
}
