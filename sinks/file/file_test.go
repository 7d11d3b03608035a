package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

func unit(name string, c codec.Codec, n int) *driver.Unit {
	u := &driver.Unit{Name: name, Codec: string(c), Refs: make([]driver.Ref, n)}
	for i := range u.Refs {
		u.Refs[i] = driver.Ref{Seq: uint64(i), Raw: fmt.Appendf(nil, `{"insertId":"%d","textPayload":"a line of a log, as long as they are, of about 200 bytes; `+
			`and one that does not repeat itself too often: %x %x","severity":"INFO","labels":{"a":"b"}}`, i, i*2654435761, i*40503)}
	}
	return u
}

func realDriver(t testing.TB, dir string) *Driver {
	t.Helper()
	o := Defaults()
	o.Dir = dir
	d, err := o.Open(t.Context(), driver.ToSink)
	if err != nil {
		t.Fatal(err)
	}
	return d.(*Driver)
}

func TestRealDisk(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	for _, c := range []codec.Codec{codec.JSON, codec.JSONGzip, codec.JSONZstd} {
		dir := filepath.Join(t.TempDir(), "a", "b")
		u := unit("x/y_S."+string(c), c, 1000)
		first, err := realDriver(t, dir).Write(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		if left := tempFiles(t, dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
		again, err := realDriver(t, dir).Write(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := os.ReadFile(filepath.Join(dir, u.Name))
		if err != nil {
			t.Fatal(err)
		}
		want := driver.Receipt{Bytes: int64(len(stored)), CRC32C: crc32.Checksum(stored, crc32.MakeTable(crc32.Castagnoli))}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
		want.Existed = true
		if diff := cmp.Diff(want, again); diff != "" {
			t.Errorf("%s, again: %s", c, diff)
		}
		modes := []os.FileMode{mode(t, filepath.Join(dir, u.Name)), mode(t, filepath.Join(dir, "x")), mode(t, dir)}
		if diff := cmp.Diff([]os.FileMode{0o640, 0o750, 0o750}, modes); diff != "" {
			t.Errorf("modes: %s", diff)
		}
	}
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func tempFiles(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, ".sluice", "tmp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestOpenRemovesWhatWritersLeft: and not what one is writing now.
func TestOpenRemovesWhatWritersLeft(t *testing.T) {
	dir := t.TempDir()
	temp := filepath.Join(dir, ".sluice", "tmp")
	if err := os.MkdirAll(temp, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(temp, "left"), []byte("torn"), 0o640); err != nil {
		t.Fatal(err)
	}
	living, err := osDisk{}.Create(filepath.Join(temp, "living"))
	if err != nil {
		t.Fatal(err)
	}
	realDriver(t, dir)
	if diff := cmp.Diff([]string{filepath.Join(temp, "living")}, tempFiles(t, dir)); diff != "" {
		t.Error(diff)
	}
	living.Close()
	realDriver(t, dir)
	if left := tempFiles(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNamesStayInside(t *testing.T) {
	dir := t.TempDir()
	d := realDriver(t, filepath.Join(dir, "out"))
	for _, name := range []string{"", ".", "..", "../x", "/etc/x", "a/../../x", ".sluice/tmp/x", ".sluice"} {
		if _, err := d.Write(t.Context(), unit(name, codec.JSON, 1)); driver.CodeOf(err) != driver.Misconfigured {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); !os.IsNotExist(err) {
		t.Errorf("written outside: %v", err)
	}
}

// TestWhatStandsInTheWay: things that are no files, at the name or on the way to it.
func TestWhatStandsInTheWay(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "folder"), 0o750))
	must(os.WriteFile(filepath.Join(dir, "file"), nil, 0o640))
	must(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o640))
	must(os.Symlink("nowhere", filepath.Join(dir, "link")))
	d := realDriver(t, dir)
	for name, want := range map[string]driver.Code{
		"folder": driver.Conflict, "pipe": driver.Conflict, "link": driver.Conflict, "file": driver.Conflict,
		"file/below": driver.Misconfigured,
	} {
		if _, err := d.Write(t.Context(), unit(name, codec.JSON, 1)); driver.CodeOf(err) != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := d.Write(t.Context(), unit("x", "json.br", 1)); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("unknown codec: %v", err)
	}
}

// TestFolderRemovedByOthers: the driver does not trust what it remembers once that fails.
func TestFolderRemovedByOthers(t *testing.T) {
	for _, removed := range []string{".", "a", ".sluice"} {
		dir := filepath.Join(t.TempDir(), "out")
		d := realDriver(t, dir)
		write := func(name string) error { _, err := d.Write(t.Context(), unit(name, codec.JSON, 1)); return err }
		if err := write("a/1"); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, removed)); err != nil {
			t.Fatal(err)
		}
		if err := write("a/2"); driver.CodeOf(err) != driver.Unavailable {
			t.Errorf("%s: got %v", removed, err)
		}
		if err := write("a/2"); err != nil {
			t.Errorf("%s, again: %v", removed, err)
		}
	}
}

// tracedDisk writes down the operations, and lets the output of Create meet an accident.
type tracedDisk struct {
	osDisk
	root  string
	trace *[]string
	sync  func()
	close error
}

func (d tracedDisk) note(op, path string) {
	rel, err := filepath.Rel(d.root, path)
	if err == nil && !strings.HasPrefix(rel, "..") {
		*d.trace = append(*d.trace, op+" "+rel)
	}
}

func (d tracedDisk) Mkdir(path string) error { d.note("mkdir", path); return d.osDisk.Mkdir(path) }
func (d tracedDisk) SyncDir(path string) error {
	d.note("sync", path)
	return d.osDisk.SyncDir(path)
}
func (d tracedDisk) Remove(path string) error {
	d.note("remove from", filepath.Dir(path))
	return d.osDisk.Remove(path)
}
func (d tracedDisk) Publish(temp, path string) error {
	d.note("publish", path)
	return d.osDisk.Publish(temp, path)
}
func (d tracedDisk) Create(path string) (output, error) {
	d.note("create in", filepath.Dir(path))
	out, err := d.osDisk.Create(path)
	return tracedOutput{out, d, filepath.Dir(path)}, err
}

type tracedOutput struct {
	output
	disk tracedDisk
	dir  string
}

func (f tracedOutput) Sync() error {
	f.disk.note("sync file in", f.dir)
	f.disk.sync()
	return f.output.Sync()
}

func (f tracedOutput) Close() error {
	f.disk.note("close in", f.dir)
	return errors.Join(f.output.Close(), f.disk.close)
}

func traced(t *testing.T) (*Options, tracedDisk) {
	root := t.TempDir()
	return &Options{Dir: filepath.Join(root, "out"), Layout: layout.Spec{Name: "hourly"}}, tracedDisk{root: root, trace: new([]string), sync: func() {}}
}

// TestOrderOfDurableOperations is the order on which the proof rests; a change here is a change of the protocol.
func TestOrderOfDurableOperations(t *testing.T) {
	o, disk := traced(t)
	d := open(o, driver.ToSink, disk)
	for _, name := range []string{"a/1", "a/2", "a/2"} {
		if _, err := d.Write(t.Context(), unit(name, codec.JSON, 1)); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Split(strings.TrimSpace(`
mkdir out
sync .
mkdir out/.sluice
sync out
mkdir out/.sluice/tmp
sync out/.sluice
create in out/.sluice/tmp
sync file in out/.sluice/tmp
mkdir out/a
sync out
publish out/a/1
sync out/a
close in out/.sluice/tmp
remove from out/.sluice/tmp
create in out/.sluice/tmp
sync file in out/.sluice/tmp
publish out/a/2
sync out/a
close in out/.sluice/tmp
remove from out/.sluice/tmp
sync out/a`), "\n")
	if diff := cmp.Diff(want, *disk.trace); diff != "" {
		t.Error(diff)
	}
}

func TestCloseErrorsAreWriteErrors(t *testing.T) {
	o, disk := traced(t)
	disk.close = syscall.EIO
	u := unit("x", codec.JSON, 1)
	if _, err := open(o, driver.ToSink, disk).Write(t.Context(), u); driver.CodeOf(err) != driver.Unavailable {
		t.Errorf("got %v", err)
	}
	if r, err := realDriver(t, o.Dir).Write(t.Context(), u); !r.Existed || err != nil {
		t.Errorf("the redo: %+v, %v", r, err)
	}
}

// TestCanceledBeforeTheNameIsGiven: a write whose context ends while the disk is slow makes nothing visible.
func TestCanceledBeforeTheNameIsGiven(t *testing.T) {
	o, disk := traced(t)
	ctx, cancel := context.WithCancel(t.Context())
	disk.sync = cancel
	if _, err := open(o, driver.ToSink, disk).Write(ctx, unit("x", codec.JSON, 1)); driver.CodeOf(err) != driver.Canceled {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "x")); !os.IsNotExist(err) {
		t.Errorf("it is visible: %v", err)
	}
}

func TestClassify(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	conflict := &driver.Error{Code: driver.Conflict}
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want driver.Code
	}{
		{t.Context(), &os.PathError{Err: syscall.EACCES}, driver.Misconfigured},
		{t.Context(), &os.LinkError{Err: syscall.EPERM}, driver.Misconfigured},
		{t.Context(), fmt.Errorf("x: %w", syscall.EROFS), driver.Misconfigured},
		{t.Context(), errors.Join(syscall.ENOTDIR, nil), driver.Misconfigured},
		{t.Context(), syscall.ENAMETOOLONG, driver.Misconfigured},
		{t.Context(), errNoLinks, driver.Misconfigured},
		{t.Context(), syscall.ENOSPC, driver.Unavailable},
		{t.Context(), syscall.EDQUOT, driver.Unavailable},
		{t.Context(), syscall.EIO, driver.Unavailable},
		{t.Context(), io.ErrShortWrite, driver.Unknown},
		{ended, syscall.EACCES, driver.Canceled},
		{ended, conflict, driver.Conflict},
	} {
		if got := driver.CodeOf(classify(c.ctx, c.err)); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

func TestRenameNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	temp, taken, free := filepath.Join(dir, "temp"), filepath.Join(dir, "taken"), filepath.Join(dir, "free")
	for _, path := range []string{temp, taken} {
		if err := os.WriteFile(path, []byte(path), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	err := renameNoReplace(temp, taken, syscall.EPERM)
	if errors.Is(err, errNoLinks) {
		return // this file system cannot; Publish says so
	}
	if !errors.Is(err, os.ErrExist) {
		t.Errorf("over another: %v", err)
	}
	if err := renameNoReplace(temp, free, syscall.EPERM); err != nil {
		t.Errorf("to a free name: %v", err)
	}
	if b, err := os.ReadFile(taken); string(b) != taken || err != nil {
		t.Errorf("it was replaced: %s %v", b, err)
	}
}

func TestOptions(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Dir = "./out dir"
	got, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"dir":"%s/out dir","layout":"hourly","compression":"none"}`, here)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON: %s", diff)
	}
	back := Defaults()
	if err := json.Unmarshal(got, back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("file://"+here+"/out%20dir/", back.Destination()); diff != "" || back.Destination() != o.Destination() {
		t.Errorf("destination: %s", diff)
	}
	bad := Options{Layout: layout.Spec{Name: "daily"}, Compression: "br"}
	var paths []string
	for _, p := range bad.Validate() {
		paths = append(paths, p.Path)
	}
	if diff := cmp.Diff([]string{"dir", "layout", "compression"}, paths); diff != "" || len(o.Validate()) != 0 {
		t.Errorf("problems: %s, %v", diff, o.Validate())
	}
}

func BenchmarkWrite50000(b *testing.B) {
	for _, c := range []codec.Codec{codec.JSON, codec.JSONGzip, codec.JSONZstd} {
		b.Run(string(c), func(b *testing.B) {
			d := realDriver(b, b.TempDir())
			u := unit("", c, 50_000)
			size := 0
			for i := range u.Refs {
				size += len(u.Refs[i].Raw) + 1
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				u.Name = fmt.Sprintf("x/%d", n)
				if _, err := d.Write(b.Context(), u); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
