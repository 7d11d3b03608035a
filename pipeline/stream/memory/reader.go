package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sluice/pipeline/stream"
)

var errClosed = errors.New("reader is closed")

type reader struct {
	stream  *Stream
	next    uint64 // the lowest sequence not given out yet
	life    uint64 // the stream's, when the reader was opened
	steps   int    // how many steps back it has looked at
	given   bool   // whether it has given out anything
	spent   error
	closing sync.Once
	closed  chan struct{}
}

// Next gives what is there, at most max.
func (r *reader) Next(ctx context.Context, max int) ([]stream.Message, error) {
	if r.spent == nil {
		r.spent = r.stream.fault(OpNext, r.next)
	}
	for r.spent == nil {
		messages, changed, err := r.take(max)
		if err != nil {
			r.spent = err
			break
		}
		if len(messages) > 0 {
			return messages, nil
		}
		select {
		case <-changed:
		case <-r.closed:
			r.spent = errClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("read stream %s at %d: %w", r.stream.name, r.next, r.spent)
}

// take gives what is stored from the position on, and the channel that tells of the next change.
func (r *reader) take(max int) ([]stream.Message, <-chan struct{}, error) {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-r.closed:
		return nil, nil, errClosed
	default:
	}
	if r.life != s.life || r.steppedBack() {
		return nil, nil, stream.ErrChanged
	}
	from, _ := s.find(r.next)
	to := min(from+max, len(s.messages))
	messages := slices.Clone(s.messages[from:to])
	if len(messages) > 0 {
		r.given = true
		r.next = messages[len(messages)-1].Seq + 1
	}
	return messages, s.changed, nil
}

// steppedBack says whether the stream stepped back below what was given out since the reader last looked.
func (r *reader) steppedBack() bool {
	for _, last := range r.stream.steps[r.steps:] {
		if last < r.next-1 && r.given {
			return true
		}
	}
	r.steps = len(r.stream.steps)
	return false
}

// Close frees the reader.
func (r *reader) Close() error {
	r.closing.Do(func() { close(r.closed) })
	return nil
}
