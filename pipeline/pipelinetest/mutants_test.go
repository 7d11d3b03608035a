package pipelinetest

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// newDice gives a die that several goroutines may throw.
func newDice(seed uint64) func(sides int) int {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 7))
	return func(sides int) int {
		mu.Lock()
		defer mu.Unlock()
		return r.IntN(sides)
	}
}

// mutantLedger breaks one rule of the protocol behind the router's back, keeping the chain itself well-formed.
type mutantLedger struct {
	ledger.Ledger
	noPlan bool // plans are not recorded
	noCAS  bool // an append succeeds whatever has come before
	mu     *sync.Mutex
}

func (m mutantLedger) Append(ctx context.Context, lane string, r ledger.Record, prev ledger.Rev) (ledger.Rev, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, rev, err := m.Ledger.Last(ctx, lane)
	if err != nil {
		return 0, err
	}
	if !m.noCAS && rev != prev {
		return 0, ledger.ErrFenced
	}
	r.N, r.Prev = uint64(rev)+1, ""
	if rev > 0 {
		if r.Prev, err = last.Hash(); err != nil {
			return 0, err
		}
	}
	if m.noPlan {
		r.Open = nil
	}
	if _, err := m.Ledger.Append(ctx, lane, r, rev); err != nil {
		return 0, err
	}
	return prev + 1, nil // the rev that the writer expects
}

// TestMutants shows that the suite sees a protocol without the recorded plan, without compare-and-set and without the pinned
// revision: at least one seed of each must end in violations, and a halt is one; none where nothing is broken.
func TestMutants(t *testing.T) {
	mutants := map[string]func(*World){
		"sound":              func(w *World) { w.mutate(mutantLedger{}) },
		"no recorded plan":   func(w *World) { w.mutate(mutantLedger{noPlan: true}) },
		"no compare-and-set": func(w *World) { w.mutate(mutantLedger{noCAS: true}) },
		"hierarchy forgotten": func(w *World) {
			w.Decide = func(route string, b []byte) (pipeline.Decision, error) {
				d, err := decide(route, b)
				d.Scope = nil
				return d, err
			}
		},
		"interceptors forgotten": func(w *World) {
			w.Decide = func(route string, b []byte) (pipeline.Decision, error) {
				d, err := decide(route, b)
				d.Interceptors = nil
				return d, err
			}
		},
		"revision not pinned": func(w *World) {
			w.Decide = func(route string, b []byte) (pipeline.Decision, error) {
				for _, r := range w.pipelineRoutes() {
					if r.Name == route { // today's rule, whatever was recorded
						return decide(route, r.Decision)
					}
				}
				return decide(route, b)
			}
		},
	}
	for name, mutate := range mutants {
		t.Run(name, func(t *testing.T) {
			caught := 0
			for seed := range uint64(20) {
				synctest.Test(t, func(t *testing.T) {
					w := NewWorld(quietTB{t}, seed, NewMemoryPlaces())
					w.Patience = 20 * time.Second // a mutant may go round in circles
					mutate(w)
					w.randomLives(4)
					w.twoWriters(2)
					if len(w.finish()) > 0 {
						caught++
					}
				})
			}
			if sound := name == "sound"; sound != (caught == 0) {
				t.Fatalf("violations with %d of 20 seeds", caught)
			}
			t.Logf("caught with %d of 20 seeds", caught)
		})
	}
}

func (w *World) mutate(m mutantLedger) {
	m.Ledger, m.mu = w.memory, &sync.Mutex{}
	w.OpenLedger = func() (ledger.Ledger, error) { return m, nil }
}

// quietTB lets a mutant's world go on where a sound one would fail the test.
type quietTB struct{ testing.TB }

func (quietTB) Errorf(string, ...any) {}
