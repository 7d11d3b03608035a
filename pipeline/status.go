package pipeline

import (
	"context"
	"fmt"
	"time"

	"sluice/sinks/driver"
)

// State is how a lane fares.
type State string

// The states.
const (
	Running  State = "running"
	Waiting  State = "waiting"  // the destination or the stream does not answer; tried again
	Paused   State = "paused"   // the destination needs a person (rights, name); tried again
	Halted   State = "halted"   // only a person can help
	Draining State = "draining" // the router is about to stop
	Disabled State = "disabled"
)

// LaneStatus is what status shows of a lane.
type LaneStatus struct {
	Route       string    `json:"route"`
	Stream      string    `json:"stream"`
	State       State     `json:"state"`
	Message     string    `json:"message"`
	LastAttempt time.Time `json:"lastAttempt,omitzero"`
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	Cursor      uint64    `json:"cursor"` // every sequence up to here is settled, durably
	Last        uint64    `json:"last"`   // the stream's last sequence, as last heard
	Lag         uint64    `json:"lag"`    // sequences that are not settled yet
}

// Status tells how every lane fares, disabled routes included, in the order of streams and routes.
func (r *Router) Status() []LaneStatus {
	var all []LaneStatus
	for _, rs := range r.readers {
		_, last := rs.bounds()
		lanes := rs.lanes
		for i := range r.opts.Routes {
			route := &r.opts.Routes[i]
			if route.Disabled {
				all = append(all, LaneStatus{Route: route.Name, Stream: rs.stream.Name(), State: Disabled, Last: last})
				continue
			}
			all = append(all, lanes[0].statusAt(last))
			lanes = lanes[1:]
		}
	}
	return all
}

func (l *lane) statusAt(last uint64) LaneStatus {
	draining := l.router.isDraining()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Cursor, s.Last = l.committed, max(last, l.committed)
	if l.pending != nil { // the reader may know more than the last Info
		s.Last = max(s.Last, l.pending.next-1)
	}
	s.Lag = s.Last - s.Cursor
	if draining && s.State == Running {
		s.State = Draining
	}
	return s
}

func (l *lane) setState(s State, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.State, l.status.Message = s, message
}

// stateOf says how an error that will be tried again shows.
func stateOf(err error) State {
	if driver.CodeOf(err) == driver.Misconfigured {
		return Paused
	}
	return Waiting
}

// hearOldest lets a lane that keeps nothing record where it is when its durable cursor lies before seq.
func (l *lane) hearOldest(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending != nil && l.committed < seq && l.pending.entries == 0 && l.pending.covers() {
		l.oldest = true
		l.wakeUp()
	}
}

// stoppedAt is where a lane that got off its reader would go on.
func (l *lane) stoppedAt() (uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil {
		return 0, false
	}
	return l.pending.next, true
}

// waitPast returns once the lane has examined everything up to seq, is halted, or ctx ends.
func (l *lane) waitPast(ctx context.Context, seq uint64) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		done := l.status.State == Halted || (l.pending != nil && l.pending.next > seq)
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("route %s: %w", l.route.Name, ctx.Err())
		}
	}
}
