package pipelinetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/sinks/driver"
)

// TestTroublesAreTold: of what keeps a route from delivering, each time, and of what is refused; never of a refused entry that is
// itself about a trouble, nor of what is not the destination's fault.
func TestTroublesAreTold(t *testing.T) {
	other := `{"logName":"projects/p0/logs/app","insertId":"e5","jsonPayload":{"n":7}}`
	own := fmt.Sprintf(`{"logName":"projects/p0/logs/%s","insertId":"e5","jsonPayload":{"n":7}}`, pipeline.SinkErrorLog)
	for name, c := range map[string]struct {
		lines []string
		write error
		want  string // code and the beginning of the detail; "" = nothing is told
	}{
		"misconfigured":          {[]string{other}, errRights, "misconfigured write unit"},
		"unavailable":            {[]string{other}, &driver.Error{Code: driver.Unavailable}, "unavailable write unit"},
		"conflict":               {[]string{other}, &driver.Error{Code: driver.Conflict}, "conflict write unit"},
		"halted":                 {[]string{other}, &driver.Error{Code: driver.Rejected}, "halted the destination refuses a unit"},
		"refused by Plan":        {[]string{other, own}, nil, "rejected 1 entries of a batch are in the dead letters, first sequence 1.0: no such type"},
		"one of its own refused": {[]string{own}, nil, ""},
		"nothing":                {[]string{strings.ReplaceAll(other, "e5", "e6")}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", write: func(*driver.Unit) error { return c.write }}
				p.refuse = func(ref driver.Ref) bool { return c.write == nil && names(ref, "e5") }
				w := NewWorld(t, 1, p)
				w.Routes = w.Routes[:1]
				w.Routes[0].Rule = 0
				var mu sync.Mutex
				told := make(map[string]int)
				w.OnTrouble = func(tr pipeline.Trouble) {
					mu.Lock()
					defer mu.Unlock()
					if tr.Route != "r0" || tr.Stream != "LOGS" || tr.At.IsZero() {
						t.Errorf("%+v", tr)
					}
					told[tr.Code+" "+tr.Detail]++
				}
				for _, line := range c.lines {
					w.Stream.Append([]byte(line))
				}
				life := w.Live(NewGate(0, false))
				time.Sleep(10 * time.Minute)
				life.Crash()
				if len(told) != min(len(c.want), 1) {
					t.Errorf("told %v", told)
				}
				for text := range told {
					if !strings.HasPrefix(text, c.want) {
						t.Errorf("told %q, want %q", text, c.want)
					}
				}
			})
		})
	}
}
