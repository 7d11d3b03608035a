package driver

import (
	"context"
	"io"
)

// DeadReader is implemented by drivers that can give back the dead letters that they wrote, so that a replay works also when the
// stream holds the entries no more.
type DeadReader interface {
	// ReadDead opens what Write stored as the unit of this name, of a driver that was opened for ToDeadLetter: NDJSON. Every error
	// is an *Error; fs.ErrNotExist is in its chain when nothing stands there. The caller closes what it gets.
	ReadDead(ctx context.Context, name string) (io.ReadCloser, error)
}
