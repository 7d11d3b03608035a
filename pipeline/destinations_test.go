package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"sluice/sinks"
)

// TestOpenHangs: a destination whose opening hangs keeps nobody waiting but those who want it; it is opened once.
func TestOpenHangs(t *testing.T) {
	answer, begun := make(chan struct{}), make(chan struct{})
	var opened atomic.Int32
	d := newDestinations(func(_ context.Context, route string, _ []byte) (sink, dead *sinks.Sink, err error) {
		if route == "hangs" {
			opened.Add(1)
			close(begun)
			<-answer
		}
		return nil, nil, nil
	})
	got := make(chan *destination, 2)
	get := func() {
		o, err := d.get(t.Context(), "hangs", nil)
		if err != nil {
			t.Error(err)
		}
		got <- o
	}
	go get()
	<-begun
	if _, err := d.get(t.Context(), "other", nil); err != nil {
		t.Fatal(err)
	}
	if d.facts("hangs", nil) != nil || d.facts("other", nil) == nil {
		t.Error("what is not open has facts, or what is open has none")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.get(ended, "hangs", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("who does not want to wait got %v", err)
	}
	go get()
	close(answer)
	if a, b := <-got, <-got; a == nil || a != b || opened.Load() != 1 {
		t.Errorf("opened %d times: %p and %p", opened.Load(), a, b)
	}
	d.renew()
	if d.facts("hangs", nil) == nil {
		t.Error("a renewal forgets the facts")
	}
}

// TestOpenFails: what could not be opened is tried again.
func TestOpenFails(t *testing.T) {
	fail := errors.New("no network")
	d := newDestinations(func(context.Context, string, []byte) (sink, dead *sinks.Sink, err error) { return nil, nil, fail })
	if _, err := d.get(t.Context(), "r", nil); !errors.Is(err, fail) {
		t.Fatalf("got %v", err)
	}
	fail = nil
	if _, err := d.get(t.Context(), "r", nil); err != nil {
		t.Errorf("got %v", err)
	}
}
