package pipeline

import (
	"context"
	"fmt"

	"sluice/pipeline/ledger"
)

// wholeEvery is how many records of a lane go by until one says all that is used of its quotas, so that no more have to be read;
// fewKeys is how much every record may say.
const (
	wholeEvery = 64
	fewKeys    = 8
)

// loadUsage reads what the lane had used of its quotas at its last record. The records before are needed when that one does not say
// all of it.
func (l *lane) loadUsage(ctx context.Context) error {
	usage, err := l.recordedUsage(ctx)
	if err != nil {
		return err
	}
	live := usage.Clone()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settledUsage, l.usage, l.underway = usage, &live, nil
	return nil
}

func (l *lane) recordedUsage(ctx context.Context) (usage ledger.Usage, err error) {
	last := l.chain.rec.Quota
	switch {
	case last == nil:
		return ledger.Usage{}, nil
	case last.Whole:
		return last.Clone(), nil
	}
	for from := l.chain.rev &^ (wholeEvery - 1); ; from = 0 {
		usage = ledger.Usage{}
		whole := false
		err := l.chain.ledger.Scan(ctx, l.name, max(from, 1)-1, func(_ ledger.Rev, r ledger.Record) error {
			quota := r.Quota
			if r.Kind == ledger.KindCheckpoint && r.Tally != nil {
				quota, whole = r.Tally.Quota, true
			}
			if quota != nil {
				whole = whole || quota.Whole
				usage.Apply(*quota)
			}
			return nil
		})
		if err != nil {
			return usage, fmt.Errorf("read what is used of the quotas: %w", err)
		}
		if whole || from == 0 {
			return usage, nil
		}
	}
}

// quotaAfter is what the next record says of the quotas: what is used once these changes are settled, too, which may be nil.
func (l *lane) quotaAfter(changes ...*ledger.Usage) *ledger.Usage {
	keys := l.settledUsage.Keys()
	for _, c := range changes {
		if c != nil {
			keys += c.Keys()
		}
	}
	var quota ledger.Usage
	if keys <= fewKeys || (uint64(l.chain.rev)+1)%wholeEvery == 0 {
		quota = l.settledUsage.Clone()
	}
	quota.Time = l.settledUsage.Time
	whole := quota.Spent != nil
	for _, c := range changes {
		if c != nil {
			if whole {
				quota.Apply(*c)
			} else {
				quota.Follow(*c)
			}
		}
	}
	if quota.Time == 0 {
		return nil // the route never had a quota
	}
	quota.Whole = whole
	return &quota
}

// rewind takes back what the pending batch has used: it is gathered again. l.mu is held.
func (l *lane) rewind() {
	usage := l.settledUsage.Clone()
	for _, changes := range []*ledger.Usage{l.written.changes(), l.underway, l.cut.used()} {
		if changes != nil {
			usage.Apply(*changes)
		}
	}
	l.usage = &usage
}

// newBatch begins a batch of the lane behind what it has gathered. l.mu is held.
func (l *lane) newBatch(first uint64, rev revision, route *Route) *batch {
	return l.meteredBatch(first, rev, route, l.usage)
}

// meteredBatch begins a batch with the meter that its decision needs, after what was used before.
func (l *lane) meteredBatch(first uint64, rev revision, route *Route, used *ledger.Usage) *batch {
	b := newBatch(l.router.memory, first, rev, route)
	if b.meter = newMeter(rev.decision); b.meter == nil && rev.decision != nil && used != nil && len(used.Spent) > 0 {
		b.meter = &meter{decision: rev.decision} // the route has quotas no more: what they had used goes
	}
	return b
}

// changes gives what a written plan changed, nil for none.
func (w *written) changes() *ledger.Usage {
	if w == nil {
		return nil
	}
	return w.used
}

// used gives what a batch changed of the usage, nil where its route has no quotas.
func (b *batch) used() *ledger.Usage {
	if b == nil || b.meter == nil || !b.meter.begun {
		return nil
	}
	return &b.meter.changes
}

// active gives the names of the conditional exclusions that are active in the batch.
func (b *batch) active() []string {
	if b.meter == nil {
		return nil
	}
	return b.revision.decision.activeNames(b.meter.active)
}

// clock gives the stream time that the batch was made to begin with, 0 when none was.
func (b *batch) clock() int64 {
	if b.meter == nil {
		return 0
	}
	return b.meter.clock
}
