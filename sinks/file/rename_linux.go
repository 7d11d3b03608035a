package file

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// errNoLinks says that a file system offers no way to give a file its name without replacing another.
var errNoLinks = errors.New("this file system has neither hard links nor RENAME_NOREPLACE")

// renameNoReplace is Publish where link(2) failed with linkErr.
func renameNoReplace(temp, path string, linkErr error) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) {
		return fmt.Errorf("%w (%w)", errNoLinks, linkErr)
	}
	return &os.LinkError{Op: "rename", Old: temp, New: path, Err: err}
}
