package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/pipeline/ledger"
)

// What a person does to a route by hand.
const (
	ActPause   = "pause"   // the lane stands still at once and keeps its open plan; the route counts as enabled
	ActResume  = "resume"  // ends a pause; sets a halted lane going again
	ActDisable = "disable" // the lane finishes its open plan, then stands still
	ActEnable  = "enable"  // ends a disable
)

// errAsked ends what a lane is doing, since a person wants something of it.
var errAsked = errors.New("a person asked for something")

var errRuns = errors.New("it is running: there is nothing to resume")

// heldError says that a person holds the lane.
type heldError struct{ by ledger.Act }

// Error says who, since when and why.
func (e *heldError) Error() string {
	word := map[string]string{ActPause: "paused", ActDisable: "disabled"}[e.by.What]
	text := fmt.Sprintf("%s by %s since %s", word, e.by.Who, e.by.At.UTC().Format(time.RFC3339))
	if e.by.Why != "" {
		text += ": " + e.by.Why
	}
	return text
}

// ask is an act that waits to be recorded.
type ask struct {
	act  ledger.Act
	done chan error // has room for the answer
}

// Act does what a person wants done to a route, on all streams, and returns once it is recorded: it is in force from then on, after
// a restart too; where only a replay or a backfill of it stands still, a resume sets that going, and records nothing. act has Who,
// What (one of the Act words) and Why. It is an error, and changes nothing, where it does not fit:
// where there is no such route, or none of its lanes is as the act presumes.
func (r *Router) Act(ctx context.Context, route string, act ledger.Act) error {
	if err := r.mayAct(route, act); err != nil {
		return err
	}
	var asks []*ask
	var unfit error
	found := false
	for _, rs := range r.readers {
		for _, l := range rs.all() {
			if l.routeName != route || l.isFinished() {
				continue
			}
			found = true
			a, err := l.ask(act)
			if err != nil {
				unfit = fmt.Errorf("route %s: %w", route, err)
			} else {
				asks = append(asks, a)
			}
		}
	}
	switch {
	case !found:
		return r.noLane(route)
	case len(asks) == 0 && errors.Is(unfit, errRuns) && r.tellSides(route, act):
		return nil
	case len(asks) == 0:
		return unfit
	}
	var errs []error
	for _, a := range asks {
		select {
		case err := <-a.done:
			errs = append(errs, err)
		case <-r.ended:
			return fmt.Errorf("route %s: %w", route, errStopped)
		case <-ctx.Done():
			return fmt.Errorf("route %s: not recorded yet: %w", route, ctx.Err())
		}
	}
	r.tellSides(route, act)
	return errors.Join(errs...)
}

// mayAct refuses to disable a required route: it could be taken away like that.
func (r *Router) mayAct(route string, act ledger.Act) error {
	for _, known := range r.inForce() {
		if known.Name != route || act.What != ActDisable {
			continue
		}
		d, err := r.opts.Decide(route, known.Decision)
		if err != nil {
			return fmt.Errorf("route %s: %w", route, err)
		}
		if d.Required {
			return fmt.Errorf("route %s is required and cannot be disabled by hand: pause it, or disable it in the configuration with --acknowledge %[1]s", route)
		}
	}
	return nil
}

// tellSides lets the route's side lanes see how the route is held now. A resume sets those going that stand still, and tells
// whether there are any.
func (r *Router) tellSides(route string, act ledger.Act) (stood bool) {
	for _, rs := range r.readers {
		for _, l := range rs.besides() {
			switch {
			case l.routeName != route:
			case act.What == ActResume:
				stood = l.nudge() || stood
			default:
				l.wakeUp()
			}
		}
	}
	return stood
}

// noLane says why a route has no lane that could be acted upon.
func (r *Router) noLane(route string) error {
	for _, known := range r.inForce() {
		if known.Name == route {
			return fmt.Errorf("route %s is disabled in the configuration: change it there", route)
		}
	}
	return fmt.Errorf("no route %q", route)
}

