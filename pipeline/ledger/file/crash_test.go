package file

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/ledgertest"
)

// faultyDisk is the real disk, with a note of every operation and a failure at the one with number failAt (from 1). A write that
// fails leaves half of itself behind, as a full disk does.
type faultyDisk struct {
	osDisk
	root   string
	failAt int
	ops    []string
}

type faultyFile struct {
	diskFile
	disk *faultyDisk
	name string
}

var errFault = errors.New("no space left on device")

func (d *faultyDisk) op(what, path string) error {
	d.ops = append(d.ops, what+" "+strings.TrimPrefix(strings.TrimPrefix(path, d.root), "/"))
	if len(d.ops) == d.failAt {
		return errFault
	}
	return nil
}

func (d *faultyDisk) Open(path string) (diskFile, error) {
	if err := d.op("open", path); err != nil {
		return nil, err
	}
	f, err := d.osDisk.Open(path)
	return &faultyFile{f, d, path}, err
}

func (d *faultyDisk) Create(path string) (diskFile, error) {
	if err := d.op("create", path); err != nil {
		return nil, err
	}
	f, err := d.osDisk.Create(path)
	return &faultyFile{f, d, path}, err
}

func (d *faultyDisk) Rename(from, to string) error {
	if err := d.op("rename to", to); err != nil {
		return err
	}
	return d.osDisk.Rename(from, to)
}

func (d *faultyDisk) Mkdir(path string) error {
	if err := d.op("mkdir", path); err != nil {
		return err
	}
	return d.osDisk.Mkdir(path)
}

func (d *faultyDisk) SyncDir(path string) error {
	if err := d.op("sync", path); err != nil {
		return err
	}
	return d.osDisk.SyncDir(path)
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.disk.op("write", f.name); err != nil {
		n, _ := f.diskFile.Write(p[:len(p)/2])
		return n, err
	}
	return f.diskFile.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.disk.op("sync", f.name); err != nil {
		return err
	}
	return f.diskFile.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.disk.op("truncate", f.name); err != nil {
		return err
	}
	return f.diskFile.Truncate(size)
}

