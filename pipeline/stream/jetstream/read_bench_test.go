package jetstream

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkRead compares our reader with the client's ordered consumer on the same messages of 1.2 KB: one operation is one message.
func BenchmarkRead(b *testing.B) {
	const stored = 50_000
	for _, c := range []struct {
		name    string
		options func() Options
	}{
		{"in-process", func() Options { return Options{Dir: b.TempDir()} }},
		{"tcp", func() Options { return Options{URL: startServer(b, b.TempDir(), server.RANDOM_PORT).ClientURL()} }},
	} {
		bus := openBus(b, c.options())
		s := openStream(b, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
		data := make([]string, stored)
		for i := range data {
			data[i] = fmt.Sprintf("%01200d", i)
		}
		publish(b, s, data...)
		b.Run(c.name+"/reader", func(b *testing.B) { readOurs(b, s, stored) })
		b.Run(c.name+"/client", func(b *testing.B) { readTheirs(b, s, stored) })
	}
}

func readOurs(b *testing.B, s *Stream, stored int) {
	b.ReportAllocs()
	left := 0
	r, err := s.Read(b.Context(), 1)
	for b.Loop() {
		if left == 0 {
			if err != nil {
				b.Fatal(err)
			}
			_ = r.Close()
			r, err = s.Read(b.Context(), 1)
			left = stored
		}
		messages, err := r.Next(b.Context(), 1)
		if err != nil {
			b.Fatal(err)
		}
		left -= len(messages)
	}
	_ = r.Close()
}

func readTheirs(b *testing.B, s *Stream, stored int) {
	b.ReportAllocs()
	left := 0
	var it jetstream.MessagesContext
	for b.Loop() {
		if left == 0 {
			if it != nil {
				it.Stop()
			}
			c, err := s.handle.OrderedConsumer(b.Context(), jetstream.OrderedConsumerConfig{})
			if err != nil {
				b.Fatal(err)
			}
			if it, err = c.Messages(jetstream.PullMaxMessages(5000)); err != nil {
				b.Fatal(err)
			}
			left = stored
		}
		m, err := it.Next()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Metadata(); err != nil { // sequence and time, which the reader gives too
			b.Fatal(err)
		}
		left--
	}
	it.Stop()
}
