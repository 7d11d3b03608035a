package file

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/logentry"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

var _ driver.Driver = (*Driver)(nil)

// Driver writes units as files.
type Driver struct {
	dir      string // absolute
	temp     string // <dir>/.sluice/tmp
	layout   *layout.Layout
	encoding *codec.Encoding
	disk     disk
	folders  *folders
}

func open(o *Options, as driver.To, d disk) *Driver {
	dir := absolute(o.Dir)
	drv := &Driver{
		dir:      dir,
		temp:     filepath.Join(dir, ".sluice", "tmp"),
		layout:   o.Layout.Layout(),
		encoding: codec.NewEncoding(o.Format, o.Compression, o.Columns),
		disk:     d,
		folders:  newFolders(d),
	}
	if as == driver.ToDeadLetter {
		drv.layout, drv.encoding = layout.DeadLetters(), codec.NewEncoding(codec.FormatJSON, codec.None, nil)
	}
	drv.removeAbandoned()
	return drv
}

// Properties: exactly once, no limits; manifests, but no origins beside the content.
func (d *Driver) Properties() driver.Properties {
	return driver.Properties{Kind: "file", Guarantee: driver.ExactlyOnce, Fields: d.layout.Fields(), Manifests: true}
}

// Key is the layout's.
func (d *Driver) Key(dst []byte, e *logentry.Entry) []byte { return d.layout.Key(dst, e) }

// Prepare has nothing to do: folders are made by Write.
func (d *Driver) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }

// Plan is the layout's: a file a group.
func (d *Driver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	p := d.layout.Plan(b, d.encoding.Extension())
	d.encoding.Label(p.Units)
	p.Next = s
	return p, nil
}

// Write makes the unit's file appear, whole, and durable with all folders above it. A file that stands there is compared decoded.
// An fsync cannot be interrupted: on a disk that hangs Write outlives its context.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.write(ctx, u)
	if err != nil {
		return driver.Receipt{}, classify(ctx, err)
	}
	return receipt, nil
}

// write goes the whole way. A crash may leave:
//   - folders without files, perhaps not durable: every process syncs each folder it uses once (folders.go);
//   - a temporary file, empty, torn or whole: without a lock, removed at the next Open;
//   - the file under its name, its bytes durable, its name perhaps not, the temporary file beside it: settle syncs the folder.
func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	path, err := d.path(u)
	if err != nil {
		return driver.Receipt{}, err
	}
	receipt, err := d.settle(ctx, path, u)
	if !errors.Is(err, fs.ErrNotExist) {
		return receipt, err
	}
	if err := d.folders.make(d.temp); err != nil {
		return driver.Receipt{}, err
	}
	temp := filepath.Join(d.temp, rand.Text())
	out, err := d.disk.Create(temp)
	if err != nil {
		d.folders.forget()
		return driver.Receipt{}, fmt.Errorf("create temporary file: %w", err)
	}
	receipt, err = d.fill(ctx, out, u)
	if err == nil {
		err = d.publish(temp, path)
	}
	// Closed only now: its lock keeps others from cleaning it away. A close error is a write error; the redo compares.
	err = errors.Join(err, out.Close())
	_ = d.disk.Remove(temp) // what stays is cleaned at the next Open
	if errors.Is(err, fs.ErrExist) {
		return d.settle(ctx, path, u)
	}
	return receipt, err
}

// path places a unit's name below dir; a manifest's below .sluice.
func (d *Driver) path(u *driver.Unit) (string, error) {
	local := filepath.FromSlash(u.Name)
	if !filepath.IsLocal(local) || local == "." || local == ".sluice" || strings.HasPrefix(u.Name, ".sluice/") {
		return "", &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("the name %q leads out of the destination", u.Name)}
	}
	if u.To == driver.ToManifest {
		return filepath.Join(d.dir, ".sluice", local), nil
	}
	return filepath.Join(d.dir, local), nil
}

// settle compares what stands under the name with the unit and, when equal, makes sure that the name is durable; the bytes are,
// for no file gets its name before. It returns fs.ErrNotExist when nothing stands there.
func (d *Driver) settle(ctx context.Context, path string, u *driver.Unit) (driver.Receipt, error) {
	f, err := openRegular(path)
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("look for file: %w", err)
	}
	receipt, equal, err := d.encoding.Compare(ctx, f, u)
	if err = errors.Join(err, f.Close()); err != nil {
		return driver.Receipt{}, fmt.Errorf("compare with %s: %w", path, err)
	}
	if !equal {
		return driver.Receipt{}, conflict(path, u)
	}
	return receipt, d.syncNames(path)
}

// conflict describes the other content: of a manifest its body.
func conflict(path string, u *driver.Unit) error {
	other := &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("%s holds other content", path)}
	if u.To != driver.ToManifest {
		return other
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if json.Valid(body) { // else it is no manifest, and nothing is known
		other.Found = bytes.TrimSuffix(body, []byte("\n"))
	}
	return other
}

// fill encodes the unit into the temporary file and makes its bytes durable.
func (d *Driver) fill(ctx context.Context, out output, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.encoding.Encode(ctx, out, u)
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("write temporary file: %w", err)
	}
	if err := out.Sync(); err != nil {
		return driver.Receipt{}, fmt.Errorf("sync temporary file: %w", err)
	}
	return receipt, context.Cause(ctx)
}

// publish gives the file its name and makes that durable.
func (d *Driver) publish(temp, path string) error {
	if err := d.folders.make(filepath.Dir(path)); err != nil {
		return err
	}
	if err := d.disk.Publish(temp, path); err != nil {
		d.folders.forget()
		return fmt.Errorf("publish: %w", err)
	}
	return d.syncNames(path)
}

// syncNames makes a file's name durable, and those of the folders that lead to it.
func (d *Driver) syncNames(path string) error {
	folder := filepath.Dir(path)
	if err := d.folders.make(folder); err != nil {
		return err
	}
	if err := d.disk.SyncDir(folder); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// removeAbandoned cleans up after writers that are gone. What cannot be removed does no harm.
func (d *Driver) removeAbandoned() {
	entries, err := os.ReadDir(d.temp)
	if err != nil {
		return
	}
	for _, e := range entries {
		if path := filepath.Join(d.temp, e.Name()); abandoned(path) {
			_ = d.disk.Remove(path)
		}
	}
}

// Close has nothing to free.
func (d *Driver) Close() error { return nil }