// The order of what is made durable is the promise.
func TestDurableOrder(t *testing.T) {
	d := &faultyDisk{root: t.TempDir()}
	l, err := open(d.root, nil, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := ledgertest.NewWriter(l, "a/LOGS")
	config := []byte(`{}`)
	steps := []struct {
		name string
		do   func() error
		want []string
	}{
		{"a lane's first record", func() error { _, err := w.Fill(t.Context(), 1); return err }, []string{
			"mkdir lanes/a@LOGS", "sync lanes", "create lanes/a@LOGS/.tmp", "write lanes/a@LOGS/.tmp", "sync lanes/a@LOGS/.tmp",
			"rename to lanes/a@LOGS/2026-11-22.ledger", "sync lanes/a@LOGS"}},
		{"a record", func() error { _, err := w.Fill(t.Context(), 1); return err }, []string{
			"open lanes/a@LOGS/2026-11-22.ledger", "write lanes/a@LOGS/2026-11-22.ledger", "sync lanes/a@LOGS/2026-11-22.ledger"}},
		{"a day's first record", func() error {
			w.At = w.At.Add(24 * time.Hour)
			_, err := w.Fill(t.Context(), 1)
			return err
		}, []string{"create lanes/a@LOGS/.tmp", "write lanes/a@LOGS/.tmp", "sync lanes/a@LOGS/.tmp",
			"rename to lanes/a@LOGS/2026-11-23.ledger", "sync lanes/a@LOGS"}},
		{"a configuration", func() error { return l.PutConfig(t.Context(), ledger.ConfigHash(config), config) }, []string{
			"create configs/.tmp", "write configs/.tmp", "sync configs/.tmp",
			"rename to configs/" + ledger.ConfigHash(config) + ".json", "sync configs"}},
		{"the same again", func() error { return l.PutConfig(t.Context(), ledger.ConfigHash(config), config) }, nil},
	}
	for _, step := range steps {
		d.ops = nil
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, d.ops); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	l.Close()
	d.ops = nil
	l, err = open(d.root, nil, d)
	if err != nil {
		t.Fatal(err)
	}
	d.ops = nil
	if _, _, err := l.Last(t.Context(), "a/LOGS"); err != nil {
		t.Fatal(err)
	}
	want := []string{"open lanes/a@LOGS/2026-11-23.ledger", "sync lanes/a@LOGS/2026-11-23.ledger", "sync lanes/a@LOGS"}
	if diff := cmp.Diff(want, d.ops); diff != "" {
		t.Errorf("a record is made durable before it is believed (-want +got):\n%s", diff)
	}
	l.Close()
}

// Whichever operation fails: what was acknowledged is there afterwards, at most one record more, and the broken ledger takes
// nothing again.
func TestEveryFailure(t *testing.T) {
	fired := true
	for failAt := 1; fired; failAt++ {
		d := &faultyDisk{root: t.TempDir(), failAt: failAt}
		acked := runUntilFault(t, d)
		fired = len(d.ops) >= failAt
		at := "none"
		if fired {
			at = d.ops[failAt-1]
		}
		l := mustOpen(t, d.root)
		account, err := ledger.Audit(t.Context(), l, "a/LOGS")
		if err != nil || account.Rev < acked || account.Rev > acked+1 {
			t.Errorf("failure at %d (%s): %d records acknowledged, %d there, %v", failAt, at, acked, account.Rev, err)
		}
		w := ledgertest.NewWriter(l, "a/LOGS")
		if err := w.Reload(t.Context()); err != nil {
			t.Errorf("failure at %d (%s): %v", failAt, at, err)
		}
		if _, err := w.Fill(t.Context(), 3); err != nil {
			t.Errorf("failure at %d (%s): append afterwards: %v", failAt, at, err)
		}
		l.Close()
	}
}

// runUntilFault appends over three days, with a restart in between, and gives how many records were acknowledged. After a failed
// change it checks that the ledger is broken, and which of its errors say so.
func runUntilFault(t *testing.T, d *faultyDisk) (acked ledger.Rev) {
	t.Helper()
	at := ledgertest.NewWriter(nil, "").At
	for range 3 {
		l, err := open(d.root, nil, d)
		if err != nil {
			return acked
		}
		w := ledgertest.NewWriter(l, "a/LOGS")
		w.At = at
		if err := w.Reload(t.Context()); err != nil {
			l.Close()
			return acked
		}
		for range 4 {
			if _, err := w.Append(t.Context(), w.Next()); err != nil {
				checkBroken(t, d, l, w, err)
				l.Close()
				return acked
			}
			acked++
			w.At = w.At.Add(10 * time.Hour)
		}
		at = w.At
		l.Close()
	}
	return acked
}

func checkBroken(t *testing.T, d *faultyDisk, l *Ledger, w *ledgertest.Writer, err error) {
	t.Helper()
	failed := d.ops[len(d.ops)-1]
	if !errors.Is(err, errFault) {
		t.Errorf("after %s: %v hides the cause", failed, err)
	}
	if strings.HasPrefix(failed, "open ") { // nothing had been changed
		if errors.Is(err, ledger.ErrBroken) {
			t.Errorf("after %s: %v", failed, err)
		}
		return
	}
	w.Lane = "b/LOGS" // no lane goes on
	for range 2 {
		if err := w.Reload(t.Context()); !errors.Is(err, ledger.ErrBroken) {
			t.Errorf("after %s: Last gives %v, want ErrBroken", failed, err)
		}
		if _, err := w.Append(t.Context(), w.Next()); !errors.Is(err, ledger.ErrBroken) {
			t.Errorf("after %s: Append gives %v, want ErrBroken", failed, err)
		}
	}
}

// fill makes a ledger of two days and gives the path of the newest segment.
func fill(t *testing.T, dir string) string {
	t.Helper()
	l := mustOpen(t, dir)
	for _, lane := range []string{"a/LOGS", "b/LOGS"} {
		w := ledgertest.NewWriter(l, lane)
		for range 2 {
			if _, err := w.Fill(t.Context(), 4); err != nil {
				t.Fatal(err)
			}
			w.At = w.At.Add(24 * time.Hour)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "lanes", "a@LOGS", "2026-11-23.ledger")
}

// A last line cut anywhere is truncated and logged once, the record before it is the last, and the lane goes on.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	path := fill(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	line := whole[begin:]
	tails := map[string][]byte{"zeros": make([]byte, len(line)), "zeros, then its end": append(make([]byte, 9), line[9:]...)}
	for _, n := range []int{0, 1, 8, 9, 12, len(line) / 2, len(line) - 2, len(line) - 1} {
		tails[fmt.Sprintf("%d bytes of %d", n, len(line))] = line[:n]
	}
	for name, tail := range tails {
		if err := os.WriteFile(path, append(slices.Clip(whole[:begin]), tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		reader, err := OpenReader(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, rev, err := reader.Last(t.Context(), "a/LOGS"); err != nil || rev != 7 {
			t.Errorf("%s: a reader sees the lane at %d, %v, want 7", name, rev, err)
		}
		var log bytes.Buffer
		l, err := Open(dir, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		w := ledgertest.NewWriter(l, "a/LOGS")
		w.At = w.At.Add(24 * time.Hour)
		if err := w.Reload(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := w.Fill(t.Context(), 2); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if account, err := ledger.Audit(t.Context(), l, "a/LOGS"); err != nil || account.Rev != 9 {
			t.Errorf("%s: the lane stands at %d, %v, want 9", name, account.Rev, err)
		}
		want := 1
		if len(tail) == 0 {
			want = 0
		}
		if n := strings.Count(log.String(), "torn line"); n != want {
			t.Errorf("%s: %d log lines, want %d: %s", name, n, want, log.String())
		}
		l.Close()
	}
}

// A spoiled byte anywhere but in the last line halts the lane, says where, and leaves the file and the other lanes alone.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	path := fill(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for at := 0; at < last; at += 37 {
		spoiled := slices.Clone(whole)
		spoiled[at] ^= 0x10
		checkDamage(t, dir, path, spoiled, fmt.Sprintf("byte %d", at))
	}
	for at := range whole[:last] {
		if whole[at] == '\n' {
			spoiled := slices.Clone(whole)
			spoiled[at] = ' '
			checkDamage(t, dir, path, spoiled, fmt.Sprintf("line feed at %d", at))
		}
	}
	checkDamage(t, dir, path, append(slices.Clip(whole), "\nx"...), "two bad lines")
	checkDamage(t, dir, path, nil, "an empty segment")
	checkDamage(t, dir, path, whole[:10], "a segment without a whole line")
	other, err := os.ReadFile(filepath.Join(dir, "lanes", "b@LOGS", "2026-11-23.ledger"))
	if err != nil {
		t.Fatal(err)
	}
	checkDamage(t, dir, path, other, "another lane's segment")
	newer := appendLine(nil, []byte(`{"v":2,"lane":"a/LOGS"}`))
	checkDamage(t, dir, path, append(slices.Clip(whole), newer...), "a record of another version")
}

func checkDamage(t *testing.T, dir, path string, content []byte, name string) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, dir)
	defer l.Close()
	w := ledgertest.NewWriter(l, "a/LOGS")
	for range 2 {
		if err := w.Reload(t.Context()); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Last gives %v, want ErrDamaged with the place", name, err)
		}
		if _, err := l.Append(t.Context(), "a/LOGS", w.Link(w.Next()), 0); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s: Append gives %v, want ErrDamaged", name, err)
		}
	}
	if _, err := ledger.Audit(t.Context(), l, "a/LOGS"); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("%s: Audit gives %v, want ErrDamaged", name, err)
	}
	other := ledgertest.NewWriter(l, "b/LOGS")
	if err := other.Reload(t.Context()); err != nil {
		t.Errorf("%s: another lane: %v", name, err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s: the damaged segment was changed, %v", name, err)
	}
}

