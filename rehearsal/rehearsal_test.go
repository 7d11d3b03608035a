package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/configs"
	"sluice/logentry"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/pipeline/stream/memory"
)

func decide(_ string, b []byte) (pipeline.Decision, error) {
	t, err := configs.ParseDecision(b)
	return pipeline.Decision{Rule: t.Rule, Exclusions: t.Exclusions, Limits: t.Limits}, err
}

func routeOf(name, filter string) pipeline.Route {
	r := configs.Route{Name: name, FilterText: filter}
	return pipeline.Route{Name: name, Decision: r.Decision(logentry.Limits{})}
}

// rehearse runs routes over a view.
func rehearse(t *testing.T, v *View, since time.Time, routes ...pipeline.Route) *Result {
	t.Helper()
	r, err := Run(t.Context(), Options{Streams: []stream.Stream{v}, Routes: routes, Since: since, Decide: decide}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fill puts n messages of two entries each on a stream, a second apart.
func fill(s *memory.Stream, n int) {
	for i := range n {
		time.Sleep(time.Second) // of synctest's clock
		s.Append([]byte(fmt.Sprintf(`{"jsonPayload":{"n":%d}}`+"\n"+`{"jsonPayload":{"n":%d}}`, i, -i)))
	}
}

// TestRun counts what routes make of a stream with a hole at its end, while it grows.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New("LOGS")
		fill(s, 100)
		s.Delete(100)
		v, err := NewView(t.Context(), s, 1)
		if err != nil {
			t.Fatal(err)
		}
		fill(s, 50)
		r := rehearse(t, v, time.Time{}, routeOf("all", ""), routeOf("high", "jsonPayload.n>=90"))
		want := []ledger.RouteBalance{
			{Route: "all", Examined: 198, Delivered: 198, Objects: 1, Balanced: true},
			{Route: "high", Examined: 198, Delivered: 9, NotMatched: 189, Objects: 1, Balanced: true},
		}
		got := r.Balance.Routes
		for i := range got {
			got[i].Bytes, got[i].Excluded = 0, nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("balance (-want +got):\n%s", diff)
		}
		if places, n := r.Unserved("all", []string{"high"}, 2); n != 189 || !cmp.Equal(places, []Position{{"LOGS", 1, 0}, {"LOGS", 1, 1}}) {
			t.Errorf("%d entries reach all and not high, first %v", n, places)
		}
		later := rehearse(t, v, time.Now().Add(-60*time.Second-time.Millisecond), routeOf("all", ""))
		if got := later.Balance.Routes[0].Examined; got != 2*9 { // 60 s ago message 91 was stored
			t.Errorf("%d entries since a minute ago, want 18", got)
		}
		if places, n := later.Dropped(r, "all", 1); n != 180 || places[0].Seq != 1 {
			t.Errorf("%d entries dropped, first %v", n, places)
		}
	})
}

// TestSample looks at about a tenth of the messages, the same ones each time, and reaches the end.
func TestSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New("LOGS")
		fill(s, 5000)
		v, err := NewView(t.Context(), s, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		first, second := rehearse(t, v, time.Time{}, routeOf("all", "")), rehearse(t, v, time.Time{}, routeOf("all", ""))
		n := first.Balance.Routes[0].Examined
		if n < 800 || n > 1200 {
			t.Errorf("%d of 10000 entries examined", n)
		}
		if diff := cmp.Diff(first.Balance.Routes, second.Balance.Routes); diff != "" {
			t.Errorf("a second reading differs:\n%s", diff)
		}
	})
}

// TestRunFails tells of a route that cannot be decided, and of an end from outside.
func TestRunFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New("LOGS")
		fill(s, 10)
		v, err := NewView(t.Context(), s, 1)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Streams: []stream.Stream{v}, Routes: []pipeline.Route{{Name: "r", Decision: []byte("no JSON")}}, Decide: decide}
		if _, err := Run(t.Context(), o, nil); err == nil {
			t.Error("a route without readable settings was rehearsed")
		}
		o.Routes = []pipeline.Route{routeOf("r", "")}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Run(ctx, o, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end from outside: %v", err)
		}
	})
}
