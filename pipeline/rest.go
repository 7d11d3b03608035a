package pipeline

import (
	"fmt"
	"slices"
	"time"

	"sluice/configs"
)

// begin makes the pending batch ready for a block's messages from `from` on. A batch has one choice of active exclusions: where
// another would be made now it is cut; false when that cannot be, and the lane has got off to flush it. l.mu is held.
func (l *lane) begin(blk *block, from int) bool {
	m := l.pending.meter
	if m == nil {
		return true
	}
	if m.wouldChange(blk.msgs[from].Stored) {
		if l.pending.entries == 0 || !l.cutPending() {
			l.barrier = &barrier{}
			l.leave()
			return false
		}
		m = l.pending.meter
	}
	if !m.begun {
		m.begin(l.usage, blk.msgs[from].Stored)
		l.noteActive(m)
	}
	return true
}

// noteActive logs and counts which conditional exclusions have become active, or are no longer.
func (l *lane) noteActive(m *meter) {
	before := l.activeNow
	l.activeNow = m.decision.activeNames(m.active)
	used := m.conditions(m.usage.Time).Used
	for i, name := range m.decision.Exclusions {
		if m.decision.conditional>>i&1 == 0 {
			continue
		}
		is, was := m.active>>i&1 == 1, slices.Contains(before, name)
		switch {
		case is && !was:
			if l.activations == nil {
				l.activations = make(map[string]uint64)
			}
			l.activations[name]++
			l.log.Info("exclusion active", "exclusion", name, "when", m.decision.Whens[i], "quotaUsed", used)
		case was && !is:
			l.log.Info("exclusion no longer active", "exclusion", name, "when", m.decision.Whens[i], "quotaUsed", used)
		}
	}
}

// pausing gives the quota that makes the route rest, nil when none does.
func (m *meter) pausing() *configs.QuotaTerms {
	if m == nil || len(m.decision.Quotas) != 1 || m.decision.Quotas[0].Over != configs.PauseRoute {
		return nil
	}
	return &m.decision.Quotas[0]
}

// rests tells at which of the messages from from to to the quota makes the route rest, and until when: the first that does not fit
// any more. A message that is larger than a whole quota has a period for itself. to+1: at none.
func (m *meter) rests(blk *block, from, to int, verdicts []verdict) (stop int, until time.Time) {
	q := m.pausing()
	if q == nil {
		return to + 1, until
	}
	at := m.usage.Time
	_, ends := periodOf(q.Per, at)
	used := m.used(q, "")
	for i, v := from, 0; i <= to; i++ {
		at = max(at, blk.msgs[i].Stored.UnixNano())
		if at >= ends.UnixNano() {
			_, ends = periodOf(q.Per, at)
			used = 0
		}
		var sum uint64
		for ; v < len(verdicts) && int(verdicts[v].msg) <= i; v++ {
			if verdicts[v].charge != nil && verdicts[v].exclusion(m.active) < 0 {
				sum += q.Amount(len(verdicts[v].raw))
			}
		}
		if used > 0 && used+sum > q.Limit {
			return i, ends
		}
		used += sum
	}
	return to + 1, until
}

// restTill gets the lane off its reader until a quota's next period has begun, also by the clock. l.mu is held.
func (l *lane) restTill(until time.Time) {
	l.restUntil = until
	l.status.State = Paused
	l.status.Message = fmt.Sprintf("the quota is used up; goes on at %s", until.UTC().Format(time.RFC3339))
	l.leave()
}

// endRest ends a rest whose time has come: the next batch begins in the new period, whatever its entries' age. l.mu is held.
func (l *lane) endRest() {
	if l.restUntil.IsZero() {
		return
	}
	l.rewind()
	l.pending = l.newBatch(l.pending.next, l.pending.revision, l.pending.route)
	if l.pending.meter != nil {
		l.pending.meter.clock = l.restUntil.UnixNano()
	}
	l.restUntil = time.Time{}
	l.status.State, l.status.Message = Running, ""
}
