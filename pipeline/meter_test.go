package pipeline

import (
	"fmt"
	"testing"
	"time"

	"sluice/configs"
	"sluice/pipeline/ledger"
)

// midnight is when the tests' days begin.
var midnight = time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)

func beganMeter(d *Decision, usage *ledger.Usage, at time.Time) *meter {
	m := newMeter(d)
	m.begin(usage, at)
	return m
}

// TestTenants: so many tenants have a quota of their own, the others share one; in the next period it is anybody's again.
func TestTenants(t *testing.T) {
	d := &Decision{Quotas: []configs.QuotaTerms{{ID: "q", Limit: 2, Per: configs.PerHour, Over: configs.Drop, Spare: -1}}}
	usage := &ledger.Usage{}
	m := beganMeter(d, usage, midnight)
	take := func(tenant string) outcome { return m.take(d.Quotas, &charge{tenants: []string{tenant}}, 1) }
	for i := range maxTenants {
		if got := take(fmt.Sprint("t", i)); got != fits {
			t.Fatalf("tenant %d: %d", i, got)
		}
	}
	for i, want := range []outcome{fits, fits, overQuota, overQuota} {
		if got := take(fmt.Sprint("late", i)); got != want {
			t.Errorf("late tenant %d: %d, want %d", i, got, want)
		}
	}
	if got := take("t7"); got != fits {
		t.Errorf("an early tenant: %d", got)
	}
	if n := len(usage.Spent["q"].Used); n != maxTenants+1 {
		t.Errorf("%d tenants are kept", n)
	}
	m.pass(midnight.Add(time.Hour))
	if got := take("late2"); got != fits || len(usage.Spent["q"].Used) != 1 {
		t.Errorf("in the next hour: %d, %v", got, usage.Spent["q"].Used)
	}
}

// TestPolicies: what is spared, or in the sample, is kept and charged above the quota too; the first quota that is exceeded decides.
func TestPolicies(t *testing.T) {
	quota := func(id string, limit uint64, over configs.Over) configs.QuotaTerms {
		return configs.QuotaTerms{ID: id, Bytes: true, Limit: limit, Per: configs.PerDay, Over: over, Sample: 0.5, Spare: 0}
	}
	for _, c := range []struct {
		name   string
		quotas []configs.QuotaTerms
		charge charge
		want   outcome
		used   uint64 // of the first quota, which had used 90
	}{
		{"it fits", []configs.QuotaTerms{quota("a", 100, configs.Drop)}, charge{}, fits, 100},
		{"drop", []configs.QuotaTerms{quota("a", 99, configs.Drop)}, charge{}, overQuota, 90},
		{"spared", []configs.QuotaTerms{quota("a", 99, configs.Drop)}, charge{spared: 1}, fits, 100},
		{"out of the sample", []configs.QuotaTerms{quota("a", 99, configs.SampleDown)}, charge{}, sampledOut, 90},
		{"in the sample", []configs.QuotaTerms{quota("a", 99, configs.SampleDown)}, charge{lucky: 1}, fits, 100},
		{"divert", []configs.QuotaTerms{quota("a", 99, configs.Divert)}, charge{}, divertedElsewhere, 90},
		{"count", []configs.QuotaTerms{quota("a", 99, configs.CountAlone)}, charge{}, fits, 100},
		{"in the sample of one, above another", []configs.QuotaTerms{quota("a", 99, configs.SampleDown), quota("b", 9, configs.Drop)}, charge{lucky: 1}, overQuota, 90},
	} {
		usage := &ledger.Usage{Spent: map[string]ledger.Spent{"a": {Period: midnight.Unix(), Used: map[string]uint64{"": 90}}}}
		m := beganMeter(&Decision{Quotas: c.quotas}, usage, midnight.Add(time.Hour))
		c.charge.tenants = make([]string, len(c.quotas))
		if got := m.take(c.quotas, &c.charge, 10); got != c.want || usage.Spent["a"].Used[""] != c.used {
			t.Errorf("%s: outcome %d, used %d; want %d, %d", c.name, got, usage.Spent["a"].Used[""], c.want, c.used)
		}
	}
}

// TestPeriods: hours, days and months begin where they do in UTC, and time never goes back.
func TestPeriods(t *testing.T) {
	at := time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC).UnixNano()
	for per, want := range map[configs.Per][2]string{
		configs.PerHour:  {"2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z"},
		configs.PerDay:   {"2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"},
		configs.PerMonth: {"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
	} {
		if begins, ends := periodOf(per, at); begins.Format(time.RFC3339) != want[0] || ends.Format(time.RFC3339) != want[1] {
			t.Errorf("%s: %s to %s", per, begins, ends)
		}
	}
	m := beganMeter(&Decision{Quotas: []configs.QuotaTerms{{ID: "q", Limit: 1, Per: configs.PerDay, Spare: -1}}}, &ledger.Usage{}, midnight.Add(time.Hour))
	m.pass(midnight)
	if m.usage.Time != midnight.Add(time.Hour).UnixNano() {
		t.Error("stream time went back")
	}
}

// TestForecast: a budget of which a quarter of the day used half ends at noon; one that lasts has no end in its period.
func TestForecast(t *testing.T) {
	q := &configs.QuotaTerms{ID: "q", Limit: 100, Per: configs.PerDay}
	usage := func(used uint64) *ledger.Usage {
		return &ledger.Usage{Time: midnight.Add(6 * time.Hour).UnixNano(), Spent: map[string]ledger.Spent{
			"q": {Period: midnight.Unix(), Used: map[string]uint64{"": used}}}}
	}
	for used, want := range map[uint64]time.Time{50: midnight.Add(12 * time.Hour), 20: {}, 100: midnight.Add(6 * time.Hour), 0: {}} {
		if s := statusOf(q, usage(used)); !s.Exhausted.Equal(want) || s.Used != used || !s.Ends.Equal(midnight.Add(24*time.Hour)) {
			t.Errorf("%d of 100 at six: %+v, want %s", used, s, want)
		}
	}
}
