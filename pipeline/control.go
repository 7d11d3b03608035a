package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sort"
	"sync"

	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
)

// controlPrefix begins the names of control lanes: _stream/<name>.
const controlPrefix = ledger.ControlRoute + "/"

// revision is the decision settings of one route in force from a sequence on.
type revision struct {
	from     uint64
	hash     string
	decision *Decision
}

// control is a stream's control lane: what the stream is believed to be, and which revisions are in force where.
type control struct {
	rs    *readers
	chain chain // used by prepare, then under readers.quiesce

	mu         sync.RWMutex
	identity   ledger.Identity
	epoch      uint32
	revisions  map[string][]revision // of this epoch, by route, in the order of from
	boundaries []uint64              // where any revision begins, ascending
	required   map[string]*Decision  // routes that may not go unless a person acknowledges it; used as chain is

	decided   sync.Mutex
	decisions map[string]*Decision      // by route and hash
	failures  map[string]*whereFailures // by route
}

func newControl(rs *readers) *control {
	return &control{rs: rs, revisions: make(map[string][]revision), decisions: make(map[string]*Decision), failures: make(map[string]*whereFailures)}
}

// hashOf names a configuration by its content.
func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// prepare reads the control lane, begins a new epoch if the stream is another, and records the routes' decision settings where
// they changed. Another writer may do the same at the same time: then it is read again.
func (c *control) prepare(ctx context.Context, info stream.Info) error {
	for {
		err := c.prepareOnce(ctx, info)
		if !errors.Is(err, ledger.ErrFenced) {
			return err
		}
	}
}

func (c *control) prepareOnce(ctx context.Context, info stream.Info) error {
	if err := c.replay(ctx); err != nil {
		return err
	}
	if c.chain.rev == 0 {
		open := ledger.Record{Kind: ledger.KindOpen, Epoch: 1, Stream: &ledger.Identity{Created: info.Created, From: info.First}}
		if err := c.chain.append(ctx, open); err != nil {
			return fmt.Errorf("open the control lane: %w", err)
		}
		c.identity, c.epoch = *open.Stream, 1
	}
	before, err := c.highest(ctx)
	if err != nil {
		return err
	}
	if next, changed := c.recreated(info, before); changed {
		if err := c.begin(ctx, next); err != nil {
			return err
		}
	}
	highest, err := c.highest(ctx)
	if err != nil {
		return err
	}
	return c.record(ctx, c.rs.router.routes, highest+1)
}

