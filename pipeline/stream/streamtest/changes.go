package streamtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/stream"
)

func recreated(t *testing.T, w World) {
	fill(t, w, 5)
	r := reader(t, w, 1)
	take(t, r, 2)
	before := infoOf(t, w)
	w.Recreate()
	after := infoOf(t, w)
	if after.Created.Equal(before.Created) {
		t.Errorf("the identity is %s as before", after.Created)
	}
	equal(t, []uint64{after.First, after.Last, after.Messages}, []uint64{1, 0, 0})
	w.Append("new", "new", "new", "new", "new", "new", "new", "new", "new")
	// What the reader had already fetched it may still give out: it was read before. What was stored since it may not.
	is(t, readOn(t, r, func(m stream.Message) { forbid(t, m, "new") }), stream.ErrChanged)
	equal(t, take(t, reader(t, w, 1), 1), []string{"1:new"})
}

func recreatedBeforeARead(t *testing.T, w World) {
	fill(t, w, 2)
	r := reader(t, w, 3)
	w.Recreate()
	w.Append("new", "new", "new", "new")
	is(t, readOn(t, r, func(m stream.Message) { forbid(t, m, "new") }), stream.ErrChanged)
}

func steppedBack(t *testing.T, w World) {
	if w.StepBack == nil {
		t.Skip("this stream cannot be made to step back here")
	}
	for _, c := range []struct {
		name  string
		last  uint64 // after the step
		again int    // messages stored since
		want  error
	}{
		{"below what was given out", 3, 0, stream.ErrChanged},
		{"below it, and grew beyond it again", 3, 7, stream.ErrChanged},
		{"to what was given out", 4, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Recreate()
			fill(t, w, 4)
			r := reader(t, w, 1)
			take(t, r, 4)
			w.StepBack(c.last)
			equal(t, infoOf(t, w).Last, c.last)
			for range c.again {
				w.Append("again")
			}
			_, err := r.Next(soon(t), 1)
			is(t, err, c.want)
		})
	}
}

func ridesOutADisturbance(t *testing.T, w World) {
	if w.Disturb == nil {
		t.Skip("this stream has nothing to disturb")
	}
	want := fill(t, w, 8000)
	r := reader(t, w, 1)
	got := take(t, r, 300)
	for len(got) < 8000 {
		w.Disturb()
		got = append(got, take(t, r, min(2500, 8000-len(got)))...)
	}
	equal(t, got, want)
	w.Disturb()
	w.Append("after")
	equal(t, take(t, r, 1), []string{"8001:after"})
}

// readOn reads until an error comes.
func readOn(t *testing.T, r stream.Reader, see func(stream.Message)) error {
	t.Helper()
	ctx := soon(t)
	for {
		messages, err := r.Next(ctx, 100)
		if err != nil {
			return err
		}
		for _, m := range messages {
			see(m)
		}
	}
}

func forbid(t *testing.T, m stream.Message, data string) {
	t.Helper()
	if string(m.Data) == data {
		t.Fatalf("the reader went on in silence with %s", text(m))
	}
}

// fill appends n messages, each of which says its sequence, and gives the texts of everything from sequence 1 on: of a stream
// that was filled only so.
func fill(t *testing.T, w World, n int) []string {
	t.Helper()
	last := infoOf(t, w).Last + uint64(n)
	var data, all []string
	for seq := uint64(1); seq <= last; seq++ {
		message := fmt.Sprintf("message %d", seq)
		all = append(all, fmt.Sprintf("%d:%s", seq, message))
		if last-seq < uint64(n) {
			data = append(data, message)
		}
	}
	equal(t, w.Append(data...), last)
	return all
}

func text(m stream.Message) string { return fmt.Sprintf("%d:%s", m.Seq, m.Data) }

func infoOf(t *testing.T, w World) stream.Info {
	t.Helper()
	info, err := w.Stream.Info(t.Context())
	is(t, err, nil)
	return info
}

func reader(t *testing.T, w World, from uint64) stream.Reader {
	t.Helper()
	r, err := w.Stream.Read(t.Context(), from)
	is(t, err, nil)
	t.Cleanup(func() { is(t, r.Close(), nil) })
	return r
}

// take reads n messages, neither more nor less.
func take(t *testing.T, r stream.Reader, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		messages, err := r.Next(soon(t), n-len(got))
		if err != nil {
			t.Errorf("after %d of %d messages: %v", len(got), n, err)
			return got
		}
		for _, m := range messages {
			got = append(got, text(m))
		}
	}
	return got
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}
