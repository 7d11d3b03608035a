package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

const (
	fileMode   = 0o640
	folderMode = 0o750
)

// disk is the operations that a unit's way to durability is made of, so that a test can stop between any two of them. A path is
// absolute; errors are those of package os.
type disk interface {
	Mkdir(path string) error
	Create(path string) (output, error) // new, locked
	Publish(temp, path string) error    // gives a whole file its name; fs.ErrExist when that is taken
	SyncDir(path string) error
	Remove(path string) error
}

// output is a temporary file being written.
type output interface {
	io.Writer
	Sync() error
	Close() error
}

// osDisk is the real one.
type osDisk struct{}

func (osDisk) Mkdir(path string) error { return os.Mkdir(path, folderMode) }

func (osDisk) Create(path string) (output, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	// Without locks on this file system the file merely stays behind after a crash: whoever cleans gets no lock either.
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return f, nil
}

// Publish links, because link(2) never replaces; where there are no hard links, it renames without replacing.
func (osDisk) Publish(temp, path string) error {
	err := os.Link(temp, path)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return renameNoReplace(temp, path, err)
	}
	return err
}

// SyncDir makes the names in a folder durable. A file system that cannot fsync folders (EINVAL, EOPNOTSUPP) offers nothing better.
func (osDisk) SyncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

func (osDisk) Remove(path string) error { return os.Remove(path) }

// abandoned says whether no process writes to a temporary file any more.
func abandoned(path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// openRegular opens a file for reading, unless something else than a file has its name; that is errNotRegular.
func openRegular(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() != 0 {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	return os.Open(path)
}

var errNotRegular = errors.New("not a regular file")
