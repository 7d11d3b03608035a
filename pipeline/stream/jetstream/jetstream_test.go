package jetstream

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream/streamtest"
)

func TestConformanceEmbedded(t *testing.T) {
	streamtest.Run(t, func(t *testing.T) streamtest.World {
		return world(t, openBus(t, Options{Dir: t.TempDir()}))
	})
}

func TestConformanceOverTCP(t *testing.T) {
	streamtest.Run(t, func(t *testing.T) streamtest.World {
		return world(t, openBus(t, Options{URL: startServer(t, t.TempDir(), server.RANDOM_PORT).ClientURL()}))
	})
}

// startServer runs a server with its defaults, as an operator would.
func startServer(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("server is not ready")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

func openBus(t testing.TB, o Options) *Bus {
	t.Helper()
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func openStream(t testing.TB, b *Bus, c StreamConfig) *Stream {
	t.Helper()
	s, err := b.Stream(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func world(t *testing.T, b *Bus) streamtest.World {
	return worldOf(t, b, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
}

func worldOf(t *testing.T, b *Bus, c StreamConfig) streamtest.World {
	s := openStream(t, b, c)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return streamtest.World{
		Stream: s,
		Append: func(data ...string) uint64 { return publish(t, s, data...) },
		Delete: func(seq uint64) { check(s.handle.DeleteMsg(t.Context(), seq)) },
		Trim:   func(first uint64) { check(s.handle.Purge(t.Context(), jetstream.WithPurgeSequence(first))) },
		Recreate: func() {
			check(b.js.DeleteStream(t.Context(), c.Name))
			openStream(t, b, c)
		},
		Disturb: func() { deleteConsumers(t, s) },
	}
}

// published makes each message's id, for a restart may make the publisher send it twice.
var published atomic.Int64

func publish(t testing.TB, s *Stream, data ...string) (last uint64) {
	t.Helper()
	p := s.Publisher()
	var pending []*Pending
	wait := func() {
		ack, err := pending[0].Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last, pending = ack.Seq, pending[1:]
	}
	for _, d := range data {
		if len(pending) == 500 {
			wait()
		}
		pending = append(pending, p.Start("logs.test", fmt.Sprint("test ", published.Add(1)), []byte(d)))
	}
	for len(pending) > 0 {
		wait()
	}
	return last
}

// deleteConsumers takes the consumers away under the readers, as an operator can.
func deleteConsumers(t testing.TB, s *Stream) {
	t.Helper()
	names := s.handle.ConsumerNames(context.WithoutCancel(t.Context()))
	for name := range names.Name() {
		if err := s.handle.DeleteConsumer(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestLargerThanAPull reads messages that are larger than what a reader asks for at once, between small ones.
func TestLargerThanAPull(t *testing.T) {
	b := openBus(t, Options{Dir: t.TempDir()})
	s := openStream(t, b, StreamConfig{Name: "LOGS"})
	large := strings.Repeat("x", pullBytes+pullBytes/2)
	want := []string{"a", large, "b", large, large, "c"}
	publish(t, s, want...)
	r, err := s.Read(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for got := 0; got < len(want); {
		messages, err := r.Next(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			if string(m.Data) != want[got] {
				t.Fatalf("message %d has %d bytes, want %d", got+1, len(m.Data), len(want[got]))
			}
			got++
		}
	}
}
