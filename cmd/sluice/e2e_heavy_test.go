package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
	"sluice/pipeline/stream/jetstream"
)

// heavy chooses between the size of the ordinary run and that of make soak.
func heavy(small, full int) int {
	if os.Getenv("SLUICE_SOAK") != "" {
		return full
	}
	return small
}

// heavyEntry is the n-th entry of about 400 bytes.
func heavyEntry(n int) string {
	return fmt.Sprintf(`{"insertId":"e%d","logName":"projects/p%d/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":"2026-03-01T%02d:00:00Z","severity":%q,"jsonPayload":{"n":%d,"text":"%s"}}`,
		n, n%10, n%3, []string{"INFO", "ERROR"}[n%2], n%5, strings.Repeat("lorem ipsum ", 20))
}

// hangingRoutes are routes whose destination never answers, beside three that deliver.
func hangingRoutes(hanging int) string {
	var b strings.Builder
	b.WriteString(`
routes:
  - name: errors
    filter: severity>=ERROR
    batch: {age: 2s}
    sink: {file: {dir: out/errors}}
  - name: fours
    filter: jsonPayload.n=4
    exclusions: [{name: errors, filter: severity>=ERROR}]
    batch: {age: 2s}
    sink: {file: {dir: out/fours}}
  - name: everything
    batch: {age: 2s}
    sink: {file: {dir: out/everything, compression: gzip}}
`)
	for i := range hanging {
		fmt.Fprintf(&b, "  - {name: hanging-%d, sink: {held: {name: hanging-%d}}}\n", i, i)
	}
	return b.String()
}

// Fifty destinations that never answer hinder neither publishers nor the routes that deliver, and memory stays bounded.
func TestHangingSinks(t *testing.T) {
	entries, hanging := heavy(20_000, 1_000_000), 50
	p := newPlace(t, hangingRoutes(hanging))
	d := startProcess(t, p.dir, "sluice-held")
	d.await("health", func() bool { return p.health() == 200 })
	begun := time.Now()
	last, longest := publishPacks(t, p.stream(), entries, 50, heavyEntry)
	published := time.Since(begun)
	healthy := []string{"errors", "fours", "everything"}
	d.await("delivery by the healthy routes", p.settled(last, healthy...))
	delivered := time.Since(begun)
	for i := range hanging {
		if s := p.status(fmt.Sprint("hanging-", i)); s.Cursor != 0 {
			t.Errorf("route %s has a cursor at %d, and its destination never answered", s.Route, s.Cursor)
		}
	}
	rss := peakMemory(t, d)
	d.kill()

	want := map[string]func(n int) bool{
		"errors":     func(n int) bool { return n%2 == 1 },
		"fours":      func(n int) bool { return n%5 == 4 && n%2 == 0 },
		"everything": func(int) bool { return true },
	}
	for _, route := range healthy {
		p.sameNumbers(route, entries, want[route])
	}
	t.Logf("%d entries, %d hanging routes: published in %v (longest wait for an acknowledgement %v), delivered by 3 routes in %v, peak memory %d MiB",
		entries, hanging, published.Round(time.Millisecond), longest.Round(time.Millisecond), delivered.Round(time.Millisecond), rss>>20)
	if rss >= 300<<20 {
		t.Errorf("peak memory %d MiB, want less than 300", rss>>20)
	}
}

// publishPacks stores entries in packs while the daemon works, and gives the last sequence and the longest wait for one
// acknowledgement. It returns only if the stream never stops taking messages.
func publishPacks(t testing.TB, s *jetstream.Stream, entries, pack int, entry func(int) string) (last uint64, longest time.Duration) {
	t.Helper()
	type sent struct {
		*jetstream.Pending
		at time.Time
	}
	var window []sent
	settle := func(most int) {
		for len(window) > most {
			ack, err := window[0].Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			last, longest = max(last, ack.Seq), max(longest, time.Since(window[0].at))
			window = window[1:]
		}
	}
	for n := 0; n < entries; {
		var b strings.Builder
		for range min(pack, entries-n) {
			b.WriteString(entry(n))
			b.WriteByte('\n')
			n++
		}
		settle(255)
		window = append(window, sent{s.Publisher().Start(jetstream.NoLog, "", []byte(b.String())), time.Now()})
	}
	settle(0)
	return last, longest
}

// sameNumbers is same for entries of heavyEntry, without keeping their text.
func (p *place) sameNumbers(route string, entries int, want func(n int) bool) {
	p.t.Helper()
	seen := make([]uint8, entries)
	wrong := 0
	for _, path := range p.files("out/" + route) {
		err := eachLine(path, func(line string) {
			n, err := strconv.Atoi(strings.TrimPrefix(line[:strings.Index(line, `","`)], `{"insertId":"e`))
			if err != nil || n >= entries || line != heavyEntry(n) {
				wrong++
				return
			}
			seen[n]++
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	for n, times := range seen {
		if (times == 1) != want(n) || times > 1 {
			wrong++
		}
	}
	if wrong > 0 {
		p.t.Errorf("route %s: %d entries are changed, missing, there twice or in the wrong place", route, wrong)
	}
}

// peakMemory is the greatest resident size of a process so far, in bytes; 0 where the system does not tell.
func peakMemory(t testing.TB, p *process) int64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		t.Logf("the peak memory is not known: %v", err)
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc")
	return 0
}

// A thousand routes that match nothing cost a handful of ledger records each, and know after a restart how far they were.
func TestNoMatch(t *testing.T) {
	messages, routes := heavy(50_000, 1_000_000), 1000
	var b strings.Builder
	b.WriteString("routes:\n")
	for i := range routes {
		fmt.Fprintf(&b, "  - {name: r%d, filter: 'labels.team=\"t%d\" AND severity>=ERROR', sink: {file: {dir: out/r%d}}}\n", i, i, i)
	}
	p := newPlace(t, b.String())
	d := startProcess(t, p.dir, "sluice-held")
	d.await("health", func() bool { return p.health() == 200 })
	begun := time.Now()
	last, _ := publishPacks(t, p.stream(), messages, 1, func(n int) string {
		return fmt.Sprintf(`{"insertId":"e%d","severity":"INFO","logName":"projects/p/logs/app","labels":{"team":"t%d"}}`, n, n%routes)
	})
	published := time.Since(begun)
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	d.await("routing", func() bool { return d.out.String() != "" })
	routed, rss := time.Since(begun), peakMemory(t, d)
	d.drain()
	drained := time.Since(begun)

	begun = time.Now()
	d = p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	recovered := time.Since(begun)
	for i := range routes {
		if s := p.status(fmt.Sprint("r", i)); s.Cursor != last || s.Lag != 0 {
			t.Fatalf("after the restart: %+v, want a cursor at %d", s, last)
		}
	}
	d.drain()
	most := mostRecords(t, p.path(p.ledger))
	t.Logf("%d messages, %d routes without a match: published in %v, routed in %v, drained after %v; recovered in %v; at most %d ledger records a lane; peak memory %d MiB",
		messages, routes, published.Round(time.Millisecond), routed.Round(time.Millisecond), drained.Round(time.Millisecond), recovered.Round(time.Millisecond), most, rss>>20)
	if most > 5 {
		t.Errorf("a lane has %d records", most)
	}
}

// mostRecords is the length of the longest chain of the ledger.
func mostRecords(t *testing.T, dir string) (most ledger.Rev) {
	t.Helper()
	r, err := file.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	lanes, err := r.Lanes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, lane := range lanes {
		_, rev, err := r.Last(context.Background(), lane)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, rev)
	}
	return most
}
