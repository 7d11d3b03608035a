package jetstream

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
)

// mendStreams completes what a crash left of streams that were being made, before the server of the folder starts. The server
// writes a stream's meta.inf and then its meta.sum. A stream that has only the first it passes over at every start, and makes
// another one of it when asked for it, with the old messages but a new time of creation, again without meta.sum (nats-server
// 2.15, filestore.go). Without meta.inf it writes both. Nobody has been told of such a stream yet, so that its time of creation
// may change this once.
func mendStreams(dir string) error {
	streams := filepath.Join(dir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams")
	all, err := os.ReadDir(streams)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // the server says what is wrong with its folder
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for unfinished streams: %w", err)
	}
	for _, s := range all {
		_, err := os.Stat(filepath.Join(streams, s.Name(), server.JetStreamMetaFileSum))
		if err == nil {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = os.Remove(filepath.Join(streams, s.Name(), server.JetStreamMetaFile))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("mend stream %s: %w", s.Name(), err)
		}
	}
	return nil
}
