package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream"
)

// A real server that is killed and comes back with its files as they were before is a stream that stepped back.
func TestKilledAndRestored(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "")
	bus := openBus(t, Options{URL: p.url()})
	s := openStream(t, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
	publish(t, s, "1", "2")
	p.kill()
	backup := t.TempDir()
	check(t, os.CopyFS(backup, os.DirFS(p.storeDir())))
	p.start("")
	publish(t, s, "3", "4")
	r := openReader(t, s, 1)
	for given := 0; given < 4; {
		given += len(next(t, r, 10))
	}
	before, err := s.Info(t.Context())
	check(t, err)

	p.kill()
	check(t, os.RemoveAll(p.storeDir()))
	check(t, os.CopyFS(p.storeDir(), os.DirFS(backup)))
	p.start("")
	publish(t, s, "other 3", "other 4", "5")
	changed(t, r)
	after, err := s.Info(t.Context())
	check(t, err)
	if !after.Created.Equal(before.Created) || after.Last != 5 {
		t.Errorf("want the same identity and the anchor's message another: %+v, then %+v", before, after)
	}
	m, err := s.Get(t.Context(), 4)
	check(t, err)
	if string(m.Data) != "other 4" {
		t.Errorf("4 is %q", m.Data)
	}
}

// An operator's restore from a snapshot is noticed, whether the server gives it the identity of before or (as 2.15 does) another.
func TestSnapshotRestored(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "")
	bus := openBus(t, Options{URL: p.url()})
	s := openStream(t, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
	publish(t, s, "1", "2")
	restore := snapshot(t, bus, "LOGS")
	publish(t, s, "3")
	r := openReader(t, s, 1)
	for given := 0; given < 3; {
		given += len(next(t, r, 10))
	}
	check(t, bus.js.DeleteStream(t.Context(), "LOGS"))
	restore()
	after, err := s.Info(t.Context())
	check(t, err)
	want := stream.Info{Name: "LOGS", Created: after.Created, First: 1, Last: 2, Messages: 2, Bytes: after.Bytes}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
	publish(t, s, "other 3", "4")
	changed(t, r)
	if diff := cmp.Diff([]string{"1:1", "2:2", "3:other 3", "4:4"}, next(t, openReader(t, s, 1), 10)); diff != "" {
		t.Error(diff)
	}
}

// A purge takes messages and leaves the sequences: the reader jumps, Info tells what is left.
func TestPurged(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "")
	s := openStream(t, openBus(t, Options{URL: p.url()}), StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
	publish(t, s, "1", "2", "3")
	r := openReader(t, s, 1)
	var got []string
	for len(got) < 3 {
		got = append(got, next(t, r, 3)...)
	}
	p.kill()
	p.start("")
	check(t, s.handle.Purge(t.Context()))
	info, err := s.Info(t.Context())
	check(t, err)
	if info.First != 4 || info.Last != 3 || info.Messages != 0 {
		t.Errorf("purged: %+v", info)
	}
	publish(t, s, "4")
	for len(got) < 4 {
		got = append(got, next(t, r, 10)...)
	}
	if got[3] != "4:4" {
		t.Error(got)
	}
}

// Deleted and made anew while the server was away from us: the sequences are those that were read, the identity is not.
func TestRecreatedWhileAway(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "")
	bus := openBus(t, Options{URL: p.url()})
	s := openStream(t, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
	publish(t, s, "1", "2")
	r := openReader(t, s, 1)
	for given := 0; given < 2; {
		given += len(next(t, r, 10))
	}
	check(t, bus.js.DeleteStream(t.Context(), "LOGS"))
	openStream(t, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
	p.kill()
	p.start("")
	publish(t, s, "new 1", "new 2", "new 3")
	changed(t, r)
}

// A server that gives up on slow readers cuts them off in the middle of a pull, again and again: nothing is lost.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	const all, size = 3000, 20_000
	p := startProcess(t, "max_pending: 2MB\nwrite_deadline: \"50ms\"")
	bus := openBus(t, Options{URL: p.url()})
	s := openStream(t, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
	data, want := make([]string, all), make([]string, all)
	for i := range data {
		data[i] = fmt.Sprintf("%0*d", size, i)
		want[i] = fmt.Sprintf("%d:%s", i+1, data[i])
	}
	publish(t, s, data...)
	r := openReader(t, s, 1)
	var got []string
	for len(got) < all {
		got = append(got, next(t, r, 100)...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%.500s", diff)
	}
	if n := bus.conn.Stats().Reconnects; n > 50 {
		t.Errorf("cut off %d times: the reader does not ask for less", n)
	}
}

func changed(t *testing.T, r stream.Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if m, err := r.Next(ctx, 10); errors.Is(err, stream.ErrChanged) {
			return
		} else if err != nil {
			t.Fatalf("got %v, %v; want %v", m, err, stream.ErrChanged)
		}
	}
}

// snapshot takes a stream's snapshot as `nats stream backup` does, and gives what restores it.
func snapshot(t *testing.T, b *Bus, name string) (restore func()) {
	t.Helper()
	inbox := b.conn.NewInbox()
	sub, err := b.conn.SubscribeSync(inbox)
	check(t, err)
	info, err := b.js.Stream(t.Context(), name)
	check(t, err)
	_, err = b.conn.Request("$JS.API.STREAM.SNAPSHOT."+name, []byte(`{"deliver_subject":"`+inbox+`"}`), requestTimeout)
	check(t, err)
	var chunks [][]byte
	for {
		m, err := sub.NextMsg(requestTimeout)
		check(t, err)
		if len(m.Data) == 0 {
			break
		}
		chunks = append(chunks, m.Data)
		if m.Reply != "" {
			check(t, b.conn.Publish(m.Reply, nil))
		}
	}
	config, state := info.CachedInfo().Config, info.CachedInfo().State
	return func() { restoreSnapshot(t, b, config, state, chunks) }
}

func restoreSnapshot(t *testing.T, b *Bus, config jetstream.StreamConfig, state jetstream.StreamState, chunks [][]byte) {
	t.Helper()
	request, err := json.Marshal(map[string]any{"config": config, "state": state})
	check(t, err)
	reply, err := b.conn.Request("$JS.API.STREAM.RESTORE."+config.Name, request, requestTimeout)
	check(t, err)
	var to struct {
		Deliver string `json:"deliver_subject"`
	}
	check(t, json.Unmarshal(reply.Data, &to))
	if to.Deliver == "" {
		t.Fatalf("restore: %s", reply.Data)
	}
	for _, chunk := range append(chunks, nil) {
		_, err := b.conn.RequestMsg(&nats.Msg{Subject: to.Deliver, Data: chunk}, requestTimeout)
		check(t, err)
	}
}
