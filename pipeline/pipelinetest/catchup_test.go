package pipelinetest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/stream"
)

// countingStream counts the messages that its readers hand out, those apart that begin within the first few.
type countingStream struct {
	stream.Stream
	few          uint64
	again, count *atomic.Int64
}

func (s countingStream) Read(ctx context.Context, from uint64) (stream.Reader, error) {
	r, err := s.Stream.Read(ctx, from)
	if from <= s.few {
		return countingReader{r, s.again}, err
	}
	return countingReader{r, s.count}, err
}

type countingReader struct {
	stream.Reader
	count *atomic.Int64
}

func (r countingReader) Next(ctx context.Context, most int) ([]stream.Message, error) {
	msgs, err := r.Reader.Next(ctx, most)
	r.count.Add(int64(len(msgs)))
	return msgs, err
}

// TestCatchUp: routes that all stood still while many messages came in read the stream together once they are released, not one by
// one. What each lane reads again of its open plan, at the stream's beginning, is counted apart.
func TestCatchUp(t *testing.T) {
	routes, messages := 40, 60_000
	if os.Getenv("SLUICE_SOAK") != "" {
		routes, messages = 200, 200_000
	}
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 7, NewMemoryPlaces())
		const few = 40
		var again, count atomic.Int64
		w.Over = func(s stream.Stream) stream.Stream { return countingStream{s, few, &again, &count} }
		w.Patience = time.Hour
		w.Routes = nil
		for i := range routes {
			w.Routes = append(w.Routes, &Route{Name: fmt.Sprint("r", i), Rule: 3, Place: "stalled", // n = 2
				Batch: configs.Batch{Bytes: 1 << 20, Entries: 5000, Age: time.Second}})
		}
		w.Block("stalled", true)
		life := w.Live(NewGate(0, false))
		<-life.Router.Ready()
		w.Publish(few) // an open plan for each
		time.Sleep(time.Minute)
		for _, s := range life.Router.Status() {
			if s.Route != pipeline.Unreadable && s.State != pipeline.Paused {
				t.Fatalf("route %s is %s", s.Route, s.State)
			}
		}
		w.Publish(messages)
		again.Store(0)
		count.Store(0)
		w.Block("stalled", false)
		released := time.Now()
		life.Await(w.Patience)
		read := float64(count.Load()) / float64(messages+few)
		life.Drain()
		check(t, 7, w.finish())
		t.Logf("%d routes stalled for %d messages, released: the stream was read %.2f times, and %d messages for open plans; all delivered after %v of the world's clock",
			routes, messages, read, again.Load(), time.Since(released))
		ahead := 3 * 512 / float64(messages+few) // what three readers had in hand when their lanes got off
		if read > 3+ahead {
			t.Errorf("the stream was read %.2f times", read)
		}
	})
}