// An old segment is not read to go on, so its damage does not halt the lane; the audit finds it.
func TestDamageOfOldSegment(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	old := filepath.Join(dir, "lanes", "a@LOGS", "2026-11-22.ledger")
	content, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, content[:len(content)-3], 0o600); err != nil { // torn, yet not the lane's last line
		t.Fatal(err)
	}
	l := mustOpen(t, dir)
	if _, rev, err := l.Last(t.Context(), "a/LOGS"); err != nil || rev != 8 {
		t.Errorf("the lane stands at %d, %v, want 8", rev, err)
	}
	if _, err := ledger.Audit(t.Context(), l, "a/LOGS"); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), old) {
		t.Errorf("Audit gives %v, want ErrDamaged with the place", err)
	}
}

// Old segments may be moved away: the account goes on from the checkpoint.
func TestArchived(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	l := mustOpen(t, dir)
	whole, err := ledger.Audit(t.Context(), l, "a/LOGS")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "lanes", "a@LOGS", "2026-11-22.ledger")); err != nil {
		t.Fatal(err)
	}
	rest, err := ledger.Audit(t.Context(), l, "a/LOGS")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, rest, cmpopts.IgnoreUnexported(ledger.Tally{})); diff != "" {
		t.Errorf("without its first day (-want +got):\n%s", diff)
	}
}

// What somebody else does to a segment under a running writer is noticed before anything is added to it, and by who reads it.
func TestForeignWriter(t *testing.T) {
	firstLine := func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] }
	tests := map[string]func(b []byte) []byte{
		"a torn end":        func(b []byte) []byte { return b[:len(b)-3] },
		"a record gone":     firstLine,
		"nothing whole":     func(b []byte) []byte { return b[:100] },
		"a record too many": func(b []byte) []byte { return append(b, firstLine(b)...) },
	}
	for name, change := range tests {
		dir := t.TempDir()
		l := mustOpen(t, dir)
		w := ledgertest.NewWriter(l, "a/LOGS")
		if _, err := w.Fill(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "lanes", "a@LOGS", "2026-11-22.ledger")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := change(slices.Clone(content))
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Audit(t.Context(), l, "a/LOGS"); len(changed) < len(content) && !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s: Audit gives %v, want ErrDamaged", name, err)
		}
		if _, err := w.Append(t.Context(), w.Next()); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s: Append gives %v, want ErrDamaged", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, changed) {
			t.Errorf("%s: the segment was changed, %v", name, err)
		}
		// The lane does not step back under its process.
		if _, rev, err := l.Last(t.Context(), "a/LOGS"); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s: Last then stands at %d, %v, want ErrDamaged", name, rev, err)
		}
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if _, rev, err := l.Last(t.Context(), "a/LOGS"); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s: Last of a lane taken away stands at %d, %v, want ErrDamaged", name, rev, err)
		}
	}
}

// A byte of the last line that spoils while the writer runs is no torn write: the line had been acknowledged.
func TestSpoiledUnderWriter(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	if _, err := ledgertest.NewWriter(l, "a/LOGS").Fill(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lanes", "a@LOGS", "2026-11-22.ledger")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-5] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Audit(t.Context(), l, "a/LOGS"); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("Audit gives %v, want ErrDamaged", err)
	}
}
