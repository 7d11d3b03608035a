package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"sluice/pipeline/stream"
)

// A reader rides out restarts of the server and misses nothing.
func TestReaderRidesOutARestart(t *testing.T) {
	dir := t.TempDir()
	first := startServer(t, dir, server.RANDOM_PORT)
	bus := openBus(t, Options{URL: first.ClientURL()})
	s := openStream(t, bus, StreamConfig{Name: "LOGS"})
	publish(t, s, "1", "2", "3")
	r := openReader(t, s, 1)
	got := next(t, r, 2)
	restart(t, first, dir)
	publish(t, s, "4")
	for len(got) < 4 {
		got = append(got, next(t, r, 10)...)
	}
	if diff := cmp.Diff([]string{"1:1", "2:2", "3:3", "4:4"}, got); diff != "" {
		t.Error(diff)
	}
}

// A delivery that is lost on its way, as when the client's memory for it is full, is fetched again.
func TestReaderNoticesALostDelivery(t *testing.T) {
	s := openStream(t, openBus(t, Options{Dir: t.TempDir()}), StreamConfig{Name: "LOGS"})
	publish(t, s, "1", "2", "3", "4", "5")
	r := openReader(t, s, 1)
	got := next(t, r, 1)
	<-r.(*reader).arrived
	for len(got) < 5 {
		got = append(got, next(t, r, 10)...)
	}
	if diff := cmp.Diff([]string{"1:1", "2:2", "3:3", "4:4", "5:5"}, got); diff != "" {
		t.Error(diff)
	}
}

// A server that comes back from a backup has stepped back: the reader says so instead of going on, also when the sequences that
// it has given out were used again meanwhile.
func TestReaderNoticesARestoredBackup(t *testing.T) {
	for _, again := range []int{0, 1, 5} {
		t.Run(fmt.Sprint(again, " stored since"), func(t *testing.T) {
			live, backup := t.TempDir(), t.TempDir()
			first := startServer(t, live, server.RANDOM_PORT)
			bus := openBus(t, Options{URL: first.ClientURL()})
			s := openStream(t, bus, StreamConfig{Name: "LOGS"})
			publish(t, s, "1", "2")
			second := restartWith(t, first, live, func() { check(t, os.CopyFS(backup, os.DirFS(live))) })
			publish(t, s, "3")
			r := openReader(t, s, 1)
			for given := 0; given < 3; {
				given += len(next(t, r, 10))
			}
			restartWith(t, second, backup, nil)
			for i := range again {
				publish(t, s, fmt.Sprint("again ", i))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if m, err := r.Next(ctx, 10); !errors.Is(err, stream.ErrChanged) {
				t.Errorf("got %v, %v", m, err)
			}
		})
	}
}

// A publisher rides out a restart, and stores each message once.
func TestPublisherRidesOutARestart(t *testing.T) {
	dir := t.TempDir()
	s1 := startServer(t, dir, server.RANDOM_PORT)
	bus := openBus(t, Options{URL: s1.ClientURL()})
	s := openStream(t, bus, StreamConfig{Name: "LOGS"})
	const all = 2000
	p := s.Publisher()
	restarted := make(chan struct{})
	halfway := make(chan struct{})
	go func() {
		defer close(restarted)
		<-halfway
		restart(t, s1, dir)
	}()
	var pending []*Pending
	for i := range all {
		if i == all/2 {
			close(halfway)
		}
		pending = append(pending, p.Start("logs.test", fmt.Sprint("id ", i), []byte(fmt.Sprint(i))))
		if len(pending) > 100 {
			waitFor(t, pending[0])
			pending = pending[1:]
		}
	}
	for _, m := range pending {
		waitFor(t, m)
	}
	<-restarted
	info, err := s.Info(t.Context())
	check(t, err)
	if info.Messages != all {
		t.Errorf("%d messages are stored, %d were published", info.Messages, all)
	}
}

func TestPublisherGivesUp(t *testing.T) {
	bus := openBus(t, Options{Dir: t.TempDir()})
	s := openStream(t, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 20})
	p := &Publisher{s, 10 * time.Millisecond}
	for name, c := range map[string]struct {
		subject string
		data    []byte
	}{
		"no stream takes it": {"other.subject", nil},
		"too large":          {"logs.test", make([]byte, maxPayload+1)},
		"not a subject":      {"logs..test", nil},
	} {
		if ack, err := p.Publish(t.Context(), c.subject, "", c.data); err == nil {
			t.Errorf("%s: acknowledged as %+v", name, ack)
		}
	}
}

