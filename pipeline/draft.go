package pipeline

import (
	"fmt"
	"slices"

	"sluice/pipeline/ledger"
	"sluice/sinks"
	"sluice/sinks/driver"
)

// draft is a plan with what the ledger does not keep: the references behind its units, and the states after it.
type draft struct {
	plan ledger.Plan // Units carry their Refs
	dest *destination
	next driver.State
	dead driver.State
}

// record is the plan as the ledger keeps it. It does not hold on to the entries, so that it may outlive the batch.
func (d *draft) record() ledger.Plan {
	p := d.plan
	p.Units = slices.Clone(p.Units)
	for i := range p.Units {
		p.Units[i].Refs = nil
	}
	return p
}

// terms are what a plan depends on beside its batch.
type terms struct {
	dest     *destination
	delivery string // hash of the delivery settings
	epoch    uint32
	state    driver.State
	dead     driver.State
	rejects  []driver.Reject // known to be refused, in the order in which they were
	amends   int

	named      uint64 // sequence in the units' names; 0: that of the first kept entry
	superseded []ledger.Superseded
	until      int64
}

// draft makes the plan of a batch. It is a function of its arguments: a redo makes the very same.
func (l *lane) draft(b *batch, t terms) (draft, error) {
	outgoing, digest := b.outgoing(), b.digests()
	known, taken := pick(outgoing, t.rejects) // less those whose messages the stream has lost
	groups := without(outgoing, known)
	stream := l.readers.stream.Name()
	if t.named == 0 {
		t.named = b.named
	}
	if b.epoch != 0 {
		t.epoch = b.epoch
	}
	batch := driver.Batch{Route: l.routeName, Stream: stream, Side: l.side, Epoch: t.epoch, First: t.named, Last: b.next - 1, Groups: groups}
	if l.isUnreadable() {
		batch.Groups = b.envelopes(batch, groups)
	}
	p, err := t.dest.sink.Plan(t.state, &batch)
	if err != nil {
		return draft{}, fmt.Errorf("plan sequences %d to %d: %w", b.first, b.next-1, err)
	}
	if p.Wants != nil {
		return draft{}, &wantsError{p.Wants}
	}
	more, alsoTaken := pick(outgoing, p.Rejects)
	rejects := append(append([]driver.Reject(nil), known...), more...)
	taken = append(taken, alsoTaken...)
	d := draft{dest: t.dest, next: p.Next, dead: t.dead}
	d.plan = ledger.Plan{
		First: b.first, Last: b.next - 1, Named: t.named, Missing: b.missing, Repeats: b.repeats,
		Decision: b.revision.hash, Delivery: t.delivery, Epoch: b.epoch,
		Counts: b.counts(b.revision.decision.Exclusions), Units: p.Units, Rejects: rejects, Amends: t.amends, Active: b.active(), Clock: b.clock(),
		State: t.state, DeadState: t.dead, Superseded: t.superseded, Until: t.until,
	}
	if b.end != nil {
		d.plan.Anchor = anchorOf(&b.end.Message)
	}
	d.plan.Counts.Kept -= uint64(len(rejects))
	d.plan.Counts.Dead = uint64(len(rejects))
	for i := range d.plan.Units {
		d.plan.Units[i].To = driver.ToSink
		d.plan.Units[i].Digest = digest(d.plan.Units[i].Refs)
	}
	if err := d.addDead(batch, rejects, taken, digest); err != nil {
		return draft{}, err
	}
	d.label(batch)
	return d, nil
}

// wantsError says that a batch cannot be planned before the sink's Prepare was given this state.
type wantsError struct{ state driver.State }

// Error says what a plan that was recorded cannot meet.
func (e *wantsError) Error() string { return "the destination must be prepared for the batch first" }

// addDead adds a dead-letter unit for what Plan refused and one for each amend.
func (d *draft) addDead(batch driver.Batch, rejects []driver.Reject, taken []driver.Ref, digest func([]driver.Ref) string) error {
	for n := 0; n <= d.plan.Amends; n++ {
		var refs, originals []driver.Ref
		for i := range rejects {
			if rejects[i].Amend == n {
				refs = append(refs, wrap(batch, taken[i], "rejected", rejects[i].Reason))
				originals = append(originals, taken[i])
			}
		}
		if len(refs) == 0 {
			continue
		}
		batch.Amend = n
		batch.Groups = []driver.Group{{Key: batch.Route, Refs: refs}}
		if d.dest.dead == nil {
			return &haltError{fmt.Errorf("the dead letters refuse %d entries", len(refs))}
		}
		p, err := planDead(d.dest.dead, d.dead, &batch)
		if err != nil {
			return err
		}
		for i := range p.Units {
			p.Units[i].To = driver.ToDeadLetter
			p.Units[i].Digest = digest(originals)
		}
		d.plan.Units = append(d.plan.Units, p.Units...)
		d.dead = p.Next
	}
	return nil
}

func planDead(dead *sinks.Sink, s driver.State, batch *driver.Batch) (driver.Plan, error) {
	p, err := dead.Plan(s, batch)
	if err != nil {
		return driver.Plan{}, fmt.Errorf("plan the dead letters: %w", err)
	}
	if len(p.Rejects) > 0 || len(p.Units) != 1 {
		return driver.Plan{}, &haltError{fmt.Errorf("the dead letters refuse %d entries in %d units", len(p.Rejects), len(p.Units))}
	}
	return p, nil
}

// label fills in what the pipeline says of every unit.
func (d *draft) label(batch driver.Batch) {
	origin := driver.Origin{
		Route: batch.Route, Stream: batch.Stream, Side: batch.Side, Epoch: batch.Epoch, First: d.plan.First, Last: d.plan.Last,
		Decision: d.plan.Decision, Units: len(d.plan.Units),
	}
	for i := range d.plan.Units {
		d.plan.Units[i].Count = len(d.plan.Units[i].Refs)
		d.plan.Units[i].Origin = origin
	}
}

// without gives groups less the rejected entries.
func without(all []driver.Group, rejects []driver.Reject) []driver.Group {
	if len(rejects) == 0 {
		return all
	}
	var groups []driver.Group
	out := make(map[position]bool, len(rejects))
	for i := range rejects {
		out[position{rejects[i].Seq, rejects[i].Index}] = true
	}
	for _, g := range all {
		kept := driver.Group{Key: g.Key}
		for _, ref := range g.Refs {
			if !out[position{ref.Seq, ref.Index}] {
				kept.Refs = append(kept.Refs, ref)
			}
		}
		if len(kept.Refs) > 0 {
			groups = append(groups, kept)
		}
	}
	return groups
}

// pick finds the references of rejects, in their order; what the groups do not hold is left out of both.
func pick(groups []driver.Group, rejects []driver.Reject) (found []driver.Reject, refs []driver.Ref) {
	if len(rejects) == 0 {
		return nil, nil
	}
	at := make(map[position]int, len(rejects))
	for i := range rejects {
		at[position{rejects[i].Seq, rejects[i].Index}] = i
	}
	place := make([]*driver.Ref, len(rejects))
	for g := range groups {
		for r := range groups[g].Refs {
			ref := &groups[g].Refs[r]
			if i, ok := at[position{ref.Seq, ref.Index}]; ok {
				place[i] = ref
			}
		}
	}
	for i, ref := range place {
		if ref != nil {
			found = append(found, rejects[i])
			refs = append(refs, *ref)
		}
	}
	return found, refs
}
