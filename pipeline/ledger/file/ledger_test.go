package file

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/ledgertest"
)

func TestConformance(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) (ledger.Ledger, func() ledger.Ledger) {
		dir := t.TempDir()
		l := mustOpen(t, dir)
		return l, func() ledger.Ledger {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustOpen(t, dir)
			return l
		}
	})
}

func mustOpen(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	_, err := Open(dir, nil)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("(process %d): stop it", os.Getpid())) {
		t.Errorf("a second Open gives %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir).Close()
	if _, err := ledgertest.NewWriter(l, "a/LOGS").Fill(t.Context(), 1); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append to a closed ledger gives %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("a second Close gives %v", err)
	}
}

// The ledger may hold names and addresses of people: nobody else reads it.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "ledger")
	l := mustOpen(t, dir)
	if _, err := ledgertest.NewWriter(l, "a/LOGS").Fill(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := l.PutConfig(t.Context(), ledger.ConfigHash(nil), nil); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		want := fs.FileMode(fileMode)
		if e.IsDir() {
			want = folderMode
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil || files != 3 {
		t.Errorf("%d files, %v, want 3: lock, segment, configuration", files, err)
	}
}

// The text of a segment is a stored format: a change of it is a change of what old files mean.
func TestSegmentText(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	w := ledgertest.NewWriter(l, "a/LOGS")
	for range 2 {
		if _, err := w.Append(t.Context(), ledger.Record{Kind: ledger.KindOpen, Epoch: 1}); err != nil {
			t.Fatal(err)
		}
		w.At = w.At.Add(24 * time.Hour)
	}
	want := map[string]string{
		"2026-11-22.ledger": `e69211a0 109 {"v":1,"lane":"a/LOGS","epoch":1,"n":1,"kind":"open","at":"2026-11-22T10:00:00Z","nonce":"w-1","committed":0}` + "\n",
		"2026-11-23.ledger": `d6bfde95 391 {"v":1,"lane":"a/LOGS","epoch":1,"n":1,"kind":"checkpoint","at":"2026-11-23T10:00:00Z","nonce":"","prev":"c69cbf7401a33ea36ee89a24056c39e9b707f657c80755207864661de7ec9e4d","committed":0,"last":{"v":1,"lane":"a/LOGS","epoch":1,"n":1,"kind":"open","at":"2026-11-22T10:00:00Z","nonce":"w-1","committed":0},"tally":{"counts":{"messages":0,"examined":0},"objects":0,"bytes":0,"lost":0,"plans":0}}` + "\n" +
			`c720e0a9 183 {"v":1,"lane":"a/LOGS","epoch":1,"n":2,"kind":"open","at":"2026-11-23T10:00:00Z","nonce":"w-2","prev":"c69cbf7401a33ea36ee89a24056c39e9b707f657c80755207864661de7ec9e4d","committed":0}` + "\n",
	}
	for name, want := range want {
		got, err := os.ReadFile(filepath.Join(dir, "lanes", "a@LOGS", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A configuration that was spoiled on disk is not given out, and a process that stores it again mends it.
func TestSpoiledConfig(t *testing.T) {
	dir := t.TempDir()
	config := []byte(`{"filter":"a"}`)
	hash := ledger.ConfigHash(config)
	path := filepath.Join(dir, "configs", hash+".json")
	l := mustOpen(t, dir)
	if err := l.PutConfig(t.Context(), hash, config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"filter":"b"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Config(t.Context(), hash); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("Config gives %v, want ErrDamaged", err)
	}
	l.Close()
	l = mustOpen(t, dir)
	if err := l.PutConfig(t.Context(), hash, config); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Config(t.Context(), hash); err != nil || string(got) != string(config) {
		t.Errorf("Config gives %s, %v", got, err)
	}
}

// A reader follows a ledger that is being written, without its lock.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	w := ledgertest.NewWriter(l, "a/LOGS")
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ledger.Rev(12) {
		if _, rev, err := r.Last(t.Context(), "a/LOGS"); err != nil || rev != i {
			t.Fatalf("the reader sees the lane at %d, %v, want %d", rev, err, i)
		}
		if account, err := ledger.Audit(t.Context(), r, "a/LOGS"); err != nil || account.Rev != i {
			t.Fatalf("the reader's audit stands at %d, %v, want %d", account.Rev, err, i)
		}
		if _, err := w.Fill(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		w.At = w.At.Add(9 * time.Hour)
	}
	if lanes, err := r.Lanes(t.Context()); err != nil || !slices.Equal(lanes, []string{"a/LOGS"}) {
		t.Errorf("lanes: %q, %v", lanes, err)
	}
	if _, err := OpenReader(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no ledger") {
		t.Errorf("OpenReader of a folder without a ledger gives %v", err)
	}
}

// Lanes by the thousand cost no file and no goroutine each.
func TestManyLanesAreCheap(t *testing.T) {
	const lanes = 300
	l := mustOpen(t, t.TempDir())
	before := runtime.NumGoroutine()
	var group sync.WaitGroup
	for worker := range 20 {
		group.Go(func() {
			for i := worker; i < lanes; i += 20 {
				if _, err := ledgertest.NewWriter(l, fmt.Sprintf("route-%d/LOGS", i)).Fill(t.Context(), 1); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if after := runtime.NumGoroutine(); after > before+lanes/10 { // the workers may be still on their way out
		t.Errorf("%d goroutines, %d before", after, before)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err == nil && len(files) > 100 {
		t.Errorf("%d open files", len(files))
	}
	if names, err := l.Lanes(t.Context()); err != nil || len(names) != lanes {
		t.Errorf("%d lanes, %v", len(names), err)
	}
}
