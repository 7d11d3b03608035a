package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrLocked says that another process writes to the ledger.
var ErrLocked = errors.New("held by another process")

// lockFolder takes the folder for this process until the file is closed or the process ends, in whatever way it ends.
func lockFolder(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("lock ledger: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = writePID(f)
	}
	if err == nil {
		return f, nil
	}
	f.Close() // nothing was written that matters
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("ledger %s: %w%s: stop it, or give this one a ledger folder of its own", dir, ErrLocked, holder(path))
	}
	return nil, fmt.Errorf("lock ledger %s: %w", dir, err)
}

// writePID leaves word for people; nothing reads it but the message.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f, "%d\n", os.Getpid())
	return err
}

func holder(path string) string {
	pid, err := os.ReadFile(path)
	if err != nil || len(pid) == 0 {
		return ""
	}
	return fmt.Sprintf(" (process %s)", strings.TrimSpace(string(pid)))
}
