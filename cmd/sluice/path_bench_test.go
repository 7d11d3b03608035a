package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	natsclient "github.com/nats-io/nats.go"
	nats "github.com/nats-io/nats.go/jetstream"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	ledgerfile "sluice/pipeline/ledger/file"
	"sluice/pipeline/stream"
	"sluice/pipeline/stream/jetstream"
)

// pathEntries is how many entries of about 1.2 KB each the streams of BenchmarkPath hold.
const pathEntries = 200_000

// BenchmarkPath takes a stored stream all the way to files, with a ledger that syncs every record and files that are synced before
// they get their names, by 3 and by 10 routes. One operation is the whole stream, twice: a bare ordered read (over TCP by the NATS client's ordered
// consumer, inside the process by our own reader, which costs less), then the path from an empty ledger until all is committed. The
// two take turns, so that a busy machine disturbs both alike. The metrics are medians over
// the operations, as are the ratios of each pair: x-bare of the rates, x-bare-per-cpu of what a second of CPU reads. CPU is of the
// whole process, user and system, the embedded server's share included; peak-MiB is its resident memory.
func BenchmarkPath(b *testing.B) {
	quiet(b)
	for _, pack := range []int{1, 64} {
		dir := filepath.Join(b.TempDir(), "bus")
		s := fillStream(b, openPathBus(b, jetstream.Open, dir), "LOGS", pack)
		remote, err := openPathBus(b, jetstream.Attach, dir).Stream(b.Context(), jetstream.StreamConfig{Name: s.Name(), MustExist: true})
		if err != nil {
			b.Fatal(err)
		}
		theirs := clientStream(b, dir, s.Name())
		for _, routes := range []int{3, 10} {
			b.Run(fmt.Sprintf("pack=%d/in-process/routes=%d", pack, routes), func(b *testing.B) {
				benchmarkPath(b, s, routes, func() { readAll(b, s) })
			})
			b.Run(fmt.Sprintf("pack=%d/tcp/routes=%d", pack, routes), func(b *testing.B) {
				benchmarkPath(b, remote, routes, func() { readAllByClient(b, theirs) })
			})
		}
	}
}

