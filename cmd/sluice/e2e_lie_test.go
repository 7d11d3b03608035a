package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	natsstream "github.com/nats-io/nats.go/jetstream"

	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream/jetstream"
)

const lieRoutes = `
routes:
  - name: free
    batch: {age: 20ms}
    sink: {file: {dir: out/free/deep}}
  - name: behind
    batch: {age: 20ms, entries: 40}
    sink: {file: {dir: out/behind/deep}}
  - name: between
    batch: {age: 20ms}
    sink: {file: {dir: out/between/deep}}
`

// liar is a place whose stream an operator trims, restores and re-creates, with what was ever put on it.
type liar struct {
	*place
	daemon *process
	log    strings.Builder     // of the daemons that have ended
	sent   []string            // every line, in order
	lives  []map[uint64]string // what stood under each sequence, by life of the stream
	gone   map[string]bool     // lines that the stream does not hold any more
}

// newLiar starts a daemon over lieRoutes.
func newLiar(t *testing.T) *liar {
	w := &liar{place: newPlace(t, lieRoutes), lives: []map[uint64]string{{}}, gone: make(map[string]bool)}
	w.start()
	return w
}

func (w *liar) start() {
	w.daemon = w.place.daemon()
	w.daemon.await("health", func() bool { return w.health() == 200 })
}

func (w *liar) stop() {
	w.daemon.drain()
	w.log.WriteString(w.daemon.err.String())
}

// put stores n entries, and gives the last sequence.
func (w *liar) put(n int) (last uint64) {
	s := w.stream()
	for range n {
		line := fmt.Sprintf(`{"insertId":"e%d","logName":"projects/p/logs/app","severity":"INFO"}`, len(w.sent))
		last = putOn(w.t, s, line)
		w.sent = append(w.sent, line)
		w.life()[last] = line
	}
	return last
}

// life is what stands on the stream now, or stood there before it was trimmed.
func (w *liar) life() map[uint64]string { return w.lives[len(w.lives)-1] }

