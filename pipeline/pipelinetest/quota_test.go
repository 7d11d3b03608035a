package pipelinetest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline/ledger"
)

// quotas are what routes of a world change between.
var quotas = []string{
	"", "{entries: 15, per: hour}", "{entries: 9, per: hour}", "{bytes: 1KiB, per: hour, by: jsonPayload.n}",
	"{entries: 4, per: hour, by: logName, spare: jsonPayload.n=2}", "{entries: 25, per: hour, over: pause}",
	"[{entries: 60, per: day, over: count}, {entries: 3, per: hour, by: jsonPayload.n}]", "{entries: 40, per: day}",
}

var whens = []string{"", "quota.used > 0.5", "quota.used > quota.passed", "time.hour % 2 == 0"}

// changeQuotas gives some routes other quotas, and conditions.
func (w *World) changeQuotas() {
	for _, r := range w.Routes {
		if r.Overflow != "" || w.Rand.IntN(2) == 0 {
			continue
		}
		if r.Quota = quotas[w.Rand.IntN(len(quotas))]; r.Quota != "" {
			r.When = whens[w.Rand.IntN(len(whens))]
		} else {
			r.When = []string{"", "time.hour % 2 == 0"}[w.Rand.IntN(2)]
		}
	}
}

// divert lets the second route divert to the third.
func (w *World) divert() {
	from, to := w.Routes[1], w.Routes[2]
	from.Quota, from.When = "{entries: 10, per: hour, by: logName, over: divert, divert: "+to.Name+"}", ""
	to.Overflow, to.Quota, to.When, to.Intercept = from.Name, "", "", false
}

// TestQuotas lives with quotas that drop, pause and divert, by tenants and not, and with exclusions that they activate, through
// crashes and changes: every entry is decided as the model decides it from the ledger alone, and the ledger's counts are exact.
func TestQuotas(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			w.budgetedLives(5)
			check(t, seed, w.finish())
		})
	}
}

func (w *World) budgetedLives(n int) {
	w.Patience = 48 * time.Hour
	if w.Seed%3 == 0 {
		w.Memory = 4 << 10 // what was gathered is dropped now and then, and gathered again
	}
	for range n {
		w.changeQuotas()
		w.ChangeRules()
		if w.Seed%2 == 0 {
			w.divert()
		}
		for range 1 + w.Rand.IntN(4) {
			w.Publish(5 + w.Rand.IntN(20))
			time.Sleep(time.Duration(w.Rand.IntN(50)) * time.Minute)
		}
		life := w.Live(NewGate(5+w.Rand.IntN(60), w.Rand.IntN(2) == 0))
		for range w.Rand.IntN(4) {
			w.Publish(w.Rand.IntN(20))
			time.Sleep(time.Duration(w.Rand.IntN(40)) * time.Minute)
		}
		if !life.Await(w.Patience) {
			life.Drain()
		}
	}
}

// forgetful is a ledger that keeps something of a lane's last record to itself.
type forgetful struct {
	ledger.Ledger
	forget func(*ledger.Record)
}

func (f forgetful) Last(ctx context.Context, lane string) (ledger.Record, ledger.Rev, error) {
	r, rev, err := f.Ledger.Last(ctx, lane)
	r.Open = slices.Clone(r.Open)
	f.forget(&r)
	return r, rev, err
}

// Append puts the true hash of the record before into r: the writer knows that record only in part.
func (f forgetful) Append(ctx context.Context, lane string, r ledger.Record, prev ledger.Rev) (ledger.Rev, error) {
	last, rev, err := f.Ledger.Last(ctx, lane)
	if err != nil {
		return 0, err
	}
	if rev > 0 && rev == prev {
		if r.Prev, err = last.Hash(); err != nil {
			return 0, err
		}
	}
	return f.Ledger.Append(ctx, lane, r, prev)
}

// TestQuotaMutants shows that the suite sees a redo without what was used, and without the exclusions that were active.
func TestQuotaMutants(t *testing.T) {
	for name, forget := range map[string]func(*ledger.Record){
		"sound":         func(*ledger.Record) {},
		"what was used": func(r *ledger.Record) { r.Quota = nil },
		"what was active": func(r *ledger.Record) {
			for i := range r.Open {
				r.Open[i].Active = nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			caught, sound := 0, name == "sound"
			for seed := uint64(0); seed < 6 && (sound || caught == 0); seed++ {
				synctest.Test(t, func(t *testing.T) {
					w := NewWorld(quietTB{t}, seed, NewMemoryPlaces())
					w.OpenLedger = func() (ledger.Ledger, error) { return forgetful{w.memory, forget}, nil }
					w.budgetedLives(3)
					w.Patience = 3 * time.Hour
					if len(w.finish()) > 0 {
						caught++
					}
				})
			}
			if sound != (caught == 0) {
				t.Fatalf("violations with %d seeds", caught)
			}
		})
	}
}

// TestReloadedQuotas changes quotas, conditions, rules and the hierarchy under running routers.
func TestReloadedQuotas(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, seed, NewMemoryPlaces())
			w.Patience = 48 * time.Hour
			for range 3 {
				gate := NewGate(20+w.Rand.IntN(200), w.Rand.IntN(2) == 0)
				life := w.Live(gate)
				select {
				case <-life.Router.Ready():
				case <-gate.dead:
				}
				for range 8 {
					w.Publish(1 + w.Rand.IntN(15))
					w.changeQuotas()
					w.ChangeRules()
					w.ChangePolicies()
					select {
					case <-gate.dead:
					default:
						_ = life.Router.Reload(context.Background(), w.pipelineRoutes())
						time.Sleep(time.Duration(w.Rand.IntN(30)) * time.Minute)
					}
				}
				if !life.Await(w.Patience) {
					life.Drain()
				}
			}
			check(t, seed, w.finish())
		})
	}
}
