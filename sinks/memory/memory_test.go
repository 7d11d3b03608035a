package memory_test

import (
	"strings"
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
				found := make(map[string][]string)
				for name, object := range o.Store.Objects() {
					if n := len(o.Store.History(name)); n != 1 {
						t.Errorf("%s had %d contents", name, n)
					}
					for _, ref := range object.Entries {
						found[name] = append(found[name], strings.ReplaceAll(string(ref.Raw), "\n", " "))
					}
				}
				return found, nil
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
