package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/ledger"
)

func TestNewlyMissing(t *testing.T) {
	const huge = 1 << 60
	for name, c := range map[string]struct {
		before, after []ledger.Gap
		want          *ledger.Loss
	}{
		"nothing":        {nil, nil, nil},
		"nothing new":    {[]ledger.Gap{{From: 3, To: 9}}, []ledger.Gap{{From: 3, To: 9}}, nil},
		"all new":        {nil, []ledger.Gap{{From: 3, To: 9}}, &ledger.Loss{From: 3, To: 9, Count: 7}},
		"around":         {[]ledger.Gap{{From: 5, To: 6}}, []ledger.Gap{{From: 3, To: 9}}, &ledger.Loss{From: 3, To: 9, Count: 5}},
		"behind":         {[]ledger.Gap{{From: 3, To: 6}}, []ledger.Gap{{From: 3, To: 9}}, &ledger.Loss{From: 7, To: 9, Count: 3}},
		"several":        {[]ledger.Gap{{From: 1, To: 1}, {From: 4, To: 5}, {From: 8, To: 8}}, []ledger.Gap{{From: 1, To: 5}, {From: 8, To: 10}}, &ledger.Loss{From: 2, To: 10, Count: 4}},
		"a gap over two": {[]ledger.Gap{{From: 2, To: 9}}, []ledger.Gap{{From: 2, To: 4}, {From: 6, To: 11}}, &ledger.Loss{From: 10, To: 11, Count: 2}},
		"huge":           {[]ledger.Gap{{From: 10, To: huge}}, []ledger.Gap{{From: 1, To: huge + 5}}, &ledger.Loss{From: 1, To: huge + 5, Count: 14}},
	} {
		got := newlyMissing(ledger.Plan{Missing: c.before}, ledger.Plan{Missing: c.after}, "")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