func TestPublisherKnowsDuplicates(t *testing.T) {
	bus := openBus(t, Options{Dir: t.TempDir()})
	p := openStream(t, bus, StreamConfig{Name: "LOGS"}).Publisher()
	var got []Ack
	for _, id := range []string{"a", "a", "b", "", ""} {
		ack, err := p.Publish(t.Context(), "logs.test", id, []byte("x"))
		check(t, err)
		got = append(got, ack)
	}
	want := []Ack{{1, false}, {1, true}, {2, false}, {3, false}, {4, false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Two openers of one folder: the first has it, the second attaches, and finds the first one's successor by itself.
func TestAttach(t *testing.T) {
	dir := t.TempDir()
	daemon, err := Open(t.Context(), Options{Dir: dir})
	check(t, err)
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrHeld) {
		t.Fatalf("a second daemon: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, accessFile))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", accessFile, info.Mode())
	}
	openStream(t, daemon, StreamConfig{Name: "LOGS"})
	client, err := Attach(t.Context(), Options{Dir: dir})
	check(t, err)
	t.Cleanup(func() { check(t, client.Close()) })
	if client.Embedded() {
		t.Error("the client took the folder")
	}
	s := openStream(t, client, StreamConfig{Name: "LOGS"})
	publish(t, s, "one")
	r := openReader(t, s, 1)
	got := next(t, r, 1)

	before, err := readAccess(dir)
	check(t, err)
	check(t, daemon.Close())
	successor, err := Attach(t.Context(), Options{Dir: dir})
	check(t, err)
	t.Cleanup(func() { check(t, successor.Close()) })
	if !successor.Embedded() {
		t.Error("nobody held the folder, and it was not taken")
	}
	after, err := readAccess(dir)
	check(t, err)
	if before.URL == after.URL || before.Token != after.Token {
		t.Errorf("want another port and the same token: %v, %v", before.URL, after.URL)
	}
	publish(t, s, "two")
	got = append(got, next(t, r, 1)...)
	if diff := cmp.Diff([]string{"1:one", "2:two"}, got); diff != "" {
		t.Error(diff)
	}
}

// A daemon that is starting holds the folder, while client.json still tells of the one before it: whoever attaches waits.
func TestAttachWaitsForADaemonThatStarts(t *testing.T) {
	dir := t.TempDir()
	lock, err := lockFolder(t.Context(), dir, 0)
	check(t, err)
	t.Cleanup(func() { check(t, lock.Close()) })
	before, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, writeAccess(dir, access{URL: "nats://" + before.Addr().String(), Token: "token"}))
	attached := make(chan error, 1)
	go func() {
		b, err := Attach(t.Context(), Options{Dir: dir})
		if err == nil {
			err = b.Close()
		}
		attached <- err
	}()
	c, err := before.Accept()
	check(t, err)
	check(t, before.Close())
	check(t, c.Close())
	now := startServer(t, t.TempDir(), server.RANDOM_PORT)
	check(t, writeAccess(dir, access{URL: now.ClientURL(), Token: "token"}))
	check(t, <-attached)
}

// A request that a stopping server has swallowed is made again on the next connection; one that was answered is not.
func TestAskAgain(t *testing.T) {
	bus := openBus(t, Options{Dir: t.TempDir()})
	asked := 0
	check(t, bus.ask(t.Context(), time.Minute, func(ctx context.Context) error {
		if asked++; asked > 1 {
			return nil
		}
		bus.announce()
		<-ctx.Done()
		return ctx.Err()
	}))
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	refused := errors.New("refused")
	if err := bus.ask(t.Context(), time.Minute, func(context.Context) error { return refused }); err != refused {
		t.Errorf("got %v", err)
	}
	silent := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if err := bus.ask(t.Context(), time.Millisecond, silent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// A crash while the server makes a stream leaves no stream that is another one after each start.
func TestStreamHalfMade(t *testing.T) {
	dir := t.TempDir()
	live := func(work func(s *Stream)) stream.Info {
		bus, err := Open(t.Context(), Options{Dir: dir})
		check(t, err)
		s := openStream(t, bus, StreamConfig{Name: "LOGS"})
		work(s)
		info, err := s.Info(t.Context())
		check(t, err)
		check(t, bus.Close())
		return info
	}
	live(func(*Stream) {})
	check(t, os.Remove(filepath.Join(dir, "jetstream", "$G", "streams", "LOGS", "meta.sum")))
	made := live(func(s *Stream) { publish(t, s, "one") })
	again := live(func(*Stream) {})
	if !again.Created.Equal(made.Created) || again.Messages != 1 {
		t.Errorf("the stream was %+v and is %+v", made, again)
	}
}

// Whoever has not read client.json gets nothing.
func TestEmbeddedWantsItsToken(t *testing.T) {
	bus := openBus(t, Options{Dir: t.TempDir()})
	if b, err := Open(t.Context(), Options{URL: bus.URL()}); err == nil {
		_ = b.Close()
		t.Error("connected without a token")
	}
}

func TestOpenErrors(t *testing.T) {
	for name, o := range map[string]Options{
		"neither":          {},
		"both":             {Dir: t.TempDir(), URL: "nats://127.0.0.1:4222"},
		"nobody there":     {URL: "nats://127.0.0.1:1"},
		"no port":          {Dir: t.TempDir(), Listen: "127.0.0.1"},
		"not our address":  {Dir: t.TempDir(), Listen: "192.0.2.1:4222"},
		"folder is a file": {Dir: filepath.Join(t.TempDir(), "file")},
	} {
		if name == "folder is a file" {
			check(t, os.WriteFile(o.Dir, nil, 0o600))
		}
		if b, err := Open(t.Context(), o); err == nil {
			_ = b.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

// What the server has against starting is in the error, at once.
func TestServerSaysWhyItDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "jetstream"), nil, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	b, err := Open(ctx, Options{Dir: dir})
	if err == nil {
		_ = b.Close()
		t.Fatal("started")
	}
	if !strings.Contains(err.Error(), "start the embedded server: Can't start JetStream") {
		t.Error(err)
	}
}

// The folder is free again after a close and after a failed start.
func TestFolderIsFreed(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(t.Context(), Options{Dir: dir, Listen: "192.0.2.1:4222"}); err == nil {
		t.Fatal("listens on an address that is not ours")
	}
	for range 2 {
		b, err := Open(t.Context(), Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		check(t, err)
		check(t, b.Close())
	}
}

func TestStreamIsNeverAltered(t *testing.T) {
	bus := openBus(t, Options{Dir: t.TempDir()})
	if _, err := bus.Stream(t.Context(), StreamConfig{Name: "LOGS", MustExist: true}); err == nil {
		t.Error("an absent stream must exist and does")
	}
	s := openStream(t, bus, StreamConfig{Name: "LOGS"})
	made := s.handle.CachedInfo().Config
	if made.MaxAge != embeddedMaxAge || made.MaxBytes < 64<<20 || made.Duplicates != duplicateWindow || len(s.Warnings()) > 0 {
		t.Errorf("defaults: %+v, warnings %q", made, s.Warnings())
	}
	other := openStream(t, bus, StreamConfig{Name: "LOGS", Subjects: []string{"x.>"}, MaxAge: time.Hour, MaxBytes: 7, Replicas: 3})
	if diff := cmp.Diff(made, other.handle.CachedInfo().Config); diff != "" {
		t.Error(diff)
	}
	if n := len(other.Warnings()); n != 4 {
		t.Errorf("%d warnings: %q", n, other.Warnings())
	}
}

func TestProgressIsKept(t *testing.T) {
	dir := t.TempDir()
	at := Progress{Source: "/var/log/ä b.jsonl", Stream: "LOGS", Created: time.Now().UTC(), Seq: 7, Bytes: 1 << 40, SHA256: "00", Entries: 9, Cuts: []int64{1, 2}}
	for round := range 2 {
		bus, err := Open(t.Context(), Options{Dir: dir})
		check(t, err)
		store, err := bus.Progress(t.Context(), 1)
		check(t, err)
		got, found, err := store.Load(t.Context(), "LOGS", at.Source)
		check(t, err)
		if diff := cmp.Diff(at, got); found != (round == 1) || found && diff != "" {
			t.Errorf("round %d: found %v %s", round, found, diff)
		}
		if _, found, err := store.Load(t.Context(), "OTHER", at.Source); found || err != nil {
			t.Errorf("progress on another stream: %v, %v", found, err)
		}
		check(t, store.Save(t.Context(), Progress{Source: at.Source, Stream: "LOGS"}))
		check(t, store.Save(t.Context(), at))
		check(t, bus.Close())
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, m *Pending) {
	t.Helper()
	_, err := m.Wait(t.Context())
	check(t, err)
}

func restart(t *testing.T, s *server.Server, dir string) *server.Server {
	return restartWith(t, s, dir, nil)
}

// restartWith stops the server and starts another on its port and a folder; between does something while none runs.
func restartWith(t *testing.T, s *server.Server, dir string, between func()) *server.Server {
	t.Helper()
	port := s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	if between != nil {
		between()
	}
	return startServer(t, dir, port)
}

func openReader(t *testing.T, s *Stream, from uint64) stream.Reader {
	t.Helper()
	r, err := s.Read(t.Context(), from)
	check(t, err)
	t.Cleanup(func() { check(t, r.Close()) })
	return r
}

func next(t *testing.T, r stream.Reader, max int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	messages, err := r.Next(ctx, max)
	check(t, err)
	var got []string
	for _, m := range messages {
		got = append(got, fmt.Sprintf("%d:%s", m.Seq, m.Data))
	}
	return got
}
