package file

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sluice/pipeline/ledger"
)

var _ ledger.Reader = (*Reader)(nil)

// Reader reads the ledger of another process, or of none: it takes no lock and changes nothing. It sees each lane up to its last
// whole line, which may be a moment from being durable. Segments that are moved away meanwhile may make it fail.
type Reader struct{ store }

// OpenReader opens the ledger in the folder dir for reading.
func OpenReader(dir string) (*Reader, error) {
	r := &Reader{store{dir: dir}}
	info, err := os.Stat(r.lanesDir())
	if errors.Is(err, os.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, fmt.Errorf("read ledger: %s holds no ledger (no folder lanes in it)", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return r, nil
}

// Last is ledger.Ledger's, up to the last whole line on disk.
func (r *Reader) Last(_ context.Context, lane string) (ledger.Record, ledger.Rev, error) {
	segments, err := r.segments(lane)
	if err != nil || len(segments) == 0 {
		return ledger.Record{}, 0, err
	}
	last, _, _, err := segments[len(segments)-1].last(lane)
	if err != nil {
		return ledger.Record{}, 0, fmt.Errorf("last of lane %s: %w", lane, err)
	}
	return last, ledger.Rev(last.N), nil
}

// Scan is ledger.Ledger's, up to the last whole line on disk.
func (r *Reader) Scan(ctx context.Context, lane string, from ledger.Rev, yield func(ledger.Rev, ledger.Record) error) error {
	segments, err := r.segments(lane)
	if err != nil {
		return err
	}
	return scan(ctx, lane, segments, from, yield)
}

func (r *Reader) segments(lane string) ([]segment, error) {
	folder, err := r.folder(lane)
	if err != nil {
		return nil, err
	}
	segments, err := folderSegments(folder)
	if err != nil {
		return nil, fmt.Errorf("read lane %s: %w", lane, err)
	}
	return segments, nil
}
