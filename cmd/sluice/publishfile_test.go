package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/logentry"
	"sluice/pipeline/stream/jetstream"
)

// publishing is a bus with a stream and a file to publish.
type publishing struct {
	t      *testing.T
	bus    *jetstream.Bus
	stream *jetstream.Stream
	file   string
}

func newPublishing(t *testing.T, c jetstream.StreamConfig) *publishing {
	t.Helper()
	bus, err := jetstream.Open(t.Context(), jetstream.Options{Dir: t.TempDir()})
	fatal(t, err)
	t.Cleanup(func() { fatal(t, bus.Close()) })
	c.Name = "LOGS"
	s, err := bus.Stream(t.Context(), c)
	fatal(t, err)
	return &publishing{t, bus, s, filepath.Join(t.TempDir(), "entries.jsonl")}
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *publishing) write(content string) {
	p.t.Helper()
	fatal(p.t, os.WriteFile(p.file, []byte(content), 0o600))
}

// run publishes the file and checks the account: entries, published, already there, refused.
func (p *publishing) run(want ...int64) {
	p.t.Helper()
	all, err := publishFiles(p.t.Context(), p.bus, p.stream, []string{p.file}, nil, nil)
	fatal(p.t, err)
	got := []int64{all[0].Entries, all[0].Published, all[0].AlreadyThere, all[0].Refused}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Fatalf("entries, published, already there, refused (-want +got)\n%s", diff)
	}
}

// stored gives the entries on the stream, in order.
func (p *publishing) stored() []string {
	p.t.Helper()
	info, err := p.stream.Info(p.t.Context())
	fatal(p.t, err)
	r, err := p.stream.Read(p.t.Context(), info.First)
	fatal(p.t, err)
	defer func() { fatal(p.t, r.Close()) }()
	var entries []string
	for at := info.First - 1; at < info.Last; {
		messages, err := r.Next(p.t.Context(), 1000)
		fatal(p.t, err)
		for _, m := range messages {
			logentry.Frame(m.Data, func(_ int, raw []byte) bool {
				entries = append(entries, string(raw))
				return true
			})
			at = m.Seq
		}
	}
	return entries
}

func (p *publishing) progress() jetstream.Progress {
	p.t.Helper()
	store, err := p.bus.Progress(p.t.Context(), 1)
	fatal(p.t, err)
	at, _, err := store.Load(p.t.Context(), "LOGS", p.file)
	fatal(p.t, err)
	return at
}

func (p *publishing) holds(source string) {
	p.t.Helper()
	want := strings.Split(strings.TrimSuffix(source, "\n"), "\n")
	if diff := cmp.Diff(want, p.stored(), cmpopts.EquateEmpty()); diff != "" {
		p.t.Fatalf("on the stream (-want +got)\n%s", diff)
	}
}

// mixed makes lines of several parents; every seventh has no insertId.
func mixed(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		if i%7 == 0 {
			fmt.Fprintf(&b, "{\"logName\":\"projects/p/logs/x\",\"n\":%d}\n", i)
			continue
		}
		b.WriteString(line(fmt.Sprint("p", i/50), fmt.Sprint("log", i%3), fmt.Sprint(i)))
	}
	return b.String()
}

func TestASecondRunPublishesNothing(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	p.write(mixed(0, 1000))
	p.run(1000, 1000, 0, 0)
	p.holds(mixed(0, 1000))
	p.run(1000, 0, 1000, 0)
	p.holds(mixed(0, 1000))
}

// The duplicate window is as long as the messages' age here: when the messages are gone the server has forgotten their ids.
func TestASecondRunNeedsNoDuplicateWindow(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{MaxAge: 200 * time.Millisecond})
	p.write(mixed(0, 100))
	p.run(100, 100, 0, 0)
	before, err := p.stream.Info(t.Context())
	fatal(t, err)
	for info := before; info.Messages > 0; {
		info, err = p.stream.Info(t.Context())
		fatal(t, err)
	}
	p.run(100, 0, 100, 0)
	after, err := p.stream.Info(t.Context())
	fatal(t, err)
	if after.Last != before.Last {
		t.Errorf("the second run stored %d messages", after.Last-before.Last)
	}
}

func TestAFileThatGrows(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	for _, n := range []int{1, 70, 71, 300} {
		p.write(mixed(0, n))
		all, err := publishFiles(t.Context(), p.bus, p.stream, []string{p.file, p.file}, nil, nil)
		fatal(t, err)
		if all[0].Entries != int64(n) || all[1].Published != 0 {
			t.Errorf("%d lines: %+v", n, all)
		}
		p.holds(mixed(0, n))
	}
}

func TestAnotherFileAtTheSamePath(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	p.write("{\"n\":1}\n{\"n\":2}\n")
	p.run(2, 2, 0, 0)
	p.write("{\"n\":3}\n")
	p.run(1, 1, 0, 0)
	p.write("{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n")
	p.run(3, 2, 1, 0)
	p.holds("{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n")
}

