// Package memory is a stream in memory for the deterministic world: it steps back, loses and fails when it is told to. It reads
// no clock but package time's and waits on channels only, so it runs inside testing/synctest.
package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/pipeline/stream"
)

var _ stream.Stream = (*Stream)(nil)

// Op is an operation on the stream, as a fault hook sees it.
type Op struct {
	Kind OpKind
	Seq  uint64 // Get: the sequence asked for; Read: from; Next: the reader's position; 0 otherwise
}

// OpKind names an operation.
type OpKind string

// The operations that a fault hook is asked about.
const (
	OpInfo   OpKind = "info"
	OpGet    OpKind = "get"
	OpRead   OpKind = "read"
	OpNext   OpKind = "next"
	OpAppend OpKind = "append" // asked by TryAppend, never by Append
)

// Stream is a stream in memory. All methods may be called from several goroutines at once.
type Stream struct {
	name string

	mu       sync.Mutex
	created  time.Time
	life     uint64           // counts re-creations
	steps    []uint64         // to which sequence it stepped back, each time
	messages []stream.Message // those that exist, by sequence
	last     uint64           // highest sequence ever given out
	bytes    uint64
	faults   func(Op) error
	changed  chan struct{} // closed at the next change
}

// New makes an empty stream, created now.
func New(name string) *Stream {
	return &Stream{name: name, created: time.Now().UTC(), changed: make(chan struct{})}
}

// Fail sets the hook that is called at the beginning of each operation, outside any lock, so that it may itself change the
// stream. An error that it returns becomes the operation's; for Next the reader is then spent. nil takes the hook away.
func (s *Stream) Fail(faults func(Op) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

func (s *Stream) fault(kind OpKind, seq uint64) error {
	s.mu.Lock()
	faults := s.faults
	s.mu.Unlock()
	if faults == nil {
		return nil
	}
	return faults(Op{kind, seq})
}

// Name is the stream's name.
func (s *Stream) Name() string { return s.name }

// Info tells the stream's state.
func (s *Stream) Info(ctx context.Context) (stream.Info, error) {
	if err := errors.Join(ctx.Err(), s.fault(OpInfo, 0)); err != nil {
		return stream.Info{}, fmt.Errorf("info of stream %s: %w", s.name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return stream.Info{
		Name: s.name, Created: s.created, First: s.first(), Last: s.last,
		Messages: uint64(len(s.messages)), Bytes: s.bytes,
	}, nil
}

func (s *Stream) first() uint64 {
	if len(s.messages) == 0 {
		return s.last + 1
	}
	return s.messages[0].Seq
}

// Get reads one message; stream.ErrNotFound when it does not exist.
func (s *Stream) Get(ctx context.Context, seq uint64) (stream.Message, error) {
	if err := errors.Join(ctx.Err(), s.fault(OpGet, seq)); err != nil {
		return stream.Message{}, fmt.Errorf("get message %d of stream %s: %w", seq, s.name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.find(seq)
	if !found {
		return stream.Message{}, fmt.Errorf("get message %d of stream %s: %w", seq, s.name, stream.ErrNotFound)
	}
	return s.messages[i], nil
}

// find gives the place of the first message with a sequence of at least seq, and whether it has that very sequence.
func (s *Stream) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(s.messages, seq, func(m stream.Message, seq uint64) int {
		switch {
		case m.Seq < seq:
			return -1
		case m.Seq > seq:
			return 1
		}
		return 0
	})
}

// Read opens a reader.
func (s *Stream) Read(ctx context.Context, from uint64) (stream.Reader, error) {
	if err := errors.Join(ctx.Err(), s.fault(OpRead, from)); err != nil {
		return nil, fmt.Errorf("read stream %s from %d: %w", s.name, from, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &reader{stream: s, next: max(from, 1), life: s.life, steps: len(s.steps), closed: make(chan struct{})}, nil
}