// ask hands the lane an act, and ends what it is doing.
func (l *lane) ask(act ledger.Act) (*ask, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished {
		return nil, errStopped
	}
	if act.What == ActResume && l.held == nil && l.status.State == Running {
		return nil, errRuns
	}
	if _, err := holdAfter(l.held, act); err != nil {
		return nil, err
	}
	a := &ask{act, make(chan error, 1)}
	l.asks = append(l.asks, a)
	l.cause = errAsked
	if l.relieve != nil {
		l.relieve(errAsked)
	}
	l.leave()
	return a, nil
}

// holdAfter gives by what a lane is held after an act; nil: by nothing.
func holdAfter(held *ledger.Act, act ledger.Act) (*ledger.Act, error) {
	disabled := held != nil && held.What == ActDisable
	switch act.What {
	case ActPause, ActResume:
		if disabled {
			return nil, errors.New("it is disabled by hand: enable it")
		}
	case ActEnable:
		if !disabled {
			return nil, errors.New("it is not disabled by hand")
		}
	case ActDisable:
	default:
		return nil, fmt.Errorf("unknown act %q", act.What)
	}
	if act.What == ActPause || act.What == ActDisable {
		return &act, nil
	}
	return nil, nil
}

// heed records what persons want, right behind the lane's last record; trouble, of reading that one, is the answer to all of them.
func (l *lane) heed(ctx context.Context, trouble error) error {
	l.mu.Lock()
	asks := l.asks
	l.asks = nil
	l.mu.Unlock()
	for _, a := range asks {
		err := trouble
		if err == nil {
			var r ledger.Record
			if r, err = actRecord(l.chain.rec, a.act); err == nil {
				trouble = l.append(ctx, r)
				err = trouble
			}
		}
		if err == nil {
			l.log.Info("a person acted", "what", a.act.What, "who", a.act.Who, "why", a.act.Why)
		}
		a.done <- err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = l.chain.rec.Held
	return trouble
}

// refuse answers acts that a lane which has ended will not record.
func (l *lane) refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.asks {
		a.done <- errStopped
	}
	l.asks = nil
}

// isAsked says whether an act waits for the lane.
func (l *lane) isAsked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asks) > 0
}

// paused is the error of a lane that must not even finish its open plan, since a person holds it. A route that is gone lets go.
func (l *lane) paused() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil || l.held.What != ActPause || l.retiring || l.abandon != "" {
		return nil
	}
	return &heldError{*l.held}
}

// standStill shows by whom the lane is held, until that changes; false when the router ends.
func (l *lane) standStill(ctx context.Context, held *heldError) bool {
	state := Paused
	if held.by.What == ActDisable {
		state = Disabled
	}
	l.setState(state, held.Error())
	return l.untilChanged(ctx, false)
}

// RecordAct records an act in a lane that no router runs: it is in force from the next start on. It is an error when the lane has
// not begun or is closed, or when the act does not fit.
func RecordAct(ctx context.Context, l ledger.Ledger, lane string, act ledger.Act) error {
	c := chain{ledger: l, lane: lane, nonce: randomNonce}
	if err := c.load(ctx); err != nil {
		return err
	}
	if _, _, side := ledger.SplitLane(lane); side != "" || strings.HasPrefix(lane, controlPrefix) {
		return fmt.Errorf("lane %s is not a route's own", lane)
	}
	if c.rev == 0 || c.rec.Kind == ledger.KindClosed {
		return fmt.Errorf("lane %s has not begun, or is closed", lane)
	}
	r, err := actRecord(c.rec, act)
	if err != nil {
		return err
	}
	return c.append(ctx, r)
}

// actRecord records an act behind the record last; all else stays as it is.
func actRecord(last ledger.Record, act ledger.Act) (ledger.Record, error) {
	act.At = time.Now().UTC()
	held, err := holdAfter(last.Held, act)
	return ledger.Record{
		Kind: ledger.KindAct, Epoch: last.Epoch, StreamEp: last.StreamEp, Committed: last.Committed, Lost: last.Lost, Open: last.Open,
		State: last.State, DeadSt: last.DeadSt, Pinned: last.Pinned, Anchor: last.Anchor, Quota: last.Quota, Act: &act, Held: held,
	}, err
}
