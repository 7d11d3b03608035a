package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sluice/pipeline/ledger"
)

// source gives a side lane its entries. They are finite and numbered: the lane's ledger counts in these numbers, and a plan that
// was recorded can be gathered again, entry for entry.
type source interface {
	// prepare finds out what there is to deliver, from the ledger alone; the lane's last record has been read.
	prepare(ctx context.Context, l *lane) error

	// before is the number before the first, and end the last one; known after prepare.
	before() uint64
	end() uint64

	// decision is the hash of the settings under which the entries are taken, those of the route now being at hand.
	decision(route *Route) string

	// gather makes a batch from number first on: up to last, or, with last = 0, as much as makes a batch. On an error the batch
	// holds nothing.
	gather(ctx context.Context, l *lane, dest *destination, rev revision, first, last uint64) (*batch, error)
}

// workSide is work for a side lane: it redoes what is open, delivers batch after batch to the end of its source, and closes. What is
// written is committed before the lane ends this life for another reason: else each of its lives would write that plan again.
func (l *lane) workSide(ctx context.Context, healthy func()) error {
	if err := l.chain.load(ctx); err != nil {
		if errors.Is(err, ledger.ErrDamaged) {
			return &haltError{err}
		}
		return err
	}
	l.believe()
	if l.chain.rec.Kind == ledger.KindClosed {
		return l.ended()
	}
	if err := l.prepareSide(ctx); err != nil {
		return err
	}
	next, err := l.redoSide(ctx)
	if err != nil {
		return err
	}
	l.setState(Running, "")
	for next <= l.source.end() {
		if next, err = l.deliverSide(ctx, next); err != nil {
			return l.settleSide(ctx, err)
		}
		healthy()
	}
	if err := l.append(ctx, l.settled(ledger.KindClosed)); err != nil {
		return err
	}
	l.log.Info("side lane closed", "lane", l.name, "entries", l.source.end())
	return l.ended()
}

// prepareSide makes the source ready, or closes the lane short of its end: when what it had still to read is gone, or when a person
// abandons it where it is halted and has no open plan that could be given up instead.
func (l *lane) prepareSide(ctx context.Context) error {
	l.mu.Lock()
	reason, halted := l.abandon, l.status.State == Halted
	l.mu.Unlock()
	err := l.source.prepare(ctx, l)
	switch {
	case errors.Is(err, errGone):
		return l.closeShort(ctx, err.Error())
	case reason != "" && halted && (err != nil || len(l.chain.rec.Open) == 0):
		return l.closeShort(ctx, reason)
	case err != nil:
		return err
	}
	return l.abandonIfDue(ctx)
}

// closeShort closes the lane short of its end. What it has not settled is as it was before: of a replay, dead.
func (l *lane) closeShort(ctx context.Context, reason string) error {
	if open := l.chain.rec.Open; len(open) > 0 {
		if err := l.giveUpPlan(ctx, open[0], reason); err != nil {
			return err
		}
	}
	r := l.settled(ledger.KindClosed)
	r.Abandon = &ledger.Abandon{First: r.Committed + 1, Last: l.source.end(), Outputs: "absent", Units: []string{}, Reason: reason}
	if err := l.append(ctx, r); err != nil {
		return err
	}
	l.log.Warn("side lane closed short of its end", "first", r.Abandon.First, "last", r.Abandon.Last, "reason", reason)
	return l.ended()
}

// redoSide finishes the open plan, if there is one, and gives the number behind it.
func (l *lane) redoSide(ctx context.Context) (next uint64, err error) {
	if len(l.chain.rec.Open) == 0 {
		return l.chain.rec.Committed + 1, nil
	}
	if err := l.readers.mayDeliver(ctx, l.routeName); err != nil {
		return 0, err
	}
	open := l.chain.rec.Open[0]
	err = l.redo(ctx, open, nil)
	if errors.Is(err, errUnlike) {
		err = &haltError{fmt.Errorf("entries %d to %d: %w", open.First, open.Last, err)}
	}
	return open.Last + 1, err
}

// settleSide commits what is written, and gives the reason why the lane ends this life.
func (l *lane) settleSide(ctx context.Context, reason error) error {
	var fatal *fatalError
	if l.written == nil || ctx.Err() != nil || errors.As(reason, &fatal) {
		return reason
	}
	if err := l.commit(ctx); err != nil {
		return err
	}
	return reason
}

