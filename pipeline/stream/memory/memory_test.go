package memory_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/stream"
	"sluice/pipeline/stream/memory"
	"sluice/pipeline/stream/streamtest"
)

func TestConformance(t *testing.T) {
	streamtest.Run(t, func(*testing.T) streamtest.World {
		s := memory.New("LOGS")
		return streamtest.World{
			Stream: s,
			Append: func(data ...string) (last uint64) {
				for _, d := range data {
					last = s.Append([]byte(d))
				}
				return last
			},
			Delete:   func(seq uint64) { s.Delete(seq) },
			Trim:     s.Trim,
			Recreate: s.Recreate,
			StepBack: s.StepBack,
		}
	})
}

// In the deterministic world a reader waits without spending time, and identities differ though the clock stands still.
func TestInsideSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New("LOGS")
		r, err := s.Read(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Hour)
			s.Append([]byte("late"))
		}()
		start := time.Now()
		got, err := r.Next(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		want := []stream.Message{{Seq: 1, Stored: start.Add(time.Hour).UTC(), Data: []byte("late")}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		before, _ := s.Info(t.Context())
		s.Recreate()
		after, _ := s.Info(t.Context())
		if before.Created.Equal(after.Created) {
			t.Error("a re-created stream has the same identity")
		}
	})
}

func TestFaults(t *testing.T) {
	s := memory.New("LOGS")
	s.Append([]byte("one"))
	r, err := s.Read(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	var asked []memory.Op
	s.Fail(func(op memory.Op) error {
		asked = append(asked, op)
		return broken
	})
	_, errInfo := s.Info(t.Context())
	_, errGet := s.Get(t.Context(), 1)
	_, errRead := s.Read(t.Context(), 7)
	_, errNext := r.Next(t.Context(), 1)
	_, errAppend := s.TryAppend([]byte("two"))
	for _, err := range []error{errInfo, errGet, errRead, errNext, errAppend} {
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
	want := []memory.Op{{Kind: memory.OpInfo}, {Kind: memory.OpGet, Seq: 1}, {Kind: memory.OpRead, Seq: 7}, {Kind: memory.OpNext, Seq: 1}, {Kind: memory.OpAppend}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	s.Fail(nil)
	if _, err := r.Next(t.Context(), 1); !errors.Is(err, broken) {
		t.Errorf("a spent reader gave %v", err)
	}
	if info, err := s.Info(t.Context()); err != nil || info.Last != 1 || info.Bytes != 3 {
		t.Errorf("got %+v, %v", info, err)
	}
}
