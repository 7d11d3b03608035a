package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// maxFolders bounds the memory of folders known to be durable; beyond it they are synced anew.
const maxFolders = 50_000

// folders makes folders and remembers which ones this process has seen durable. A folder that stood there before may be a
// crashed process's, made and never synced: so each is synced once, whoever made it.
type folders struct {
	disk    disk
	mu      sync.Mutex
	durable map[string]bool
	doubts  int // how often forget was called
}

func newFolders(d disk) *folders { return &folders{disk: d, durable: make(map[string]bool)} }

// forget makes the next make look again: a folder may have been removed by others.
func (f *folders) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.durable)
	f.doubts++
}

// make makes a folder and all above it, and their names durable. Several may be at it at once, also for the same folder.
func (f *folders) make(path string) error {
	parent := filepath.Dir(path)
	known, doubts := f.knows(path)
	if known || parent == path {
		return nil
	}
	if err := f.make(parent); err != nil {
		return err
	}
	made, err := f.mkdir(path)
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	err = f.disk.SyncDir(parent)
	// Folders above dir may be closed to us; those that we did not make were there before us.
	if err != nil && (made || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS)) {
		return fmt.Errorf("sync folder: %w", err)
	}
	f.learn(path, doubts)
	return nil
}

func (f *folders) knows(path string) (known bool, doubts int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.durable[path], f.doubts
}

// learn remembers a folder as durable, unless folders have been forgotten since doubts was counted.
func (f *folders) learn(path string, doubts int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.doubts != doubts {
		return
	}
	if len(f.durable) >= maxFolders {
		clear(f.durable)
	}
	f.durable[path] = true
}

// mkdir makes one folder, unless it stands there.
func (f *folders) mkdir(path string) (made bool, err error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return false, nil
	case err == nil:
		return false, &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	err = f.disk.Mkdir(path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil // by another process, a moment ago
	}
	return err == nil, err
}