func benchmarkPath(b *testing.B, s stream.Stream, routes int, read func()) {
	text := pathConfiguration(routes)
	var bare, path []usage
	var matches float64
	for b.Loop() {
		bare = append(bare, measureUsage(read))
		path = append(path, measureUsage(func() { matches = runPath(b, s, text) }))
	}
	rate, cpu := make([]float64, len(path)), make([]float64, len(path))
	for i := range path {
		rate[i], cpu[i] = bare[i].seconds/path[i].seconds, bare[i].cpu/path[i].cpu
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(pathEntries/median(path, usage.wall), "entries/s")
	b.ReportMetric(median(path, usage.processor)/pathEntries*1e6, "cpu-s/M")
	b.ReportMetric(pathEntries/median(bare, usage.wall), "bare-entries/s")
	b.ReportMetric(median(bare, usage.processor)/pathEntries*1e6, "bare-cpu-s/M")
	b.ReportMetric(middle(rate), "x-bare")
	b.ReportMetric(middle(cpu), "x-bare-per-cpu")
	b.ReportMetric(matches, "matches/entry")
	b.ReportMetric(median(path, usage.peak), "peak-MiB")
}

// BenchmarkBareRead reads such streams over TCP and does nothing with the messages: by our reader, and by the ordered consumer of
// the NATS client.
func BenchmarkBareRead(b *testing.B) {
	quiet(b)
	for _, pack := range []int{1, 64} {
		dir := filepath.Join(b.TempDir(), "bus")
		s := fillStream(b, openPathBus(b, jetstream.Open, dir), "LOGS", pack)
		ours, err := openPathBus(b, jetstream.Attach, dir).Stream(b.Context(), jetstream.StreamConfig{Name: s.Name(), MustExist: true})
		if err != nil {
			b.Fatal(err)
		}
		theirs := clientStream(b, dir, s.Name())
		b.Run(fmt.Sprintf("pack=%d/reader", pack), func(b *testing.B) { benchmarkRead(b, func() { readAll(b, ours) }) })
		b.Run(fmt.Sprintf("pack=%d/client", pack), func(b *testing.B) { benchmarkRead(b, func() { readAllByClient(b, theirs) }) })
	}
}

func benchmarkRead(b *testing.B, read func()) {
	var bare []usage
	for b.Loop() {
		bare = append(bare, measureUsage(read))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(pathEntries/median(bare, usage.wall), "entries/s")
	b.ReportMetric(median(bare, usage.processor)/pathEntries*1e6, "cpu-s/M")
}

// clientStream opens the stream by the NATS client alone.
func clientStream(b *testing.B, dir, name string) nats.Stream {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "client.json"))
	if err != nil {
		b.Fatal(err)
	}
	var access struct{ URL, Token string }
	if err := json.Unmarshal(text, &access); err != nil {
		b.Fatal(err)
	}
	conn, err := natsclient.Connect(access.URL, natsclient.Token(access.Token))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	js, err := nats.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	s, err := js.Stream(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// readAllByClient reads the whole stream by an ordered consumer, with the sequence and time of each message.
// It pulls as our reader does: without a bound in bytes, packs overrun the subscription, and the consumer begins again and again.
func readAllByClient(b *testing.B, s nats.Stream) {
	info, err := s.Info(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	consumer, err := s.OrderedConsumer(b.Context(), nats.OrderedConsumerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := consumer.Messages(nats.PullMaxMessagesWithBytesLimit(5000, 16<<20))
	if err != nil {
		b.Fatal(err)
	}
	defer messages.Stop()
	for last := uint64(0); last < info.State.LastSeq; {
		m, err := messages.Next()
		if err != nil {
			b.Fatal(err)
		}
		at, err := m.Metadata()
		if err != nil {
			b.Fatal(err)
		}
		last = at.Sequence.Stream
	}
}

// quiet keeps what the daemon says of its work out of the benchmark's output.
func quiet(b *testing.B) {
	old := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	b.Cleanup(func() { slog.SetDefault(old) })
}

func openPathBus(b *testing.B, open func(context.Context, jetstream.Options) (*jetstream.Bus, error), dir string) *jetstream.Bus {
	b.Helper()
	bus, err := open(b.Context(), jetstream.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := bus.Close(); err != nil {
			b.Error(err)
		}
	})
	return bus
}

// fillStream stores the entries, pack of them in each message.
func fillStream(b *testing.B, bus *jetstream.Bus, name string, pack int) *jetstream.Stream {
	b.Helper()
	s, err := bus.Stream(b.Context(), jetstream.StreamConfig{Name: name, MaxBytes: 4 << 30})
	if err != nil {
		b.Fatal(err)
	}
	p := s.Publisher()
	var sent []*jetstream.Pending
	settle := func(keep int) {
		for ; len(sent) > keep; sent = sent[1:] {
			if _, err := sent[0].Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	w := newEntryWriter()
	for from := 0; from < pathEntries; from += pack {
		var data []byte
		for i := from; i < min(from+pack, pathEntries); i++ {
			if i > from {
				data = append(data, '\n')
			}
			data = w.append(data, i)
		}
		sent = append(sent, p.Start("logs.projects.acme.audit", "", data))
		settle(500)
	}
	settle(0)
	return s
}

// readAll reads the whole stream in order and does nothing with it.
func readAll(b *testing.B, s stream.Stream) {
	info, err := s.Info(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.Read(b.Context(), 1)
	if err != nil {
		b.Fatal(err)
	}
	for last := uint64(0); last < info.Last; {
		messages, err := r.Next(b.Context(), 512)
		if err != nil {
			b.Fatal(err)
		}
		last = messages[len(messages)-1].Seq
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

// runPath routes the whole stream into new folders as the daemon does, and gives how many lines left per entry.
func runPath(b *testing.B, s stream.Stream, text string) float64 {
	dir, err := os.MkdirTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "sluice.yaml")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg, err := configs.Load(config, registry())
	if err != nil {
		b.Fatal(err)
	}
	defer restoreCollector()()
	limitMemory(cfg.Memory)
	collectEarly()
	d := newDaemon(cfg)
	if d.ledger, err = ledgerfile.Open(cfg.Ledger.File, slog.Default()); err != nil {
		b.Fatal(err)
	}
	defer d.ledger.Close()
	d.router = pipeline.New(pipeline.Options{
		Ledger: d.ledger, Streams: []stream.Stream{s}, Routes: pipelineRoutes(cfg), Memory: cfg.Memory,
		Decide: readDecision, Open: destinationOpener(d, registry()), Log: slog.Default(),
	})
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- d.run(b.Context(), stop) }()
	if err := d.router.WaitFor(b.Context()); err != nil {
		b.Fatal(err)
	}
	close(stop)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return linesPerEntry(b, d.ledger)
}

// restoreCollector remembers the collector's settings and gives what sets them again.
func restoreCollector() func() {
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	return func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}
}

// linesPerEntry reads the account: every route has examined all and accounts for all.
func linesPerEntry(b *testing.B, l ledger.Ledger) float64 {
	balance, err := ledger.TakeBalance(b.Context(), l)
	if err != nil {
		b.Fatal(err)
	}
	if !balance.Balanced() {
		b.Fatalf("the account does not balance: %v", balance.Broken)
	}
	var delivered uint64
	for _, r := range balance.Routes {
		if r.Examined != pathEntries {
			b.Fatalf("route %s examined %d entries", r.Route, r.Examined)
		}
		delivered += r.Delivered
	}
	return float64(delivered) / pathEntries
}

// usage is what one pass over the stream took.
type usage struct{ seconds, cpu, mib float64 }

func (u usage) wall() float64      { return u.seconds }
func (u usage) processor() float64 { return u.cpu }
func (u usage) peak() float64      { return u.mib }

func median(of []usage, what func(usage) float64) float64 {
	all := make([]float64, len(of))
	for i, u := range of {
		all[i] = what(u)
	}
	return middle(all)
}

func middle(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// measureUsage measures one pass, which begins with a clean heap.
func measureUsage(pass func()) usage {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // Linux: the peak is counted from here
	start, cpu := time.Now(), processCPU()
	pass()
	return usage{time.Since(start).Seconds(), processCPU() - cpu, peakMiB()}
}

// processCPU is the process's user and system time in seconds.
func processCPU() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // it has no other failure than a bad argument
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// peakMiB is the process's largest resident memory since the last reset; 0 where the system does not tell.
func peakMiB() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	kib, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	return kib / 1024
}