// operator is a stranger's access to the stream.
func (w *liar) operator() (natsstream.JetStream, natsstream.Stream) {
	w.t.Helper()
	b, err := os.ReadFile(w.path("data/bus/client.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var access struct{ URL, Token string }
	w.decode(string(b), &access)
	conn, err := nats.Connect(access.URL, nats.Token(access.Token))
	w.check(err)
	w.t.Cleanup(conn.Close)
	js, err := natsstream.New(conn)
	w.check(err)
	s, err := js.Stream(w.t.Context(), "LOGS")
	w.check(err)
	return js, s
}

func (w *liar) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// purge takes everything before first out of the stream.
func (w *liar) purge(first uint64) {
	_, s := w.operator()
	w.check(s.Purge(w.t.Context(), natsstream.WithPurgeSequence(first)))
	for seq, line := range w.life() {
		w.gone[line] = w.gone[line] || seq < first
	}
}

// erase deletes single messages.
func (w *liar) erase(seqs ...uint64) {
	_, s := w.operator()
	for _, seq := range seqs {
		w.check(s.DeleteMsg(w.t.Context(), seq))
		w.gone[w.life()[seq]] = true
	}
}

// recreate deletes the stream and makes it again, under the running daemon.
func (w *liar) recreate() {
	js, s := w.operator()
	config := s.CachedInfo().Config
	w.check(js.DeleteStream(w.t.Context(), "LOGS"))
	_, err := js.CreateStream(w.t.Context(), config)
	w.check(err)
	for _, line := range w.life() {
		w.gone[line] = true
	}
	w.lives = append(w.lives, map[uint64]string{})
}

// backup copies the bus folder while no daemon runs; the function it returns puts the copy back, likewise.
func (w *liar) backup() (restore func()) {
	w.copyFolder("data/bus", "bus-copy")
	then := maps.Clone(w.life())
	return func() {
		w.copyFolder("bus-copy", "data/bus")
		for seq, line := range w.life() {
			w.gone[line] = w.gone[line] || then[seq] == ""
		}
		w.lives = append(w.lives, maps.Clone(then))
	}
}

// stall makes a route's destination need a person, until release.
func (w *liar) stall(route string) {
	dir := w.path("out/" + route)
	if _, err := os.Stat(dir); err == nil {
		w.check(os.Rename(dir, dir+".aside"))
	}
	w.write("out/"+route, []byte("a file where a folder should be\n"))
}

func (w *liar) release(route string) {
	dir := w.path("out/" + route)
	w.check(os.Remove(dir))
	if _, err := os.Stat(dir + ".aside"); err == nil {
		w.check(os.Rename(dir+".aside", dir))
	}
}

// paused waits until a route stands still with an open plan.
func (w *liar) paused(route string) {
	w.daemon.await("pause of "+route, func() bool {
		return w.status(route).State == pipeline.Paused && len(w.last(route+"/LOGS").Open) > 0
	})
}

// await waits until routes have settled everything up to the last sequence of the present stream.
func (w *liar) await(last uint64, routes ...string) {
	w.daemon.await("delivery", func() bool {
		for _, r := range routes {
			if s := w.status(r); s.Cursor != last || s.State != pipeline.Running || len(w.last(r+"/LOGS").Open) > 0 {
				return false
			}
		}
		return true
	})
}

// judge holds folders, ledger and status of every route against what was sent: each line was delivered once, or is gone and is
// recorded once as such.
func (w *liar) judge() {
	w.t.Helper()
	var status console.Status
	w.decode(w.sluice(0, "status", "-o", "json"), &status)
	for _, s := range status.Routes {
		if s.Route == pipeline.Unreadable {
			continue
		}
		lost := w.lost(s.Route)
		delivered := w.lines("out/" + s.Route)
		var silent, twice []string
		for _, line := range w.sent {
			switch n := delivered[line]; {
			case n == 0 && !lost[line]:
				silent = append(silent, line)
			case n > 1, n == 1 && lost[line]:
				twice = append(twice, line)
			}
			delete(delivered, line)
		}
		if len(silent)+len(twice) > 0 {
			w.t.Errorf("route %s: %d lines skipped in silence, such as %s; %d delivered more than once, or delivered and recorded as lost, such as %s",
				s.Route, len(silent), firstOf(silent), len(twice), firstOf(twice))
		}
		if len(delivered) > 0 {
			w.t.Errorf("route %s: %d lines that nobody sent", s.Route, len(delivered))
		}
		if s.Lost != uint64(len(lost)) {
			w.t.Errorf("route %s: status says that %d messages are lost, %d are", s.Route, s.Lost, len(lost))
		}
		w.t.Logf("route %s: %d sent, %d lost and recorded", s.Route, len(w.sent), len(lost))
	}
}

// lost gives the lines that a route's ledger records as gone; each may be recorded once, and must be gone.
func (w *liar) lost(route string) map[string]bool {
	w.t.Helper()
	all := make(map[string]bool)
	life := 0
	var wrong []string
	note := func(from, to uint64) {
		for seq := from; seq <= to; seq++ {
			line := w.lives[life][seq]
			if all[line] || !w.gone[line] {
				wrong = append(wrong, fmt.Sprintf("sequence %d of life %d (%s)", seq, life, line))
			}
			all[line] = true
		}
	}
	var open []ledger.Plan
	for _, r := range w.records(route + "/LOGS") {
		if r.Loss != nil && r.Kind != ledger.KindAmend { // what an amend loses stands in its plan
			note(r.Loss.From, r.Loss.To)
		}
		if r.Commits != nil && len(open) > 0 {
			for _, g := range open[0].Missing {
				note(g.From, g.To)
			}
		}
		if r.Skip != nil {
			for _, g := range r.Skip.Missing {
				note(g.From, g.To)
			}
		}
		if r.Kind == ledger.KindEpoch {
			life++
		}
		open = r.Open
	}
	if len(wrong) > 0 {
		w.t.Errorf("route %s: %d are recorded as lost twice, or are not lost, such as %s", route, len(wrong), wrong[0])
	}
	return all
}

func firstOf(lines []string) string {
	if len(lines) == 0 {
		return "none"
	}
	return lines[0]
}

// epochs fails the test unless the control lane has recorded exactly these new beginnings of the stream, and the log says so.
func (w *liar) epochs(reasons ...string) {
	w.t.Helper()
	var recorded []string
	for _, r := range w.records("_stream/LOGS") {
		if r.Kind == ledger.KindEpoch {
			recorded = append(recorded, r.Stream.Reason)
		}
	}
	w.diff("epochs", reasons, recorded)
	if n := strings.Count(w.log.String(), "the stream has begun anew\""); n != len(reasons) {
		w.t.Errorf("the log speaks of %d new beginnings, want %d:\n%s", n, len(reasons), w.log.String())
	}
}

// TestPurgedPastAStalledLane: retention, or an operator, takes what a route has not delivered: the open plan shrinks, the rest is a
// loss on record, interior holes too, and the route goes on behind them.
func TestPurgedPastAStalledLane(t *testing.T) {
	w := newLiar(t)
	w.stall("behind")
	w.put(30)
	w.paused("behind")
	last := w.put(170)
	w.await(last, "free", "between")
	w.purge(151)
	w.erase(160, 161, 170)
	w.release("behind")
	w.await(last, "free", "behind", "between")
	last = w.put(20)
	w.await(last, "free", "behind", "between")
	w.judge()
	w.stop()
	w.epochs()
	w.balance()
}

// TestRecreated deletes the stream and makes it again under the running daemon, with a route that has not delivered all of it.
func TestRecreated(t *testing.T) {
	w := newLiar(t)
	w.await(w.put(50), "free", "behind", "between")
	w.stall("behind")
	last := w.put(30)
	w.paused("behind")
	w.await(last, "free", "between")
	w.recreate()
	last = w.put(40)
	w.await(last, "free", "between")
	w.release("behind")
	w.await(last, "free", "behind", "between")
	w.judge()
	w.stop()
	w.epochs("the stream was re-created")
	w.balance()
}

// TestRecreatedWhileDown does so while no daemon runs: what one route had delivered shows what another has lost.
func TestRecreatedWhileDown(t *testing.T) {
	w := newLiar(t)
	w.await(w.put(20), "free", "behind", "between")
	w.stall("behind")
	w.await(w.put(30), "free", "between")
	w.paused("behind")
	w.stop()
	bus, err := jetstream.Open(t.Context(), jetstream.Options{Dir: w.path("data/bus"), Log: slog.New(slog.DiscardHandler)})
	w.check(err)
	w.recreate()
	w.check(bus.Close())
	w.start()
	w.release("behind")
	w.await(w.put(40), "free", "behind", "between")
	w.judge()
	w.stop()
	w.epochs("the stream was re-created")
	w.balance()
}

// TestRestored puts an older copy of the bus folder back. Of the three routes one had delivered everything, one more than the copy
// holds, and one less.
func TestRestored(t *testing.T) {
	w := newLiar(t)
	w.await(w.put(50), "free", "behind", "between")
	w.stall("behind")
	w.await(w.put(50), "free", "between")
	w.paused("behind")
	w.stop()
	restore := w.backup() // at 100
	w.start()
	w.await(w.put(50), "free", "between")
	w.stall("between") // at 150
	w.await(w.put(50), "free")
	w.paused("between")
	w.stop()
	restore()
	w.start()
	w.release("between")
	w.release("behind")
	last := w.put(30)
	w.await(last, "free", "behind", "between")
	w.judge()
	w.stop()
	w.epochs("the stream stepped back")
	w.balance()
}
