package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"time"

	"sluice/configs"
	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
	"sluice/pipeline/ledger"
)

const (
	maxTenants = 10_000 // of a quota in one period; the others share one
	others     = "\x00" // the tenant that they share
	maxTenant  = 128    // bytes of a tenant's name; longer ones are known by their hash
)

// charge is what quotas have to know of an entry beside its size.
type charge struct {
	tenants []string // by quota
	spared  uint64   // bits of the quotas that spare it
	lucky   uint64   // bits of the quotas whose sample it is in
}

// chargeOf asks what the quotas of a decision have to know of an entry that it keeps.
func (d *Decision) chargeOf(e *logentry.Entry, matched uint64) (*charge, error) {
	c := &charge{tenants: make([]string, len(d.Quotas))}
	var failed error
	for i := range d.Quotas {
		q := &d.Quotas[i]
		if q.By != nil {
			v, err := q.By.Eval(e)
			if err != nil {
				failed = err
			}
			c.tenants[i] = tenantOf(exprs.AppendText(nil, v))
		}
		if q.Spare >= 0 {
			c.spared |= matched >> q.Spare & 1 << i
		}
		if q.Over == configs.SampleDown && filters.Drawn("quota "+q.ID, e.Get(logentry.PathInsertID).AppendText(nil), q.Sample) {
			c.lucky |= 1 << i
		}
	}
	return c, failed
}

func tenantOf(name []byte) string {
	if len(name) > maxTenant {
		sum := sha256.Sum256(name)
		return "sha256 " + hex.EncodeToString(sum[:])
	}
	return string(name)
}

// outcome is what the quotas make of an entry.
type outcome uint8

const (
	fits outcome = iota
	sampledOut
	overQuota
	divertedElsewhere
)

// meter measures what a batch takes of the quotas, and knows which conditional exclusions are active in it. All that it says is a
// function of the usage that it began with, of the messages, and of what its plan records: active and clock. nil: the route has
// neither quotas nor conditions.
type meter struct {
	decision *Decision
	usage    *ledger.Usage // as of the last message gathered: the lane's, which its batches share
	changes  ledger.Usage  // what the batch has changed of it
	begun    bool
	clock    int64 // stream time to begin with at least, in Unix nanoseconds
	fixed    bool  // active is that of a recorded plan
	active   uint64
	diverted position // the entry that another route diverted last
}

// newMeter gives a decision's meter.
func newMeter(d *Decision) *meter {
	if d == nil || d.conditional == 0 && len(d.Quotas) == 0 && len(d.Diverted) == 0 {
		return nil
	}
	return &meter{decision: d}
}

// begin makes the meter ready for the batch's first message: usage of quotas that the decision does not have goes, and the active
// exclusions are chosen.
func (m *meter) begin(usage *ledger.Usage, stored time.Time) {
	if m.begun {
		return
	}
	m.begun, m.usage = true, usage
	m.changes.Spent = make(map[string]ledger.Spent)
	if usage.Spent == nil {
		usage.Spent = make(map[string]ledger.Spent)
	}
	m.pass(time.Unix(0, m.clock))
	m.pass(stored)
	for id := range usage.Spent {
		if !m.decision.counts(id) {
			delete(usage.Spent, id)
			m.changes.Spent[id] = ledger.Spent{}
		}
	}
	if !m.fixed {
		m.active = m.choice(usage.Time)
	}
}

// fix makes the meter measure as it did for a recorded plan.
func (m *meter) fix(p ledger.Plan) {
	m.fixed, m.active, m.clock = true, m.decision.activeBits(p.Active), p.Clock
}

// pass lets stream time go on to when a message was stored.
func (m *meter) pass(stored time.Time) {
	m.usage.Time = max(m.usage.Time, stored.UnixNano())
	m.changes.Time = m.usage.Time
}

// wouldChange says whether another choice of exclusions would be made for a batch that begins with a message stored then.
func (m *meter) wouldChange(stored time.Time) bool {
	return m != nil && m.begun && !m.fixed && m.decision.conditional != 0 && m.choice(max(m.usage.Time, stored.UnixNano())) != m.active
}

// choice gives the bits of the conditional exclusions that are active at a stream time.
func (m *meter) choice(at int64) (active uint64) {
	if m.decision.conditional == 0 {
		return 0
	}
	c := m.conditions(at)
	for left := m.decision.conditional; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		holds, err := m.decision.Whens[i].Holds(c)
		m.decision.note(err)
		if holds {
			active |= 1 << i
		}
	}
	return active
}

