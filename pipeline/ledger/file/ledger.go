package file

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"sluice/pipeline/ledger"
)

var _ ledger.Ledger = (*Ledger)(nil)

// writers is how many lanes are made durable at the same moment. The file system shares one journal commit among the fsyncs that
// wait for it; each costs a thread meanwhile.
const writers = 64

// Ledger is the ledger of one process, which holds the folder's lock. A lane costs no open file and no goroutine, only its last
// record in memory.
type Ledger struct {
	store
	disk disk
	log  *slog.Logger
	lock *os.File
	slot chan struct{} // taken while the disk is changed

	mu      sync.Mutex
	stop    error // set once the ledger is broken or closed
	lanes   map[string]*lane
	configs sync.Mutex
	durable map[string]bool // configurations that this process has made durable; guarded by configs
}

// Open takes the ledger in the folder dir, which is made when it is missing, for this process. ErrLocked says that another process
// has it. What a crash left behind is put right when a lane is first touched, and logged to log (nil: slog's default).
func Open(dir string, log *slog.Logger) (*Ledger, error) { return open(dir, log, osDisk{}) }

func open(dir string, log *slog.Logger, d disk) (*Ledger, error) {
	if log == nil {
		log = slog.Default()
	}
	l := &Ledger{
		store:   store{dir: filepath.Clean(dir)},
		disk:    d,
		log:     log,
		slot:    make(chan struct{}, writers),
		lanes:   make(map[string]*lane),
		durable: make(map[string]bool),
	}
	for _, folder := range []string{l.dir, l.lanesDir(), l.configsDir()} {
		if err := makeFolder(d, folder); err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
	}
	lock, err := lockFolder(l.dir)
	if err != nil {
		return nil, err
	}
	l.lock = lock
	return l, nil
}

// Close waits for the appends under way and gives the folder free. Every later append is an error.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if errors.Is(l.stop, os.ErrClosed) {
		l.mu.Unlock()
		return nil
	}
	l.stop = fmt.Errorf("ledger %s: %w", l.dir, os.ErrClosed)
	l.mu.Unlock()
	for range writers { // nobody changes the disk any more: none gets a slot after us
		l.slot <- struct{}{}
	}
	for range writers {
		<-l.slot
	}
	return l.lock.Close()
}

// Last implements ledger.Ledger. It reads the lane's newest segment the first time, and memory from then on.
func (l *Ledger) Last(ctx context.Context, name string) (ledger.Record, ledger.Rev, error) {
	ln := l.lane(name)
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if err := l.load(ctx, ln); err != nil {
		return ledger.Record{}, 0, fmt.Errorf("last of lane %s: %w", name, err)
	}
	if ln.rev == 0 {
		return ledger.Record{}, 0, nil
	}
	r, err := ledger.Unmarshal(ln.last)
	if err != nil {
		return ledger.Record{}, 0, fmt.Errorf("last of lane %s: %w", name, err)
	}
	return r, ln.rev, nil
}

// Append implements ledger.Ledger: one write and one fsync, more for the first record of a lane or a day. After ErrBroken the
// process must end.
func (l *Ledger) Append(ctx context.Context, name string, r ledger.Record, prev ledger.Rev) (ledger.Rev, error) {
	ln := l.lane(name)
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if err := l.load(ctx, ln); err != nil {
		return 0, fmt.Errorf("append record %d to lane %s: %w", r.N, name, err)
	}
	if err := ledger.CheckAppend(name, r, prev, ln.rev, ln.head); err != nil {
		return 0, err
	}
	canonical, err := r.Marshal()
	if err != nil {
		return 0, err
	}
	err = l.change(ctx, func() error { return l.write(ln, r, canonical) })
	if err != nil {
		ln.loaded = false // what is believed of the lane is asked again
		return 0, fmt.Errorf("append record %d to lane %s: %w", r.N, name, err)
	}
	return ln.rev, nil
}

// Scan implements ledger.Ledger.
func (l *Ledger) Scan(ctx context.Context, name string, from ledger.Rev, yield func(ledger.Rev, ledger.Record) error) error {
	segments, err := l.acknowledged(ctx, l.lane(name))
	if err != nil {
		return fmt.Errorf("scan lane %s: %w", name, err)
	}
	return scan(ctx, name, segments, from, yield)
}

// acknowledged gives a lane's segments as they stand now.
func (l *Ledger) acknowledged(ctx context.Context, ln *lane) ([]segment, error) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if err := l.load(ctx, ln); err != nil {
		return nil, err
	}
	if ln.rev == 0 {
		return nil, nil
	}
	segments, err := folderSegments(ln.folder)
	if err != nil {
		return nil, err
	}
	for i := range segments {
		segments[i].torn = false
		if filepath.Base(segments[i].path) == ln.segment {
			segments[i].size = ln.size
		}
	}
	return segments, nil
}

func (l *Ledger) lane(name string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.lanes[name]
	if ln == nil {
		ln = &lane{name: name}
		l.lanes[name] = ln
	}
	return ln
}

// change runs a change of the disk when its turn has come, unless the ledger has stopped.
func (l *Ledger) change(ctx context.Context, step func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.slot <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.slot }()
	if err := l.stopped(); err != nil {
		return err
	}
	return step()
}

func (l *Ledger) stopped() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stop
}

// breaks marks the ledger broken by err, for ever, and gives the error to return. A nil err breaks nothing.
func (l *Ledger) breaks(err error) error {
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop == nil {
		l.stop = fmt.Errorf("ledger %s: %w: %w", l.dir, ledger.ErrBroken, err)
	}
	return l.stop
}
