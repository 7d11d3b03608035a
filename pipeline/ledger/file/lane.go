package file

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"sluice/pipeline/ledger"
)

// lane is what the one writer knows of a lane.
type lane struct {
	name string

	mu   sync.Mutex // guards the lane's files and all below
	seen ledger.Rev // the highest rev that this process was sure of: the lane never steps back under it
	known
}

// known is what the disk holds of a lane, durably.
type known struct {
	loaded  bool
	folder  string
	segment string // name of the newest; "" when there is none
	size    int64  // of the newest
	rev     ledger.Rev
	last    []byte        // canonical JSON of the last record; bytes, since a caller's record may hold on to its entries
	head    string        // its hash
	tally   *ledger.Tally // the account up to rev; nil: not needed yet
}

// load reads from disk what is not known of a lane. Called with the lane's lock held.
func (l *Ledger) load(ctx context.Context, ln *lane) error {
	if err := l.stopped(); err != nil {
		return err
	}
	if ln.loaded {
		return ctx.Err()
	}
	folder, err := l.folder(ln.name)
	if err != nil {
		return err
	}
	names, err := listSegments(folder)
	if err != nil {
		return err
	}
	ln.known = known{folder: folder}
	if len(names) == 0 && ln.seen > 0 {
		return ln.steppedBack(folder)
	}
	if len(names) == 0 {
		ln.tally = new(ledger.Tally)
		ln.loaded = true
		return ctx.Err()
	}
	ln.segment = names[len(names)-1]
	return l.change(ctx, func() error { return l.loadSegment(ln) })
}

// loadSegment takes in the newest segment, cuts a torn last line off, and makes durable what it believes: a process that died
// between write and fsync left a record that a power cut would still undo.
func (l *Ledger) loadSegment(ln *lane) error {
	s := segment{path: filepath.Join(ln.folder, ln.segment), size: -1, torn: true}
	r, canonical, good, err := s.last(ln.name)
	if err != nil {
		return err
	}
	if ledger.Rev(r.N) < ln.seen {
		return ln.steppedBack(s.path)
	}
	f, err := l.disk.Open(s.path)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	size, err := f.Size()
	if err == nil && size > good {
		l.log.Warn("the ledger ended in a torn line, never acknowledged: truncated",
			"lane", ln.name, "segment", s.path, "offset", good, "bytes", size-good)
		err = f.Truncate(good)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = l.disk.SyncDir(ln.folder)
	}
	if err != nil {
		return l.breaks(err)
	}
	ln.take(r, canonical, good)
	ln.loaded = true
	return nil
}

func (ln *lane) steppedBack(path string) error {
	return fmt.Errorf("%w: %s: record %d was there and is no more (put it back, then start again)", ledger.ErrDamaged, path, ln.seen)
}

// take moves on to r, which the disk holds for certain; its segment then has so many bytes.
func (ln *lane) take(r ledger.Record, canonical []byte, size int64) {
	ln.rev, ln.last, ln.head, ln.size = ledger.Rev(r.N), canonical, ledger.HashOf(canonical), size
	ln.seen = ln.rev
}

// write makes a record durable and takes it in.
func (l *Ledger) write(ln *lane, r ledger.Record, canonical []byte) error {
	var size int64
	var err error
	if name := segmentName(r.At); ln.segment == "" || name > ln.segment {
		size, err = l.begin(ln, r, name, canonical)
		if err == nil {
			ln.segment = name
		}
	} else {
		size, err = l.extend(ln, canonical)
	}
	if err != nil {
		return err
	}
	ln.take(r, canonical, size)
	if ln.tally != nil {
		ln.tally.Add(r)
	}
	return nil
}

// extend appends a record to the newest segment and gives the segment's new size.
func (l *Ledger) extend(ln *lane, canonical []byte) (int64, error) {
	s := segment{path: filepath.Join(ln.folder, ln.segment)}
	f, err := l.disk.Open(s.path)
	if err != nil {
		return 0, fmt.Errorf("open segment: %w", err)
	}
	size, err := f.Size()
	if err == nil && size != ln.size {
		err = s.damaged(fmt.Errorf("it has %d bytes, and %d had been written: somebody else changed it", size, ln.size))
	}
	if err != nil {
		f.Close() // nothing was written
		return 0, err
	}
	line := appendLine(nil, canonical)
	if err := writeSync(f, line); err != nil {
		return 0, l.breaks(err)
	}
	return size + int64(len(line)), nil
}

// begin begins a segment, with a checkpoint unless it is the lane's first, and gives its size.
func (l *Ledger) begin(ln *lane, r ledger.Record, name string, canonical []byte) (int64, error) {
	var lines []byte
	if ln.segment == "" {
		if err := makeFolder(l.disk, ln.folder); err != nil {
			return 0, l.breaks(err)
		}
	} else {
		checkpoint, err := l.checkpoint(ln, r)
		if err != nil {
			return 0, err
		}
		lines = appendLine(lines, checkpoint)
	}
	lines = appendLine(lines, canonical)
	if err := writeWhole(l.disk, ln.folder, name, lines); err != nil {
		return 0, l.breaks(err)
	}
	return int64(len(lines)), nil
}

// checkpoint gives the canonical JSON of the checkpoint between the lane's last record and r.
func (l *Ledger) checkpoint(ln *lane, r ledger.Record) ([]byte, error) {
	if err := foldTally(ln); err != nil {
		return nil, err
	}
	last, err := ledger.Unmarshal(ln.last)
	if err != nil {
		return nil, err
	}
	return ledger.Record{
		V: ledger.Version, Lane: ln.name, Epoch: last.Epoch, N: last.N, Kind: ledger.KindCheckpoint, At: r.At,
		Prev: ln.head, Committed: last.Committed, Last: &last, Tally: ln.tally,
	}.Marshal()
}

// foldTally brings the lane's account up to its last record: once, at the first new day of a process.
func foldTally(ln *lane) error {
	if ln.tally != nil {
		return nil
	}
	var tally ledger.Tally
	s := segment{path: filepath.Join(ln.folder, ln.segment), size: ln.size}
	_, err := s.read(func(line int, canonical []byte) error {
		r, err := s.decode(ln.name, line, canonical)
		if err == nil {
			tally.Add(r)
		}
		return err
	})
	if err != nil {
		return err
	}
	ln.tally = &tally
	return nil
}
