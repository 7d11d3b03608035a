package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

// State is how a lane fares.
type State string

// The states.
const (
	Running  State = "running"
	Waiting  State = "waiting"  // the destination or the stream does not answer; tried again
	Paused   State = "paused"   // the destination needs a person (rights, name): tried again; or a person has paused the route
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
	Cursor      uint64    `json:"cursor"`                // every sequence up to here is settled, durably
	Last        uint64    `json:"last"`                  // the stream's last sequence, as last heard
	Lag         uint64    `json:"lag"`                   // sequences that are not settled yet
	Lost        uint64    `json:"lost"`                  // messages that the stream lost before the lane had them, in all
	WhereErrors uint64    `json:"whereErrors,omitempty"` // entries on which a where failed, since the program started: they were kept
	WhereError  string    `json:"whereError,omitempty"`  // the last of them
	LossIn      string    `json:"lossIn,omitempty"`      // when retention would overtake the lane if it stood still: a duration

	Quotas      []QuotaStatus     `json:"quotas,omitempty"`
	Active      []string          `json:"active,omitempty"`      // conditional exclusions that are active now
	Activations map[string]uint64 `json:"activations,omitempty"` // how often each has become so, since the program started
	Held        *ledger.Act       `json:"held,omitempty"`        // by which a person holds the lane: Message says it for people

	Tally      Tally         `json:"-"` // since the program started
	TimeToLoss time.Duration `json:"-"` // LossIn; 0: not foreseen
}

// Status tells how every lane fares, disabled routes included, in the order of streams and routes; behind them the side lanes that
// run, whose Stream is <stream>/<side> and whose cursor and last count their own entries.
func (r *Router) Status() []LaneStatus {
	var all []LaneStatus
	for _, rs := range r.readers {
		_, last := rs.bounds()
		live := make(map[string]*lane)
		for _, l := range rs.all() {
			if !l.isFinished() {
				live[l.routeName] = l
			}
		}
		for _, route := range r.inForce() {
			if l := live[route.Name]; l != nil {
				all = append(all, l.statusAt(last))
				delete(live, route.Name)
			} else {
				all = append(all, LaneStatus{Route: route.Name, Stream: rs.stream.Name(), State: Disabled, Last: last})
			}
		}
		for _, l := range rs.all() { // routes that were removed and still drain
			if live[l.routeName] == l {
				all = append(all, l.statusAt(last))
			}
		}
	}
	for _, rs := range r.readers {
		for _, l := range rs.besides() {
			all = append(all, l.statusAt(l.source.end()))
		}
	}
	return all
}

func (l *lane) statusAt(last uint64) LaneStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	draining := l.router.isDraining() || l.retiring
	s := l.status
	s.Lost, s.Held = l.lost, l.held
	s.Quotas, s.Active, s.Activations = l.quotaStatus(), slices.Clone(l.activeNow), maps.Clone(l.activations)
	if l.source == nil { // they are the route's
		s.WhereErrors, s.WhereError = l.readers.control.whereErrors(l.routeName)
	}
	s.Tally, s.TimeToLoss = l.tally.read(), l.lossIn
	if l.lossIn > 0 {
		s.LossIn = l.lossIn.Round(time.Second).String()
	}
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

// setState sets what status shows, and gives the state before.
func (l *lane) setState(s State, message string) (before State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before = l.status.State
	l.status.State, l.status.Message = s, message
	return before
}

// setRunning shows that the lane has recovered, and gives the state before. A lane whose destination could not be prepared shows
// that until it could: recovering asks nothing of the destination when no plan is open.
func (l *lane) setRunning() (before State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before = l.status.State
	if !l.unready {
		l.status.State, l.status.Message = Running, ""
	}
	return before
}

// notePrepared notes whether the destination could be prepared.
func (l *lane) notePrepared(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unready && err == nil {
		l.status.State, l.status.Message = Running, ""
	}
	l.unready = err != nil
}

// encourage lets the lanes that wait for a destination try again now, since one of them had success: those that had to wait for the
// same trouble then read the stream together, and not one by one as their pauses end.
func (rs *readers) encourage() {
	for _, l := range rs.all() {
		l.mu.Lock()
		if s := l.status.State; s == Waiting || s == Paused {
			l.coming = time.Now()
			l.wakeUp()
		}
		l.mu.Unlock()
	}
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

// lossWarning is how near a loss must be to be logged.
const lossWarning = time.Hour

// forecast estimates when retention will overtake the lane, should it stand still from now on.
func (l *lane) forecast() {
	rs := l.readers
	rs.mu.Lock()
	first, pace := rs.first, rs.pace
	rs.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.lossIn
	l.lossIn = 0
	if pace > 0 && l.committed+1 >= first {
		l.lossIn = time.Duration(float64(l.committed+1-first) / pace * float64(time.Second))
	}
	if l.lossIn > 0 && l.lossIn < lossWarning && (before == 0 || before >= lossWarning) && l.status.State != Running {
		l.log.Warn("retention will overtake the route: messages will be lost", "in", l.lossIn.Round(time.Second))
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

// waitPast returns once the lane has examined everything up to seq, is halted or held, or ctx or Run ends.
func (l *lane) waitPast(ctx context.Context, seq uint64) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		done := l.status.State == Halted || l.held != nil || l.finished || (l.pending != nil && l.pending.next > seq)
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-tick.C:
		case <-l.router.ended:
			return fmt.Errorf("route %s: %w", l.routeName, errStopped)
		case <-ctx.Done():
			return fmt.Errorf("route %s: %w", l.routeName, ctx.Err())
		}
	}
}
