// Package streamtest is the conformance suite that every stream passes.
package streamtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sluice/pipeline/stream"
)

// World is a stream, empty and new, with the means to act on it. The functions fail the test themselves.
type World struct {
	Stream   stream.Stream
	Append   func(data ...string) uint64 // stores messages in this order and returns the last one's sequence
	Delete   func(seq uint64)            // takes one message out
	Trim     func(first uint64)          // takes all messages below first out
	Recreate func()                      // deletes the stream and makes it anew, empty
	StepBack func(last uint64)           // takes messages above last out, so that sequences come again; nil: cannot
	Disturb  func()                      // breaks every reader's delivery without touching the stream; nil: cannot
}

const patience = 30 * time.Second

// Run runs the suite; open is called once a case.
func Run(t *testing.T, open func(t *testing.T) World) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, World)
	}{
		{"empty stream", emptyStream},
		{"info follows", infoFollows},
		{"get", get},
		{"reads all in order, in slices", readsAll},
		{"reads from the middle", readsFromTheMiddle},
		{"reads from beyond the end", readsFromBeyondTheEnd},
		{"waits at the tail", waitsAtTheTail},
		{"gives what is there", givesWhatIsThere},
		{"jumps over what is gone", jumps},
		{"data stay valid", dataStayValid},
		{"a context ends the wait, not the reader", contextEndsTheWait},
		{"close ends the wait", closeEndsTheWait},
		{"readers are independent", readersAreIndependent},
		{"large and odd messages", oddMessages},
		{"a re-created stream is another", recreated},
		{"a re-created stream is another, also to who has read nothing", recreatedBeforeARead},
		{"a stream that stepped back", steppedBack},
		{"rides out a disturbance", ridesOutADisturbance},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func emptyStream(t *testing.T, w World) {
	info := infoOf(t, w)
	want := stream.Info{Name: w.Stream.Name(), Created: info.Created, First: 1, Last: 0}
	equal(t, info, want)
	if info.Created.IsZero() {
		t.Error("an empty stream has no identity")
	}
	_, err := w.Stream.Get(t.Context(), 1)
	is(t, err, stream.ErrNotFound)
}

func infoFollows(t *testing.T, w World) {
	created := infoOf(t, w).Created
	check := func(first, last, messages uint64) {
		t.Helper()
		got := infoOf(t, w)
		got.Bytes = 0 // each stream counts its own framing
		equal(t, got, stream.Info{Name: w.Stream.Name(), Created: created, First: first, Last: last, Messages: messages})
	}
	fill(t, w, 5)
	check(1, 5, 5)
	w.Delete(3)
	check(1, 5, 4)
	w.Delete(1)
	check(2, 5, 3)
	w.Trim(5)
	check(5, 5, 1)
	w.Trim(6)
	check(6, 5, 0)
	fill(t, w, 1)
	check(6, 6, 1)
}

func get(t *testing.T, w World) {
	before := time.Now()
	fill(t, w, 3)
	w.Delete(2)
	m, err := w.Stream.Get(t.Context(), 3)
	is(t, err, nil)
	equal(t, text(m), "3:message 3")
	if m.Stored.Before(before.Add(-time.Minute)) || m.Stored.After(time.Now().Add(time.Minute)) {
		t.Errorf("message 3 was stored at %s", m.Stored)
	}
	for _, seq := range []uint64{2, 4} {
		_, err := w.Stream.Get(t.Context(), seq)
		is(t, err, stream.ErrNotFound)
	}
	r := reader(t, w, 3)
	read, err := r.Next(soon(t), 1)
	is(t, err, nil)
	equal(t, read, []stream.Message{m})
}

func readsAll(t *testing.T, w World) {
	const all = 12_000 // more than two pulls
	want := fill(t, w, all)
	r := reader(t, w, 0)
	var got []string
	for len(got) < all {
		messages, err := r.Next(soon(t), 700)
		is(t, err, nil)
		if len(messages) == 0 || len(messages) > 700 {
			t.Fatalf("Next(700) gave %d messages", len(messages))
		}
		for _, m := range messages {
			got = append(got, text(m))
		}
	}
	equal(t, got, want)
}

func readsFromTheMiddle(t *testing.T, w World) {
	want := fill(t, w, 10)
	w.Trim(3)
	equal(t, take(t, reader(t, w, 7), 4), want[6:])
	equal(t, take(t, reader(t, w, 1), 8), want[2:])
}

func readsFromBeyondTheEnd(t *testing.T, w World) {
	fill(t, w, 2)
	r := reader(t, w, 5)
	want := fill(t, w, 4)
	equal(t, take(t, r, 2), want[4:])
}

func waitsAtTheTail(t *testing.T, w World) {
	r := reader(t, w, 1)
	for i := range uint64(3) {
		equal(t, take(t, r, 0), nil)
		got := make(chan []string, 1)
		go func() { got <- take(t, r, 1) }()
		seq := w.Append("x")
		equal(t, seq, i+1)
		equal(t, <-got, []string{fmt.Sprintf("%d:x", seq)})
	}
}

func givesWhatIsThere(t *testing.T, w World) {
	fill(t, w, 3)
	r := reader(t, w, 1)
	equal(t, len(take(t, r, 3)), 3)
	// Nothing more comes: Next(100) must not have waited for 100.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	messages, err := r.Next(ctx, 100)
	is(t, err, context.DeadlineExceeded)
	equal(t, len(messages), 0)
}

func jumps(t *testing.T, w World) {
	all := fill(t, w, 9)
	for _, seq := range []uint64{1, 4, 5, 9} {
		w.Delete(seq)
	}
	r := reader(t, w, 1)
	equal(t, take(t, r, 5), []string{all[1], all[2], all[5], all[6], all[7]})
	equal(t, take(t, r, 0), nil)
	w.Append("after")
	equal(t, take(t, r, 1), []string{"10:after"})
}

func dataStayValid(t *testing.T, w World) {
	const all = 3000
	want := fill(t, w, all)
	r := reader(t, w, 1)
	var kept []stream.Message
	for len(kept) < all {
		messages, err := r.Next(soon(t), 64)
		is(t, err, nil)
		kept = append(kept, messages...)
	}
	fill(t, w, 500)
	take(t, r, 500)
	var got []string
	for _, m := range kept {
		got = append(got, text(m))
	}
	equal(t, got, want)
}

func contextEndsTheWait(t *testing.T, w World) {
	r := reader(t, w, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.Next(ctx, 1)
		ended <- err
	}()
	cancel()
	is(t, <-ended, context.Canceled)
	want := fill(t, w, 2)
	equal(t, take(t, r, 2), want)
}

func closeEndsTheWait(t *testing.T, w World) {
	r := reader(t, w, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := r.Next(t.Context(), 1)
		ended <- err
	}()
	is(t, r.Close(), nil)
	if err := <-ended; err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Next of a closed reader: %v", err)
	}
	fill(t, w, 1)
	if m, err := r.Next(soon(t), 1); err == nil {
		t.Errorf("a closed reader gave %v", m)
	}
	is(t, r.Close(), nil)
}

func readersAreIndependent(t *testing.T, w World) {
	want := fill(t, w, 200)
	first, second := reader(t, w, 1), reader(t, w, 101)
	equal(t, take(t, first, 50), want[:50])
	equal(t, take(t, second, 100), want[100:])
	is(t, second.Close(), nil)
	equal(t, take(t, first, 150), want[50:])
}

func oddMessages(t *testing.T, w World) {
	big := make([]byte, 1<<20-1024)
	for i := range big {
		big[i] = byte(i)
	}
	want := []string{"1:", "2:\x00\n\r\n\xff", "3:" + string(big), "4:NATS/1.0 409 Consumer Deleted\r\n\r\n"}
	for _, m := range want {
		w.Append(m[2:])
	}
	for range 40 { // more than one pull's bytes
		w.Append(string(big))
	}
	r := reader(t, w, 1)
	equal(t, take(t, r, 4), want)
	equal(t, len(take(t, r, 40)), 40)
	m, err := w.Stream.Get(t.Context(), 3)
	is(t, err, nil)
	equal(t, text(m), want[2])
}
