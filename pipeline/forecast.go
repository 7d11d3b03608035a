package pipeline

import (
	"time"

	"sluice/configs"
	"sluice/pipeline/ledger"
)

// QuotaStatus is how full a quota of a lane is, in the present period of stream time.
type QuotaStatus struct {
	Quota     string    `json:"quota"`            // what it counts: bytes/day/, entries/hour/resource.labels.project_id
	Limit     uint64    `json:"limit"`            // of this stream, for each tenant
	Used      uint64    `json:"used"`             // by the tenant that has used most
	Tenant    string    `json:"tenant,omitempty"` // that one
	Tenants   int       `json:"tenants,omitempty"`
	Ends      time.Time `json:"ends"`               // the period
	Exhausted time.Time `json:"exhausted,omitzero"` // when the quota is used up, should entries go on as in this period so far; zero: not in this period
}

// quotaStatus tells how full the lane's quotas are. l.mu is held.
func (l *lane) quotaStatus() []QuotaStatus {
	if l.pending == nil || l.usage == nil || l.pending.revision.decision == nil {
		return nil
	}
	var all []QuotaStatus
	for i := range l.pending.revision.decision.Quotas {
		all = append(all, statusOf(&l.pending.revision.decision.Quotas[i], l.usage))
	}
	return all
}

func statusOf(q *configs.QuotaTerms, usage *ledger.Usage) QuotaStatus {
	begins, ends := periodOf(q.Per, usage.Time)
	s := QuotaStatus{Quota: q.ID, Limit: q.Limit, Ends: ends}
	spent := usage.Spent[q.ID]
	if spent.Period != begins.Unix() {
		return s
	}
	if q.By != nil {
		s.Tenants = len(spent.Used)
	}
	for tenant, used := range spent.Used {
		if used > s.Used || (used == s.Used && tenant < s.Tenant) {
			s.Used, s.Tenant = used, tenant
		}
	}
	switch passed := time.Duration(usage.Time - begins.UnixNano()); {
	case s.Used >= s.Limit:
		s.Exhausted = time.Unix(0, usage.Time).UTC()
	case s.Used > 0 && passed > 0:
		at := begins.Add(time.Duration(float64(passed) * float64(s.Limit) / float64(s.Used)))
		if at.Before(ends) {
			s.Exhausted = at.Truncate(time.Second)
		}
	}
	return s
}
