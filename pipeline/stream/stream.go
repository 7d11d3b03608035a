// Package stream is the face of the bus towards the pipeline: a stream of messages with contiguous sequences, read in order.
package stream

import (
	"context"
	"errors"
	"time"
)

// Message is what the stream stores under one sequence.
type Message struct {
	Seq    uint64
	Stored time.Time // when the server stored it
	Data   []byte    // owned by the receiver, who shares it and never changes it
}

// Info is what the leader says of a stream.
type Info struct {
	Name     string
	Created  time.Time // identity: another value is another stream
	First    uint64    // lowest sequence that may still exist; an empty stream has First = Last + 1
	Last     uint64    // highest sequence ever given out
	Messages uint64    // stored now
	Bytes    uint64
}

// ErrNotFound says that no message stands under a sequence (any more).
var ErrNotFound = errors.New("message not found")

// ErrChanged says that the stream is no longer what a reader had been reading: it was re-created, or it stepped back below or
// at what the reader has given out. Compare identity and anchor before reading on.
var ErrChanged = errors.New("the stream was re-created or stepped back")

// Stream is one stream of the bus. All methods may be called from several goroutines at once.
type Stream interface {
	// Name is the stream's name.
	Name() string

	// Info asks the leader: an answer is linearizable with what publishers were acknowledged.
	Info(ctx context.Context) (Info, error)

	// Get reads one message from the leader, for anchors and single redos; ErrNotFound when it is gone.
	Get(ctx context.Context, seq uint64) (Message, error)

	// Read opens a reader at the first message with a sequence of at least from.
	Read(ctx context.Context, from uint64) (Reader, error)
}

// Reader reads a stream in order. One goroutine at a time.
type Reader interface {
	// Next returns at least one message and at most max, in order, without a wait once one is there. It blocks until then or
	// until ctx ends. A jump between two sequences means that the stream does not hold what lies between: the reader itself
	// recovers from lost replies and reconnects, and asks again then whether the stream is still the same (ErrChanged). After any
	// other error than ctx's the reader is spent: open another.
	// The returned slice is valid until the next call; the messages' Data stay valid for as long as they are held.
	Next(ctx context.Context, max int) ([]Message, error)

	// Close frees the reader; a blocked Next then returns an error.
	Close() error
}
