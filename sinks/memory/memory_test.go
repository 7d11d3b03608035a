package memory_test

import (
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/memory"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		o := memory.Defaults("test")
		return sinktest.Harness{
			Open: func(steps *sinktest.Steps, as driver.To) (driver.Driver, error) {
				// One hook a store: what the last process does passes through its own steps.
				o.Store.SetStep(func(op, _ string, run func() error) error { return steps.Do(op, run) })
				return o.Open(t.Context(), as)
			},
			Read: func() (map[string][]string, error) {
				for _, name := range o.Store.Names() {
					if n := len(o.Store.History(name)); n != 1 {
						t.Errorf("%s had %d contents", name, n)
					}
				}
				return o.Store.Lines(), nil
			},
		}
	})
}

func TestHistoryKeepsWhatWasReplaced(t *testing.T) {
	s := memory.NewStore()
	s.Replace(memory.Object{Name: "a", Digest: "1"})
	s.Replace(memory.Object{Name: "a", Digest: "2"})
	s.Remove("a")
	if h := s.History("a"); len(h) != 2 || h[0].Digest != "1" || len(s.Names()) != 0 {
		t.Errorf("history %+v, names %v", h, s.Names())
	}
}
