package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	fileMode   = 0o600
	folderMode = 0o700
	tempName   = ".tmp" // what is being written and is not there yet
)

// disk is what the ledger asks of the file system in order to change it. Tests put one that fails in its place.
type disk interface {
	Open(path string) (diskFile, error)   // to append to what exists
	Create(path string) (diskFile, error) // empty
	Rename(from, to string) error
	Mkdir(path string) error
	SyncDir(path string) error
}

type diskFile interface {
	io.WriteCloser
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
}

type osDisk struct{}

type osFile struct{ *os.File }

func (osDisk) Open(path string) (diskFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return osFile{f}, err
}

func (osDisk) Create(path string) (diskFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	return osFile{f}, err
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Mkdir(path string) error { return os.Mkdir(path, folderMode) }

func (osDisk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// writeWhole makes a file durable in an existing folder: all of it or nothing, in place of one with the same name.
func writeWhole(d disk, folder, name string, content []byte) error {
	temp := filepath.Join(folder, tempName)
	f, err := d.Create(temp)
	if err != nil {
		return err
	}
	if err := writeSync(f, content); err != nil {
		return err
	}
	if err := d.Rename(temp, filepath.Join(folder, name)); err != nil {
		return err
	}
	return d.SyncDir(folder)
}

// writeSync writes, syncs and closes.
func writeSync(f diskFile, content []byte) error {
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// makeFolder makes a folder and those above it that are missing, durably, and syncs the folder it stands in even if nothing was
// missing: a process that made it may have died before it did.
func makeFolder(d disk, path string) error {
	parent := filepath.Dir(path)
	if _, err := os.Stat(parent); errors.Is(err, os.ErrNotExist) && parent != path {
		if err := makeFolder(d, parent); err != nil {
			return err
		}
	}
	if err := d.Mkdir(path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := d.SyncDir(parent); err != nil {
		return fmt.Errorf("make folder %s: %w", path, err)
	}
	return nil
}
