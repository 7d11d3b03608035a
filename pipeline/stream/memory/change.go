package memory

import (
	"bytes"
	"time"

	"sluice/pipeline/stream"
)

// Append stores a copy of data under the next sequence, which it returns. It never fails, whatever hook is set.
func (s *Stream) Append(data []byte) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.messages = append(s.messages, stream.Message{Seq: s.last, Stored: time.Now().UTC(), Data: bytes.Clone(data)})
	s.bytes += uint64(len(data))
	s.announce()
	return s.last
}

// TryAppend is Append behind the fault hook: for publishers in a test.
func (s *Stream) TryAppend(data []byte) (uint64, error) {
	if err := s.fault(OpAppend, 0); err != nil {
		return 0, err
	}
	return s.Append(data), nil
}

// Delete takes one message out, as an operator can, and says whether it existed. Its sequence is not used again.
func (s *Stream) Delete(seq uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.find(seq)
	if found {
		s.cut(i, i+1)
	}
	return found
}

// Trim takes out all messages below first, as retention does. first may be above the last sequence: the stream is then empty,
// and the next message has the sequence last + 1 all the same.
func (s *Stream) Trim(first uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := s.find(first)
	s.cut(0, i)
}

// StepBack takes out all messages above last and makes their sequences be given out anew, as a power failure or a restored
// backup does. Readers that have given out more meet stream.ErrChanged.
func (s *Stream) StepBack(last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := s.find(last + 1)
	s.cut(i, len(s.messages))
	s.last = min(s.last, last)
	s.steps = append(s.steps, last)
}

// Recreate deletes the stream and makes it anew, empty, its sequences from 1. Its Created differs from the one before even if
// the clock stood still.
func (s *Stream) Recreate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut(0, len(s.messages))
	s.last = 0
	s.life++
	now := time.Now().UTC()
	if !now.After(s.created) {
		now = s.created.Add(1)
	}
	s.created = now
}

// cut removes messages[from:to] into a new slice, for readers may hold parts of the old one.
func (s *Stream) cut(from, to int) {
	for _, m := range s.messages[from:to] {
		s.bytes -= uint64(len(m.Data))
	}
	kept := make([]stream.Message, 0, len(s.messages)-(to-from))
	s.messages = append(append(kept, s.messages[:from]...), s.messages[to:]...)
	s.announce()
}

// announce wakes all readers.
func (s *Stream) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}