// conditions are the state of the fullest quota.
func (m *meter) conditions(at int64) exprs.Conditions {
	c := exprs.Conditions{Time: time.Unix(0, at).UTC(), Used: -1}
	for i := range m.decision.Quotas {
		q := &m.decision.Quotas[i]
		begins, ends := periodOf(q.Per, at)
		used := float64(usedOf(m.usage, q, at)) / float64(q.Limit)
		if used > c.Used {
			c.Used, c.Passed = used, float64(at-begins.UnixNano())/float64(ends.Sub(begins))
		}
	}
	c.Used = max(c.Used, 0)
	return c
}

// usedOf gives what is used of a quota at a stream time, by the tenant that has used most.
func usedOf(usage *ledger.Usage, q *configs.QuotaTerms, at int64) (most uint64) {
	spent := usage.Spent[q.ID]
	if begins, _ := periodOf(q.Per, at); spent.Period != begins.Unix() {
		return 0
	}
	for _, used := range spent.Used {
		most = max(most, used)
	}
	return most
}

// periodOf gives the period of a quota that a stream time lies in, in UTC.
func periodOf(per configs.Per, at int64) (begins, ends time.Time) {
	t := time.Unix(0, at).UTC()
	switch per {
	case configs.PerHour:
		begins = t.Truncate(time.Hour)
		return begins, begins.Add(time.Hour)
	case configs.PerDay:
		begins = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		return begins, begins.AddDate(0, 0, 1)
	}
	begins = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	return begins, begins.AddDate(0, 1, 0)
}

// take charges an entry that a decision keeps, and says what the quotas make of it. The first that is exceeded decides, unless the
// entry is in its sample; what is kept is charged to all of them.
func (m *meter) take(quotas []configs.QuotaTerms, c *charge, size int) outcome {
	for i := range quotas {
		q := &quotas[i]
		if c.spared>>i&1 == 1 || m.used(q, c.tenants[i])+q.Amount(size) <= q.Limit {
			continue
		}
		switch q.Over {
		case configs.SampleDown:
			if c.lucky>>i&1 == 0 {
				return sampledOut
			}
		case configs.Divert:
			return divertedElsewhere
		case configs.Drop:
			return overQuota
		}
	}
	for i := range quotas {
		m.spend(&quotas[i], c.tenants[i], quotas[i].Amount(size))
	}
	return fits
}

// used gives what a tenant has used of a quota in the present period.
func (m *meter) used(q *configs.QuotaTerms, tenant string) uint64 {
	spent := m.usage.Spent[q.ID]
	if begins, _ := periodOf(q.Per, m.usage.Time); spent.Period != begins.Unix() {
		return 0
	}
	return spent.Used[tenantIn(spent, tenant)]
}

// tenantIn gives the tenant's own name in what is spent, or that of those for whom there is no room.
func tenantIn(spent ledger.Spent, tenant string) string {
	if _, known := spent.Used[tenant]; !known && len(spent.Used) >= maxTenants {
		return others
	}
	return tenant
}

func (m *meter) spend(q *configs.QuotaTerms, tenant string, amount uint64) {
	begins, _ := periodOf(q.Per, m.usage.Time)
	spent := m.usage.Spent[q.ID]
	if spent.Period != begins.Unix() {
		spent = ledger.Spent{Period: begins.Unix(), Used: make(map[string]uint64)}
		m.usage.Spent[q.ID] = spent
	}
	changed := m.changes.Spent[q.ID]
	if changed.Period != spent.Period {
		changed = ledger.Spent{Period: spent.Period, Used: make(map[string]uint64)}
		m.changes.Spent[q.ID] = changed
	}
	tenant = tenantIn(spent, tenant)
	spent.Used[tenant] += amount
	changed.Used[tenant] = spent.Used[tenant]
}

// counts says whether one of the decision's quotas, or of those that divert to it, counts under an id.
func (d *Decision) counts(id string) bool {
	for i := range d.Quotas {
		if d.Quotas[i].ID == id {
			return true
		}
	}
	for _, from := range d.Diverted {
		if from.decision.counts(id) {
			return true
		}
	}
	return false
}

// activeNames gives the names of active exclusions.
func (d *Decision) activeNames(active uint64) (names []string) {
	for ; active != 0; active &= active - 1 {
		names = append(names, d.Exclusions[bits.TrailingZeros64(active)])
	}
	return names
}

// activeBits is the inverse of activeNames.
func (d *Decision) activeBits(names []string) (active uint64) {
	for _, name := range names {
		for i, x := range d.Exclusions {
			if x == name {
				active |= 1 << i
			}
		}
	}
	return active
}
