package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
	"sluice/pipeline/stream/jetstream"
)

// place is a folder with a sluice.yaml in which the program runs, as in a user's working directory.
type place struct {
	t      testing.TB
	dir    string
	listen string // http.listen of the configuration
	ledger string // its folder
}

// placeConfig is what the configurations of all places have in common: only what the test publishes is on the bus. Routes follow.
const placeConfig = `
bus: {embedded: {dir: data/bus}, streams: [LOGS]}
ledger: {file: data/ledger}
deadLetter: {file: {dir: data/dead}}
sinkErrors: {disabled: true}
`

// newPlace makes a place with placeConfig and routes.
func newPlace(t testing.TB, routes string) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), listen: freeAddress(t), ledger: "data/ledger"}
	p.configure(placeConfig + routes)
	return p
}

// configure writes sluice.yaml.
func (p *place) configure(text string) {
	p.t.Helper()
	p.write("sluice.yaml", []byte(text+"\nhttp: {listen: "+p.listen+"}\n"))
}

// freeAddress gives a loopback address on which nobody listens now.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (p *place) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *place) write(name string, content []byte) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), content, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// writeLines writes a file of lines.
func (p *place) writeLines(name string, lines []string) {
	p.t.Helper()
	p.write(name, []byte(strings.Join(lines, "\n")+"\n"))
}

// daemon starts `sluice run`.
func (p *place) daemon() *process {
	p.t.Helper()
	return startProcess(p.t, p.dir, "sluice", "run")
}

// sluice runs a command to its end, which must have the exit code, and gives its standard output.
func (p *place) sluice(code int, args ...string) string {
	p.t.Helper()
	run := startProcess(p.t, p.dir, "sluice", args...)
	if got := run.code(); got != code {
		p.t.Fatalf("%s: exit code %d, want %d; it said:\n%s%s", run.name, got, code, run.out.String(), run.err.String())
	}
	return run.out.String()
}

// publish publishes a file, which is new by so many entries.
func (p *place) publish(name string, fresh int64) {
	p.t.Helper()
	var account struct{ Files []published }
	p.decode(p.sluice(0, "publish", name, "-o", "json"), &account)
	if len(account.Files) != 1 || account.Files[0].Published != fresh || account.Files[0].Refused != 0 {
		p.t.Fatalf("publish %s: %+v, want %d new and none refused", name, account.Files, fresh)
	}
}

