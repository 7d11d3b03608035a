package ledger

import "maps"

// Usage is how much of its quotas a lane has used, of what is settled: all of it, or what has changed since the record before.
type Usage struct {
	Whole bool             `json:"whole,omitempty"` // nothing that earlier records say holds any more
	Time  int64            `json:"time,omitempty"`  // stream time in Unix nanoseconds: the latest that any message read was stored
	Spent map[string]Spent `json:"spent,omitempty"` // by quota
}

// Spent is the use of one quota in the period that began at Period, in Unix seconds. Without a period the quota is gone.
type Spent struct {
	Period int64             `json:"period"`
	Used   map[string]uint64 `json:"used,omitempty"` // by tenant, "" where there are none
}

// Clone gives a copy that shares nothing.
func (u Usage) Clone() Usage {
	c := Usage{Whole: u.Whole, Time: u.Time, Spent: make(map[string]Spent, len(u.Spent))}
	for id, s := range u.Spent {
		c.Spent[id] = Spent{s.Period, maps.Clone(s.Used)}
	}
	return c
}

// Apply takes a later record's usage in. u shares nothing with it afterwards.
func (u *Usage) Apply(later Usage) {
	if later.Whole || u.Spent == nil {
		u.Spent = make(map[string]Spent, len(later.Spent))
	}
	u.Time = max(u.Time, later.Time)
	for id, s := range later.Spent {
		now, ok := u.Spent[id]
		switch {
		case s.Period == 0:
			delete(u.Spent, id)
		case !ok || now.Period != s.Period || now.Used == nil:
			u.Spent[id] = Spent{s.Period, maps.Clone(s.Used)}
		default:
			maps.Copy(now.Used, s.Used)
		}
	}
}

// Follow takes a later record's changes in behind u's, which are changes themselves: quotas that are gone stay on record.
func (u *Usage) Follow(later Usage) {
	u.Apply(later)
	for id, s := range later.Spent {
		if s.Period == 0 {
			u.Spent[id] = s
		}
	}
}

// Keys counts what a record of the usage has to name.
func (u Usage) Keys() (n int) {
	for _, s := range u.Spent {
		n += 1 + len(s.Used)
	}
	return n
}
