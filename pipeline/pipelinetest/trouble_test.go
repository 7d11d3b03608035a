package pipelinetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

// sickLedger fails where it is told to.
type sickLedger struct {
	ledger.Ledger
	config    func() error // before a Config
	putConfig func() error // before a PutConfig
}

func (l sickLedger) Config(ctx context.Context, hash string) ([]byte, error) {
	if l.config != nil {
		if err := l.config(); err != nil {
			return nil, err
		}
	}
	return l.Ledger.Config(ctx, hash)
}

func (l sickLedger) PutConfig(ctx context.Context, hash string, b []byte) error {
	if l.putConfig != nil {
		if err := l.putConfig(); err != nil {
			return err
		}
	}
	return l.Ledger.PutConfig(ctx, hash, b)
}

// TestSettingsThatDoNotAnswer: a ledger that does not give a plan's settings for a while halts nobody.
func TestSettingsThatDoNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		var sick atomic.Bool
		w.OpenLedger = func() (ledger.Ledger, error) {
			return sickLedger{Ledger: w.memory, config: func() error {
				if sick.Load() {
					return errors.New("no answer")
				}
				return nil
			}}, nil
		}
		w.Routes[0].Rule, w.Routes[0].Place = 0, "old"
		w.Block("old", true)
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(20 * time.Second)
		w.Routes[0].Place = "new" // the old one is in the ledger only
		if err := life.Router.Reload(context.Background(), w.pipelineRoutes()); err != nil {
			t.Fatal(err)
		}
		sick.Store(true)
		w.Block("old", false)
		time.Sleep(35 * time.Second)
		if s := stateOf(life, "r0"); s.State == pipeline.Halted {
			t.Errorf("r0 is %s: %s", s.State, s.Message)
		}
		sick.Store(false)
		time.Sleep(time.Minute)
		life.Drain()
		check(t, 1, w.finish())
	})
}

// TestBrokenLedger ends the process, also when it is not an append that finds it out.
func TestBrokenLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		var broken atomic.Bool
		w.OpenLedger = func() (ledger.Ledger, error) {
			return sickLedger{Ledger: w.memory, putConfig: func() error {
				if broken.Load() {
					return ledger.ErrBroken
				}
				return nil
			}}, nil
		}
		w.Routes[0].Rule = 0
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		broken.Store(true)
		w.Publish(10)
		select {
		case err := <-life.done:
			if !errors.Is(err, ledger.ErrBroken) {
				t.Errorf("Run gave %v", err)
			}
		case <-time.After(10 * time.Minute):
			t.Error("the router goes on with a broken ledger")
			life.Crash()
		}
		life.cancel()
	})
}

// TestReloadOpensAnew: what plans do not pin, credentials above all, takes effect with a reload though the settings are the same.
func TestReloadOpensAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rights := new(atomic.Bool) // of whoever opens now
		w := NewWorld(t, 1, nil)
		w.Places = rightsPlaces{NewMemoryPlaces(), rights}
		w.Routes[0].Rule = 0
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Paused {
			t.Errorf("r0 is %s: %s", s.State, s.Message)
		}
		rights.Store(true)
		if err := life.Router.Reload(context.Background(), w.pipelineRoutes()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Running || s.Lag > 0 {
			t.Errorf("r0 is %s with lag %d: %s", s.State, s.Lag, s.Message)
		}
		life.Drain()
		check(t, 1, w.finish())
	})
}

// rightsPlaces write with the rights that there were when they were opened.
type rightsPlaces struct {
	*MemoryPlaces
	rights *atomic.Bool
}

func (p rightsPlaces) Open(route, place string) (sink, dead driver.Driver, err error) {
	rights := p.rights.Load()
	return oddPlaces{MemoryPlaces: p.MemoryPlaces, route: route, write: func(*driver.Unit) error {
		if rights {
			return nil
		}
		return errRights
	}}.Open(route, place)
}