// stream attaches to the bus that a daemon runs, for what `sluice publish` does not do: messages of a test's own making.
func (p *place) stream() *jetstream.Stream {
	p.t.Helper()
	bus, err := jetstream.Attach(p.t.Context(), jetstream.Options{Dir: p.path("data/bus"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = bus.Close() })
	s, err := bus.Stream(p.t.Context(), jetstream.StreamConfig{Name: "LOGS", MustExist: true})
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// putOn stores each message, and gives the sequence of the last.
func putOn(t testing.TB, s *jetstream.Stream, messages ...string) uint64 {
	t.Helper()
	var last uint64
	for _, m := range messages {
		ack, err := s.Publisher().Publish(t.Context(), jetstream.NoLog, "", []byte(m))
		if err != nil {
			t.Fatal(err)
		}
		last = ack.Seq
	}
	return last
}

func (p *place) decode(text string, into any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		p.t.Fatalf("%v in %s", err, text)
	}
}

// balance gives the rows of `sluice balance`, which must balance.
func (p *place) balance() map[string]ledger.RouteBalance {
	p.t.Helper()
	var b ledger.Balance
	p.decode(p.sluice(0, "balance", "-o", "json"), &b)
	rows := make(map[string]ledger.RouteBalance)
	for _, r := range b.Routes {
		if !r.Balanced {
			p.t.Errorf("route %s is not balanced: %+v", r.Route, r)
		}
		rows[r.Route] = r
	}
	return rows
}

// health gives the status of /healthz; 0 when nobody answers.
func (p *place) health() int {
	resp, err := http.Get("http://" + p.listen + "/healthz")
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// status asks the daemon how a route fares; zero when it does not answer.
func (p *place) status(route string) pipeline.LaneStatus {
	resp, err := http.Get("http://" + p.listen + "/v1/status")
	if err != nil {
		return pipeline.LaneStatus{}
	}
	defer resp.Body.Close()
	var s console.Status
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return pipeline.LaneStatus{}
	}
	for _, r := range s.Routes {
		if r.Route == route {
			return r
		}
	}
	return pipeline.LaneStatus{}
}

// settled says whether the routes have durably settled all that the stream holds, and at least up to a sequence.
func (p *place) settled(seq uint64, routes ...string) func() bool {
	return func() bool {
		for _, r := range routes {
			if s := p.status(r); s.Cursor < seq || s.Lag > 0 {
				return false
			}
		}
		return true
	}
}

// last gives a lane's last record in the ledger; zero when there is none yet.
func (p *place) last(lane string) ledger.Record {
	p.t.Helper()
	if _, err := os.Stat(p.path(p.ledger + "/lanes")); errors.Is(err, fs.ErrNotExist) {
		return ledger.Record{}
	}
	r, err := file.OpenReader(p.path(p.ledger))
	if err != nil {
		p.t.Fatal(err)
	}
	rec, _, err := r.Last(p.t.Context(), lane)
	if err != nil {
		p.t.Fatal(err)
	}
	return rec
}

// records gives all records of a lane.
func (p *place) records(lane string) []ledger.Record {
	p.t.Helper()
	r, err := file.OpenReader(p.path(p.ledger))
	if err != nil {
		p.t.Fatal(err)
	}
	var all []ledger.Record
	err = r.Scan(p.t.Context(), lane, 0, func(_ ledger.Rev, rec ledger.Record) error {
		all = append(all, rec)
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

// settleUnreadable sees to it that the dead letters of all lines up to a sequence are written, after a drain. The drain has done
// it, unless that lane was far behind the others; left to itself, the lane writes a minute after its first line.
func (p *place) settleUnreadable(seq uint64) {
	p.t.Helper()
	settled := func() bool { return p.last("_unreadable/LOGS").Committed >= seq }
	if !settled() {
		d := p.daemon()
		d.await("dead letters", settled)
		d.drain()
	}
}

// files lists the files below a folder, but not those of the program itself (.sluice).
func (p *place) files(dir string) []string {
	p.t.Helper()
	var all []string
	err := filepath.WalkDir(p.path(dir), func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.Name() == ".sluice":
			return filepath.SkipDir
		case !d.IsDir():
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

// lines gives the lines of all files below a folder, and how often each stands there.
func (p *place) lines(dir string) map[string]int {
	p.t.Helper()
	all := make(map[string]int)
	for _, path := range p.files(dir) {
		if err := eachLine(path, func(line string) { all[line]++ }); err != nil {
			p.t.Fatal(err)
		}
	}
	return all
}

// eachLine reads a delivered file, compressed or not. It must end with a line feed.
func eachLine(path string, line func(string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := linesOf(bufio.NewReader(in), line); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// linesOf yields lines, each of which must end with a line feed.
func linesOf(in *bufio.Reader, line func(string)) error {
	for {
		text, err := in.ReadString('\n')
		switch {
		case err == io.EOF && text == "":
			return nil
		case err != nil:
			return fmt.Errorf("%w after %.80q", err, text)
		}
		line(strings.TrimSuffix(text, "\n"))
	}
}

// same fails the test unless every wanted line was delivered exactly once, and nothing else.
func (p *place) same(dir string, want []string) {
	p.t.Helper()
	wanted := make(map[string]int)
	for _, line := range want {
		wanted[line]++
	}
	p.sameLines(dir, wanted, p.lines(dir))
}

func (p *place) sameLines(what string, want, got map[string]int) {
	p.t.Helper()
	var missing, surplus []string
	for line, n := range want {
		if got[line] < n {
			missing = append(missing, line)
		}
	}
	for line, n := range got {
		if want[line] < n {
			surplus = append(surplus, line)
		}
	}
	for which, lines := range map[string][]string{"missing": missing, "there too often, or do not belong there": surplus} {
		if len(lines) > 0 {
			p.t.Errorf("%s: of %d different lines %d are %s, such as %.200q", what, len(want), len(lines), which, lines[0])
		}
	}
}

// deadLetters gives the reasons in the dead letters by the entry's bytes. Every entry must be there once.
func (p *place) deadLetters() map[string]string {
	p.t.Helper()
	reasons := make(map[string]string)
	for line, n := range p.lines("data/dead") {
		var e struct {
			Reason, Raw string
			RawBase64   []byte
		}
		p.decode(line, &e)
		raw := e.Raw + string(e.RawBase64)
		if _, twice := reasons[raw]; twice || n > 1 {
			p.t.Errorf("more than once in the dead letters: %.200s", line)
		}
		reasons[raw] = e.Reason
	}
	return reasons
}

// diff fails the test where two values differ.
func (p *place) diff(what string, want, got any) {
	p.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		p.t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