// An interrupted run is continued, wherever it was interrupted, and stores each entry once.
func TestAnInterruptedRun(t *testing.T) {
	for _, after := range []int64{1, 64, 500, 999} {
		p := newPublishing(t, jetstream.StreamConfig{})
		p.write(mixed(0, 1000))
		ctx, cancel := context.WithCancel(t.Context())
		_, err := publishFiles(ctx, p.bus, p.stream, []string{p.file}, nil, func(a published) {
			if a.Entries >= after {
				cancel()
			}
		})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		// What was on its way is known to be there: the next run does not need the duplicate window for it.
		if at, there := p.progress(), len(p.stored()); at.Entries != int64(there) {
			t.Errorf("interrupted after %d: %d entries are acknowledged, %d stored", after, at.Entries, there)
		}
		all, err := publishFiles(t.Context(), p.bus, p.stream, []string{p.file}, nil, nil)
		fatal(t, err)
		if all[0].Entries != 1000 {
			t.Errorf("interrupted after %d: %+v", after, all[0])
		}
		p.holds(mixed(0, 1000))
	}
}

// A run dies after its last message was stored and before it could say so; then the file grows. The next run makes the same
// packs up to where the file had ended, so that the server knows them.
func TestACrashAndThenGrowth(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	short := mixed(0, 90)
	p.write(short)
	p.run(90, 90, 0, 0)
	store, err := p.bus.Progress(t.Context(), 1)
	fatal(t, err)
	at, found, err := store.Load(t.Context(), "LOGS", p.file)
	fatal(t, err)
	if !found || at.Bytes != int64(len(short)) || at.Entries != 90 || len(at.Cuts) != 0 {
		t.Fatalf("progress after a whole run: %v %+v", found, at)
	}
	info, err := p.stream.Info(t.Context())
	fatal(t, err)
	// What the dead run had stored last: nothing acknowledged, and where it was about to end.
	fatal(t, store.Save(t.Context(), jetstream.Progress{
		Source: at.Source, Stream: "LOGS", Created: info.Created, SHA256: emptySHA256, Cuts: []int64{at.Bytes},
	}))
	p.write(mixed(0, 200))
	p.run(200, 110, 90, 0)
	p.holds(mixed(0, 200))
}

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// The cut is saved before the pack that it ends is sent.
func TestTheCutIsSavedFirst(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	p.write("{}\n")
	store, err := p.bus.Progress(t.Context(), 1)
	fatal(t, err)
	var at jetstream.Progress
	_, err = publishFiles(t.Context(), p.bus, p.stream, []string{p.file}, nil, func(published) {
		at, _, err = store.Load(t.Context(), "LOGS", p.file)
		fatal(t, err)
	})
	fatal(t, err)
	if diff := cmp.Diff([]int64{3}, at.Cuts); diff != "" || at.Bytes != 0 {
		t.Errorf("when the pack was acknowledged the progress was %+v", at)
	}
}

// Lines are published as they are; one that no message can hold is left out and counted.
func TestOddLines(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	whole := "no json\n{\"a\":\"\x00\"}\n\xff\xfe\n[1]\n" + strings.Repeat("y", 2<<20) + "\n"
	p.write(whole + strings.Repeat("x", 9<<20) + "\n{\"last\":1}")
	p.run(7, 6, 0, 1)
	p.holds(whole + "{\"last\":1}")
	p.run(7, 0, 6, 1)
}

// The same entry in two files: the server knows single entries by their id, whatever the file.
func TestOneEntryInTwoFiles(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	p.write(line("p", "a", "1"))
	p.run(1, 1, 0, 0)
	p.file = filepath.Join(t.TempDir(), "other.jsonl")
	p.write(line("p", "a", "1"))
	p.run(1, 0, 1, 0)
}

// A stream that was re-created has nothing of what was published before.
func TestAnotherStreamOfTheSameName(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	p.write(mixed(0, 10))
	p.run(10, 10, 0, 0)
	store, err := p.bus.Progress(t.Context(), 1)
	fatal(t, err)
	at, _, err := store.Load(t.Context(), "LOGS", p.file)
	fatal(t, err)

	q := newPublishing(t, jetstream.StreamConfig{})
	q.file = p.file
	store, err = q.bus.Progress(t.Context(), 1)
	fatal(t, err)
	fatal(t, store.Save(t.Context(), at))
	q.run(10, 10, 0, 0)
}

func TestStandardInput(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	for range 2 {
		all, err := publishFiles(t.Context(), p.bus, p.stream, []string{"-"}, strings.NewReader("{}\n{}\n"), nil)
		fatal(t, err)
		if all[0].Published != 2 {
			t.Errorf("%+v", all[0])
		}
	}
	p.holds("{}\n{}\n{}\n{}\n")
}

func TestPublishErrors(t *testing.T) {
	p := newPublishing(t, jetstream.StreamConfig{})
	for _, name := range []string{filepath.Join(t.TempDir(), "absent"), t.TempDir()} {
		if all, err := publishFiles(t.Context(), p.bus, p.stream, []string{name}, nil, nil); err == nil {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// Real entries: 557, of which 18 have no insertId.
func TestRealEntries(t *testing.T) {
	const real = "../../../shared/data/entries/gcp.jsonl"
	content, err := os.ReadFile(real)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the shared data are not here")
	}
	fatal(t, err)
	p := newPublishing(t, jetstream.StreamConfig{})
	p.file = real
	p.run(557, 557, 0, 0)
	p.holds(string(content))
	p.run(557, 0, 557, 0)
	p.holds(string(content))
}