// mayGoOn says why a side lane must not go on: the router drains, its route is gone, the stream has begun anew, or a person holds
// the route.
func (l *lane) mayGoOn(ctx context.Context) error {
	if err := l.mustEnd(); err != nil {
		return err
	}
	return l.readers.mayDeliver(ctx, l.routeName)
}

// mayGatherOn is mayGoOn for what is asked often: of the ledger only when somebody has woken the lane.
func (l *lane) mayGatherOn(ctx context.Context) error {
	select {
	case <-l.wake:
		return l.mayGoOn(ctx)
	default:
		return l.mustEnd()
	}
}

// mustEnd is why the lane's life must end, as far as its router says.
func (l *lane) mustEnd() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.router.isDraining():
		return errStopped
	case l.retiring:
		return errRetired
	}
	return l.cause
}

// mayDeliver is an error while a person holds the route's own lane: what stands beside it then stands still, too.
func (rs *readers) mayDeliver(ctx context.Context, route string) error {
	rec, _, err := rs.router.opts.Ledger.Last(ctx, LaneName(route, rs.stream.Name()))
	if err == nil && rec.Held != nil {
		err = errors.New("the route is " + (&heldError{*rec.Held}).Error()) // no heldError: it is tried again
	}
	return err
}

// deliverSide delivers one batch from number first on, and gives the number behind it.
func (l *lane) deliverSide(ctx context.Context, first uint64) (next uint64, err error) {
	if err := l.mayGoOn(ctx); err != nil {
		return 0, err
	}
	route := l.current()
	dest, err := l.router.opened.get(ctx, l.routeName, route.Delivery)
	if err != nil {
		return 0, err
	}
	hash := l.source.decision(route)
	decision, err := l.readers.control.decision(ctx, l.routeName, hash)
	if err != nil {
		return 0, err
	}
	if err := decision.ready(); err != nil {
		return 0, err
	}
	b, err := l.source.gather(ctx, l, dest, revision{hash: hash, decision: decision}, first, 0)
	if err != nil {
		return 0, err
	}
	next = b.next
	if b.entries == 0 {
		if err := l.confirm(ctx); err != nil {
			return 0, err
		}
		return next, l.skipBatch(ctx, b)
	}
	l.mu.Lock()
	l.cut = b
	l.mu.Unlock()
	return next, l.deliverCut(ctx)
}

// ended makes this the lane's last life.
func (l *lane) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retiring = true
	return errRetired
}

// streamName is the stream's name with the lane's side, for names that must not be those of the route's own lane.
func (l *lane) streamName() string {
	if l.side == "" {
		return l.readers.stream.Name()
	}
	return l.readers.stream.Name() + "/" + l.side
}

// startSide runs a side lane whose first record stands in the ledger, unless it runs already.
func (rs *readers) startSide(route *Route, side string, s source) *lane {
	rs.sideMu.Lock()
	defer rs.sideMu.Unlock()
	name := ledger.LaneName(route.Name, rs.stream.Name(), side)
	if l := rs.sides[name]; l != nil && !l.isFinished() {
		l.nudge()
		return l
	}
	l := newLane(rs.router, rs, route, -1)
	l.side, l.source, l.name = side, s, name
	l.status.Stream = l.streamName()
	l.log = rs.log.With("route", route.Name, "lane", name)
	rs.sides[name] = l
	rs.router.start(l, func() {})
	return l
}

// nudge lets a lane that stands still try again now, and tells whether it did.
func (l *lane) nudge() (stood bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stood = l.status.State != Running && !l.finished
	if s := l.status.State; s == Halted || s == Paused {
		l.status.State, l.status.Message, l.changed = Waiting, "", true
	}
	l.wakeUp()
	return stood
}

// besides gives the side lanes that run, by name.
func (rs *readers) besides() []*lane {
	rs.sideMu.Lock()
	defer rs.sideMu.Unlock()
	var lanes []*lane
	for _, name := range slices.Sorted(maps.Keys(rs.sides)) {
		if l := rs.sides[name]; !l.isFinished() {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// applySides tells the side lanes of the routes as they are now.
func (rs *readers) applySides(routes []Route) {
	for _, l := range rs.besides() {
		i := slices.IndexFunc(routes, func(r Route) bool { return r.Name == l.routeName && !r.Disabled })
		if i < 0 {
			l.retire(false)
		} else {
			l.setRoute(&routes[i])
		}
	}
}
