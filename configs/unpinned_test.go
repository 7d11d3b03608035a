package configs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCompleteFillsInWhatIsNotPinned, and nothing else: what a plan was made under stays.
func TestCompleteFillsInWhatIsNotPinned(t *testing.T) {
	old := &fakeOptions{Dir: "old", Token: "then", Timeout: time.Second}
	cfg := &Config{
		DeadLetter: &Sink{Kind: "file", Options: &fakeOptions{Dir: "dead", Token: "dead"}},
		Routes: []Route{
			{Name: "a", Sink: Sink{Kind: "file", Options: &fakeOptions{Dir: "new", Token: "now", Timeout: time.Minute, Part: 7}, Calls: Calls{InFlight: 3}}, DeadLetter: &Sink{Kind: "file", Options: &fakeOptions{Token: "dead"}}},
			{Name: "b", Sink: Sink{Kind: "other", Options: &fakeOptions{Token: "other"}}, DeadLetter: &Sink{Kind: "file", Options: &fakeOptions{Token: "dead"}}},
		},
	}
	for route, want := range map[string]*fakeOptions{
		"a":             {Dir: "old", Token: "now", Timeout: time.Minute},
		"b":             old,
		"gone":          old,
		UnreadableRoute: {Dir: "old", Token: "dead"},
	} {
		sink, dead := *old, *old
		d := Delivery{Sink: Sink{Kind: "file", Options: &sink}, DeadLetter: Sink{Kind: "file", Options: &dead}}
		cfg.Complete(route, &d)
		if diff := cmp.Diff(want, &sink, cmp.AllowUnexported(fakeLayout{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", route, diff)
		}
		if told := dead.Token == "dead"; told != (route != "gone") {
			t.Errorf("%s: the dead letters' token is %s", route, dead.Token.Reveal())
		}
		if told := d.Sink.Calls.InFlight == 3; told != (route == "a") {
			t.Errorf("%s: called as %+v", route, d.Sink.Calls)
		}
	}
}
