package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/pipeline/ledger"
)

const segmentSuffix = ".ledger"

// segment is one file of a lane, as far as it is to be read.
type segment struct {
	path string
	size int64 // bytes to read; -1 = all that is there at the opening
	torn bool  // a bad last line is no damage: its writer may be at it, or may have died at it
}

// segmentName is the name of the segment of a day.
func segmentName(at time.Time) string { return at.UTC().Format(time.DateOnly) + segmentSuffix }

// listSegments gives the names of a lane's segments, oldest first; none when the folder is missing.
func listSegments(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var names []string
	for _, e := range entries {
		day, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if _, err := time.Parse(time.DateOnly, day); ok && err == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// read calls each with the JSON of every record of the segment, valid until each returns. It gives the bytes of the good lines.
func (s segment) read(each func(line int, canonical []byte) error) (int64, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return 0, fmt.Errorf("read segment: %w", err)
	}
	defer f.Close()
	size := s.size
	if size < 0 { // what is appended from now on is not read: a line half seen would look bad
		info, err := f.Stat()
		if err != nil {
			return 0, fmt.Errorf("read segment: %w", err)
		}
		size = info.Size()
	}
	good, err := eachLine(io.NewSectionReader(f, 0, size), each)
	if bad, ok := errors.AsType[*badLine](err); ok {
		if bad.last && s.torn {
			return good, nil
		}
		return good, s.damaged(bad)
	}
	if err == nil && good < size && s.size >= 0 {
		return good, s.damaged(fmt.Errorf("it ends at byte %d, and %d had been written", good, size))
	}
	return good, err
}

// damaged is the error of a segment that does not read as it was written, with its place and what to do.
func (s segment) damaged(why error) error {
	return fmt.Errorf("%w: %s: %w (put back an unspoiled copy of this file)", ledger.ErrDamaged, s.path, why)
}

// decode reads a record and checks that it is of the lane.
func (s segment) decode(lane string, line int, canonical []byte) (ledger.Record, error) {
	r, err := ledger.Unmarshal(canonical)
	if err != nil {
		return r, s.damaged(fmt.Errorf("line %d: %w", line, err))
	}
	if r.Lane != lane {
		return r, s.damaged(fmt.Errorf("line %d: a record of lane %q in the folder of lane %q", line, r.Lane, lane))
	}
	return r, nil
}

// errEnough stops the reading of a segment.
var errEnough = errors.New("enough")

// first gives the segment's first record.
func (s segment) first(lane string) (ledger.Record, error) {
	var first ledger.Record
	_, err := s.read(func(line int, canonical []byte) error {
		var err error
		if first, err = s.decode(lane, line, canonical); err != nil {
			return err
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		return first, nil
	}
	if err == nil {
		err = s.damaged(errors.New("no record in it"))
	}
	return first, err
}

// last gives the canonical JSON of the last record of the segment, checkpoints apart, and the bytes of its good lines.
func (s segment) last(lane string) (ledger.Record, []byte, int64, error) {
	var canonical []byte
	line := 0
	good, err := s.read(func(n int, b []byte) error {
		canonical, line = append(canonical[:0], b...), n
		return nil
	})
	if err != nil {
		return ledger.Record{}, nil, good, err
	}
	if line == 0 { // segments are begun whole, with a record
		return ledger.Record{}, nil, good, s.damaged(errors.New("no record in it"))
	}
	r, err := s.decode(lane, line, canonical)
	if err != nil || r.Kind != ledger.KindCheckpoint {
		return r, canonical, good, err
	}
	if r.Last == nil {
		return r, nil, good, s.damaged(errors.New("the checkpoint holds no record"))
	}
	canonical, err = r.Last.Marshal()
	return *r.Last, canonical, good, err
}

// scan yields the records after from of a lane's segments, which stand oldest first.
func scan(ctx context.Context, lane string, segments []segment, from ledger.Rev, yield func(ledger.Rev, ledger.Record) error) error {
	segments, err := skipOld(lane, segments, from)
	if err != nil {
		return err
	}
	for _, s := range segments {
		_, err := s.read(func(line int, canonical []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, err := s.decode(lane, line, canonical)
			if err != nil || r.N <= uint64(from) {
				return err
			}
			return yield(ledger.Rev(r.N), r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// skipOld leaves away the segments before the last one whose checkpoint stands at or before from.
func skipOld(lane string, segments []segment, from ledger.Rev) ([]segment, error) {
	if from == 0 {
		return segments, nil
	}
	for i := len(segments) - 1; i > 0; i-- {
		first, err := segments[i].first(lane)
		if err != nil {
			return nil, err
		}
		if first.N <= uint64(from) {
			return segments[i:], nil
		}
	}
	return segments, nil
}

// folderSegments gives the segments of a lane's folder as another process may read them: the newest may be being written.
func folderSegments(folder string) ([]segment, error) {
	names, err := listSegments(folder)
	if err != nil {
		return nil, err
	}
	segments := make([]segment, len(names))
	for i, name := range names {
		segments[i] = segment{path: filepath.Join(folder, name), size: -1, torn: i == len(names)-1}
	}
	return segments, nil
}
