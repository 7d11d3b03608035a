package file

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"sluice/sinks/sinktest"
)

// steppedDisk lets every operation pass through Steps.
type steppedDisk struct {
	disk
	steps *sinktest.Steps
}

func (d steppedDisk) Mkdir(path string) error {
	return d.steps.Do("mkdir", func() error { return d.disk.Mkdir(path) })
}

func (d steppedDisk) Create(path string) (out output, err error) {
	err = d.steps.Do("create", func() error { out, err = d.disk.Create(path); return err })
	return steppedOutput{out, d.steps}, err
}

func (d steppedDisk) Publish(temp, path string) error {
	return d.steps.Do("publish", func() error { return d.disk.Publish(temp, path) })
}

func (d steppedDisk) SyncDir(path string) error {
	return d.steps.Do("sync folder", func() error { return d.disk.SyncDir(path) })
}

func (d steppedDisk) Remove(path string) error {
	return d.steps.Do("remove", func() error { return d.disk.Remove(path) })
}

type steppedOutput struct {
	output
	steps *sinktest.Steps
}

// Write that is stopped before it happens still tears: half of the bytes arrive.
func (f steppedOutput) Write(p []byte) (n int, err error) {
	half := true
	err = f.steps.Do("write", func() error { half = false; n, err = f.output.Write(p); return err })
	if half {
		n, _ = f.output.Write(p[:len(p)/2])
	}
	return n, err
}

func (f steppedOutput) Sync() error { return f.steps.Do("sync", f.output.Sync) }

// Close always closes: the end of a process closes its files too.
func (f steppedOutput) Close() error {
	closed := false
	err := f.steps.Do("close", func() error { closed = true; return f.output.Close() })
	if !closed {
		f.output.Close()
	}
	return err
}

// forgetfulDisk is a disk that at a power loss forgets every name and every byte that was not synced. Its own syncs are notes
// only, for speed.
type forgetfulDisk struct {
	osDisk
	mu     *sync.Mutex
	names  map[string]bool // path → its name is not durable
	torn   map[string]bool // path → its bytes are not durable
	linked map[string]string
}

func newForgetfulDisk() forgetfulDisk {
	return forgetfulDisk{mu: new(sync.Mutex), names: make(map[string]bool), torn: make(map[string]bool), linked: make(map[string]string)}
}

func (d forgetfulDisk) remember(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d forgetfulDisk) Mkdir(path string) error {
	err := d.osDisk.Mkdir(path)
	if err == nil {
		d.remember(func() { d.names[path] = true })
	}
	return err
}

func (d forgetfulDisk) Create(path string) (output, error) {
	out, err := d.osDisk.Create(path)
	if err == nil {
		d.remember(func() { d.names[path], d.torn[path] = true, true })
	}
	return forgetfulOutput{out, d, path}, err
}

func (d forgetfulDisk) Publish(temp, path string) error {
	err := d.osDisk.Publish(temp, path)
	if err == nil {
		d.remember(func() { d.names[path], d.linked[path] = true, temp })
	}
	return err
}

func (d forgetfulDisk) SyncDir(path string) error {
	_, err := os.Stat(path)
	if err == nil {
		d.remember(func() {
			for name := range d.names {
				if filepath.Dir(name) == path {
					delete(d.names, name)
				}
			}
		})
	}
	return err
}

// powerLoss tears files first, and then takes names away, with all that is below them.
func (d forgetfulDisk) powerLoss() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, temp := range d.linked {
		info, err := os.Stat(path)
		if err == nil && d.torn[temp] {
			err = os.Truncate(path, info.Size()/2)
		}
		if err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	for name := range d.names {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		for path := range d.linked {
			if path == name || strings.HasPrefix(path, name+"/") {
				delete(d.linked, path)
			}
		}
	}
	clear(d.names)
	return nil
}

type forgetfulOutput struct {
	output
	disk forgetfulDisk
	path string
}

func (f forgetfulOutput) Sync() error {
	f.disk.remember(func() { delete(f.disk.torn, f.path) })
	return nil
}