// replay reads the control lane anew: every revision of the present epoch.
func (c *control) replay(ctx context.Context) error {
	c.chain = chain{ledger: c.rs.router.opts.Ledger, lane: controlPrefix + c.rs.stream.Name(), nonce: c.rs.router.opts.Nonce}
	if err := c.chain.load(ctx); err != nil {
		return fmt.Errorf("read the control lane: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revisions, c.boundaries = make(map[string][]revision), nil
	c.required = make(map[string]*Decision)
	err := c.chain.ledger.Scan(ctx, c.chain.lane, 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Kind == ledger.KindCheckpoint {
			return nil
		}
		if r.Stream != nil {
			c.identity, c.epoch = *r.Stream, r.Epoch
			c.revisions, c.boundaries = make(map[string][]revision), nil
		}
		if r.Act != nil {
			delete(c.required, r.Act.Route)
		}
		if r.Config == nil {
			return nil
		}
		return c.enforce(ctx, r.Config)
	})
	if err != nil {
		return fmt.Errorf("read the control lane: %w", err)
	}
	return nil
}

// enforce puts recorded revisions into force. Those recorded later win from their sequence on. c.mu is held.
func (c *control) enforce(ctx context.Context, config *ledger.Config) error {
	for route, hash := range config.Routes {
		d, err := c.decision(ctx, route, hash)
		if err != nil {
			return fmt.Errorf("revision of route %s from sequence %d: %w", route, config.From, err)
		}
		delete(c.required, route)
		if d.Required {
			c.required[route] = d
		}
		revs := c.revisions[route]
		for len(revs) > 0 && revs[len(revs)-1].from >= config.From {
			revs = revs[:len(revs)-1]
		}
		c.revisions[route] = append(revs[:len(revs):len(revs)], revision{from: config.From, hash: hash, decision: d})
	}
	i := sort.Search(len(c.boundaries), func(i int) bool { return c.boundaries[i] >= config.From })
	if i == len(c.boundaries) || c.boundaries[i] != config.From {
		c.boundaries = append(c.boundaries, 0)
		copy(c.boundaries[i+1:], c.boundaries[i:])
		c.boundaries[i] = config.From
	}
	return nil
}

// decision reads recorded decision settings. Settings that are not there or that this program cannot read are a haltError.
func (c *control) decision(ctx context.Context, route, hash string) (*Decision, error) {
	c.decided.Lock()
	defer c.decided.Unlock()
	id := route + "/" + hash // one text may mean different things to a route and to Unreadable
	if d := c.decisions[id]; d != nil {
		return d, nil
	}
	b, err := c.chain.config(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("read decision settings %s: %w", hash, err)
	}
	d, err := c.rs.router.opts.Decide(route, b)
	if err != nil {
		return nil, &haltError{fmt.Errorf("decision settings %s: %w", hash, err)}
	}
	if c.failures[route] == nil {
		c.failures[route] = &whereFailures{}
	}
	d.failures = c.failures[route]
	c.decisions[id] = &d
	return &d, nil
}

// record makes the routes' decision settings durable, and in force from a sequence on where they changed.
func (c *control) record(ctx context.Context, routes []Route, from uint64) error {
	if err := c.release(ctx, routes); err != nil {
		return err
	}
	changed := make(map[string]string)
	for i := range routes {
		route := &routes[i]
		hash := hashOf(route.Decision)
		if route.Disabled || c.isRecorded(route.Name, hash) {
			continue
		}
		if err := c.chain.ledger.PutConfig(ctx, hash, route.Decision); err != nil {
			return fmt.Errorf("store decision settings of route %s: %w", route.Name, err)
		}
		if _, err := c.decision(ctx, route.Name, hash); err != nil { // before anything depends on it
			return err
		}
		changed[route.Name] = hash
	}
	if len(changed) > 0 {
		config := &ledger.Config{From: from, Routes: changed}
		if err := c.chain.append(ctx, ledger.Record{Kind: ledger.KindConfig, Epoch: c.epoch, Config: config}); err != nil {
			return fmt.Errorf("record revisions: %w", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.enforce(ctx, config); err != nil {
			return err
		}
	}
	return nil
}

// isRecorded says whether settings are those in force already. Those of a required route that was let go are recorded anew.
func (c *control) isRecorded(route, hash string) bool {
	revs := c.revisions[route]
	if len(revs) == 0 || revs[len(revs)-1].hash != hash {
		return false
	}
	return !revs[len(revs)-1].decision.Required || c.required[route] != nil
}

// highest is the highest sequence that any record of the stream's lanes names, of the present epoch.
func (c *control) highest(ctx context.Context) (uint64, error) {
	var highest uint64
	err := c.eachLast(ctx, c.epoch, func(r ledger.Record) {
		highest = max(highest, r.Committed)
		for _, p := range r.Open {
			highest = max(highest, p.Last)
		}
	})
	return highest, err
}

// eachLast yields the last record of each of the stream's lanes that is in an epoch of the stream.
func (c *control) eachLast(ctx context.Context, epoch uint32, yield func(ledger.Record)) error {
	lanes, err := c.rs.router.opts.Ledger.Lanes(ctx)
	if err != nil {
		return fmt.Errorf("list the ledger's lanes: %w", err)
	}
	for _, lane := range lanes {
		if route, on, side := ledger.SplitLane(lane); route == ledger.ControlRoute || on != c.rs.stream.Name() || side != "" {
			continue // a side lane counts something else than the stream's sequences
		}
		r, _, err := c.rs.router.opts.Ledger.Last(ctx, lane)
		if errors.Is(err, ledger.ErrDamaged) {
			continue // the lane halts and says so; its records are out of reach for a revision as well
		}
		if err != nil {
			return fmt.Errorf("read the last record of lane %s: %w", lane, err)
		}
		if max(r.StreamEp, 1) == epoch {
			yield(r)
		}
	}
	return nil
}

// at gives the revision in force for a route at a sequence: the last that begins there or before, else the first there is.
func (c *control) at(route string, seq uint64) (revision, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	revs := c.revisions[route]
	if len(revs) == 0 {
		return revision{}, false
	}
	i := sort.Search(len(revs), func(i int) bool { return revs[i].from > seq })
	return revs[max(i-1, 0)], true
}

// firstOf gives where the first revision of a route began.
func (c *control) firstOf(route string) (uint64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	revs := c.revisions[route]
	if len(revs) == 0 {
		return 0, false
	}
	return revs[0].from, true
}

// regimeEnd is the last sequence for which every route's revision is that of pos.
func (c *control) regimeEnd(pos uint64) uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i := sort.Search(len(c.boundaries), func(i int) bool { return c.boundaries[i] > pos })
	if i == len(c.boundaries) {
		return math.MaxUint64
	}
	return c.boundaries[i] - 1
}

// present gives what the stream is believed to be.
func (c *control) present() (ledger.Identity, uint32) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.identity, c.epoch
}
