package pipeline

import (
	"time"

	"sluice/logentry"
	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

const (
	growth     = 8       // a batch that cannot be cut yet, since a plan is open, grows to this many times its limits
	maxPlan    = 4 << 20 // about how large the units of a batch's plan may become in a record, in bytes
	unitBytes  = 256     // what a unit takes there beside its key: name, digest, receipt
	waste      = 4       // a batch that pins more than this many times what it refers to copies out
	wasteFloor = 256 << 10
)

// batch is what a lane has gathered from first on, all decided under one revision.
type batch struct {
	first, next uint64 // covers first to next − 1
	revision    revision
	meter       *meter // of the quotas; nil: none
	route       *Route // whose delivery settings it was gathered under
	keep        keeper
	groups      []driver.Group
	index       map[string]int
	lastKey     int
	plan        int                           // about what its units will take in the record of its plan, in bytes
	defects     map[position]*logentry.Defect // Unreadable lanes
	clean       [][][]byte                    // by group and reference: the redacted entry, nil where it is as it came; nil: nothing is redacted
	repeats     []ledger.Repeat               // runs of duplicates
	repeating   bool                          // the last candidate was one
	duplicates  uint64
	room        []byte         // of which clean is cut
	roomed      int64          // bytes of all room so far
	out         []driver.Group // what outgoing gave

	epoch       uint32 // of the entries' identity, where it is not the lane's; else 0
	named       uint64 // sequence of the first kept entry
	entries     int
	bytes       int64 // of the kept entries
	examined    uint64
	messages    uint64
	intercepted uint64
	excluded    []took // by exclusion
	sampled     uint64
	overQuota   uint64
	missing     []ledger.Gap
	end         *message  // the last message covered, for the anchor; nil when none since first
	born        time.Time // when the first entry was kept
}

// took is what an exclusion took.
type took struct{ entries, bytes uint64 }

// position is where an entry stands in its stream.
type position struct {
	seq   uint64
	index int32
}

// keeper holds on to the memory behind a batch's references.
type keeper struct {
	memory *memory
	pinned []*message
	size   int64 // of pinned, each at full size
	own    int64 // bytes copied out, and what references cost
}

func newBatch(mem *memory, first uint64, rev revision, route *Route) *batch {
	return &batch{first: first, next: first, revision: rev, route: route, keep: keeper{memory: mem}, lastKey: -1}
}

// covers says whether the batch covers any sequence at all.
func (b *batch) covers() bool { return b.next > b.first }

// add takes the messages from to to of the block with the lane's verdicts on them, in order.
func (b *batch) add(blk *block, from, to int, verdicts []verdict, now time.Time) {
	b.examined += blk.examined(from, to)
	b.messages += uint64(to - from + 1)
	last := blk.msgs[to].Seq
	for _, g := range blk.missing {
		if g.From >= b.next && g.To <= last {
			b.addMissing(g)
		}
	}
	b.next = last + 1
	b.end = blk.msgs[to]
	var pinned *message
	passed := from
	for i := range verdicts {
		v := &verdicts[i]
		if b.meter != nil {
			passed = b.passTo(blk, passed, int(v.msg))
		}
		if !b.keeps(blk, v) {
			continue
		}
		m := blk.msgs[v.msg]
		if m != pinned {
			b.keep.pin(m)
			pinned = m
		}
		b.addKept(m, v, now)
	}
	if b.meter != nil {
		b.passTo(blk, passed, to)
	}
	if b.keep.size > wasteFloor && b.keep.size > waste*b.bytes {
		b.copyOut()
	}
}

func (b *batch) addMissing(g ledger.Gap) {
	if n := len(b.missing); n > 0 && b.missing[n-1].To+1 == g.From {
		b.missing[n-1].To = g.To
		return
	}
	b.missing = append(b.missing, g)
}

// passTo lets stream time pass over the messages from from to to, and gives to.
func (b *batch) passTo(blk *block, from, to int) int {
	for i := from; i <= to; i++ {
		b.meter.pass(blk.msgs[i].Stored)
	}
	return to
}

// keeps counts a verdict and says whether the entry is kept, after what depends on the batch: which exclusions are active in it, and
// how much of the quotas is used.
func (b *batch) keeps(blk *block, v *verdict) bool {
	var active uint64
	m := b.meter
	if m == nil && b.revision.decision != nil && len(b.revision.decision.Diverted) > 0 {
		return false // a side lane does not know what is diverted
	}
	if m != nil {
		active = m.active
		if diverted := m.decision.Diverted; len(diverted) > 0 {
			at := position{blk.msgs[v.msg].Seq, v.index}
			if v.source > 0 {
				if !v.hidden && v.excluded < 0 && m.take(diverted[v.source-1].decision.Quotas, v.charge, len(v.raw)) == divertedElsewhere {
					m.diverted = at
				}
				return false
			}
			if at != m.diverted {
				return false // nobody diverted it here
			}
		}
	}
	if v.hidden {
		b.intercepted++
		return false
	}
	if x := v.exclusion(active); x >= 0 {
		b.exclude(x, len(v.raw))
		return false
	}
	if b.candidate(blk.msgs[v.msg].Seq, v) {
		return false
	}
	if v.charge == nil || m == nil {
		return true
	}
	switch m.take(m.decision.Quotas, v.charge, len(v.raw)) {
	case sampledOut:
		b.sampled++
		return false
	case overQuota, divertedElsewhere:
		b.overQuota++
		return false
	}
	return true
}

func (b *batch) exclude(exclusion int32, size int) {
	for len(b.excluded) <= int(exclusion) {
		b.excluded = append(b.excluded, took{})
	}
	b.excluded[exclusion].entries++
	b.excluded[exclusion].bytes += uint64(size)
}

func (b *batch) addKept(m *message, v *verdict, now time.Time) {
	if b.entries == 0 {
		b.born, b.named = now, m.Seq
	}
	if b.lastKey < 0 || b.groups[b.lastKey].Key != string(v.key) {
		b.lastKey = b.group(v.key)
	}
	g := &b.groups[b.lastKey]
	g.Refs = append(g.Refs, driver.Ref{Seq: m.Seq, Index: v.index, Stored: m.Stored.UnixNano(), Raw: v.raw})
	if b.revision.decision.redacts() {
		b.addClean(b.lastKey, v.clean)
	}
	if v.defect != nil {
		if b.defects == nil {
			b.defects = make(map[position]*logentry.Defect)
		}
		b.defects[position{m.Seq, v.index}] = v.defect
	}
	b.entries++
	b.bytes += int64(len(v.raw))
	b.keep.take(refBytes)
}

func (b *batch) group(key []byte) int {
	if i, ok := b.index[string(key)]; ok {
		return i
	}
	if b.index == nil {
		b.index = make(map[string]int)
	}
	i := len(b.groups)
	b.groups = append(b.groups, driver.Group{Key: string(key)})
	b.index[string(key)] = i
	b.plan += len(key) + unitBytes
	return i
}

// room counts the units that verdicts would add to a batch, so that its plan stays small. nil: they fit in any case.
type room struct {
	batch *batch
	fresh map[string]bool
	plan  int
}

func (b *batch) roomFor(verdicts []verdict) *room {
	most := b.plan
	for i := range verdicts {
		most += len(verdicts[i].key) + unitBytes
	}
	if most <= maxPlan {
		return nil
	}
	return &room{batch: b, fresh: make(map[string]bool), plan: b.plan}
}

// takes counts a verdict and says whether the plan is still small enough.
func (r *room) takes(v *verdict) bool {
	if r == nil || !v.kept() {
		return true
	}
	if _, ok := r.batch.index[string(v.key)]; !ok && !r.fresh[string(v.key)] {
		r.fresh[string(v.key)] = true
		r.plan += len(v.key) + unitBytes
	}
	return r.plan <= maxPlan
}

// counts is the batch's account.
func (b *batch) counts(exclusions []string) ledger.Counts {
	c := ledger.Counts{
		Messages: b.messages, Examined: b.examined, Intercepted: b.intercepted, Duplicates: b.duplicates, Sampled: b.sampled, OverQuota: b.overQuota,
		Kept: uint64(b.entries),
	}
	var excluded uint64
	for i, x := range b.excluded {
		if x.entries == 0 {
			continue
		}
		if c.Excluded == nil {
			c.Excluded, c.ExcludedBytes = make(map[string]uint64), make(map[string]uint64)
		}
		c.Excluded[exclusions[i]] += x.entries
		c.ExcludedBytes[exclusions[i]] += x.bytes
		excluded += x.entries
	}
	c.NotMatched = c.Examined - c.Kept - c.Intercepted - c.Duplicates - c.Sampled - c.OverQuota - excluded
	return c
}

// copyOut exchanges references into large, little used messages for the batch's own copies.
func (b *batch) copyOut() {
	held := b.keep
	b.keep = keeper{memory: held.memory}
	b.keep.take(int64(b.entries)*refBytes + b.bytes + b.roomed)
	arena := make([]byte, 0, b.bytes)
	for g := range b.groups {
		refs := b.groups[g].Refs
		for i := range refs {
			start := len(arena)
			arena = append(arena, refs[i].Raw...)
			refs[i].Raw = arena[start:len(arena):len(arena)]
		}
	}
	held.release()
}

// drop forgets the kept entries and gives their memory back. The batch must not be used afterwards, nor the references that a
// plan took from it: the plan's record lives on until the next one, and would hold every message until then.
func (b *batch) drop() {
	b.keep.release()
	for _, groups := range [][]driver.Group{b.groups, b.out} {
		for i := range groups {
			clear(groups[i].Refs)
		}
	}
	b.groups, b.index, b.end, b.clean, b.room, b.out = nil, nil, nil, nil, nil, nil
}

func (k *keeper) pin(m *message) {
	if n := len(k.pinned); n > 0 && k.pinned[n-1] == m {
		return
	}
	k.memory.pin(m)
	k.pinned = append(k.pinned, m)
	k.size += int64(len(m.Data))
}

func (k *keeper) take(n int64) {
	k.memory.take(n)
	k.own += n
}

func (k *keeper) release() {
	for _, m := range k.pinned {
		k.memory.unpin(m)
	}
	if k.own > 0 {
		k.memory.give(k.own)
	}
	*k = keeper{memory: k.memory}
}

// held is what the batch keeps from being freed, in bytes, counted as if no other lane pinned it.
func (b *batch) held() int64 { return b.keep.size + b.keep.own }

// full says whether the batch has reached n times its limits.
func (b *batch) full(bytes int64, entries, n int) bool {
	return b.bytes >= bytes*int64(n) || b.entries >= entries*n || b.plan >= maxPlan
}
