package configs

import (
	"testing"

	"sluice/logentry"
)

// TestWindowIsPinned: how far back duplicates are looked for is a decision setting, also of what was recorded.
func TestWindowIsPinned(t *testing.T) {
	cfg := mustParse(t, `routes: [{name: a, sink: {file: {dir: a}}}, {name: b, duplicates: {window: 7}, sink: {file: {dir: b}}}]`)
	limits := logentry.Limits{}
	if cfg.Routes[0].DecisionHash(limits) == cfg.Routes[1].DecisionHash(limits) {
		t.Error("the window changes nothing")
	}
	for i, want := range []uint64{0, 7} {
		terms, err := ParseDecision(cfg.Routes[i].Decision(limits))
		if err != nil || terms.Window != want {
			t.Errorf("window %d, want %d (%v)", terms.Window, want, err)
		}
	}
}
