package sinktest

import (
	"errors"
	"fmt"
	"sync"
)

// ErrStopped is what an operation answers when Steps stops it, unless it has another error to give.
var ErrStopped = errors.New("stopped by the test")

// fault is what happens at one operation.
type fault struct {
	after     bool   // the operation takes effect and only its answer is lost; else it does not happen
	crash     bool   // the process ends there: no later operation happens either
	err       error  // the answer; nil = ErrStopped
	meanwhile func() // instead of all that: this happens first, and then the operation
}

// Steps counts the operations of one process on its destination and lets a fault happen at one of them. A nil *Steps lets
// everything pass. Safe for concurrent use.
type Steps struct {
	mu    sync.Mutex
	at    int // the operation that meets the fault, from 1; 0 = none
	fault fault
	count int
	met   string // the operation that met the fault
	dead  bool
}

// Do performs one operation, or what the fault makes of it. op names it in failures.
func (s *Steps) Do(op string, run func() error) error {
	if s == nil {
		return run()
	}
	met, dead := s.next(op)
	switch {
	case dead:
		return ErrStopped
	case !met:
		return run()
	case s.fault.meanwhile != nil:
		s.fault.meanwhile()
		return run()
	case s.fault.after:
		if err := run(); err != nil {
			return err
		}
	}
	if s.fault.err != nil {
		return s.fault.err
	}
	return ErrStopped
}

func (s *Steps) next(op string) (met, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return false, true
	}
	s.count++
	if s.count != s.at {
		return false, false
	}
	s.met = fmt.Sprintf("operation %d, %s", s.count, op)
	s.dead = s.fault.crash
	return true, false
}

// fired names the operation that met the fault; empty when none did.
func (s *Steps) fired() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met
}
