package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"sync"
	"time"

	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
)

// controlPrefix begins the names of control lanes: _stream/<name>.
const controlPrefix = "_stream/"

// revision is the decision settings of one route in force from a sequence on.
type revision struct {
	from     uint64
	hash     string
	decision *Decision
}

// control is a stream's control lane: what the stream is believed to be, and which revisions are in force where.
type control struct {
	rs    *readers
	chain chain

	// Set by prepare, before any lane runs.
	identity   ledger.Identity
	epoch      uint32
	fresh      bool                  // the ledger knew nothing of the stream before this start
	from       uint64                // where this start's revisions begin
	revisions  map[string][]revision // by route, in the order of from
	boundaries []uint64              // where any revision begins, ascending

	mu        sync.Mutex
	decisions map[string]*Decision // by route and hash
}

func newControl(rs *readers) *control {
	return &control{rs: rs, revisions: make(map[string][]revision), decisions: make(map[string]*Decision)}
}

// hashOf names a configuration by its content.
func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// prepare reads the control lane, checks that the stream is the one it knows, and records the routes' decision settings where
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
	c.chain = chain{ledger: c.rs.router.opts.Ledger, lane: controlPrefix + info.Name, nonce: c.rs.router.opts.Nonce}
	c.revisions, c.boundaries, c.fresh = make(map[string][]revision), nil, false
	if err := c.chain.load(ctx); err != nil {
		return fmt.Errorf("read the control lane: %w", err)
	}
	if c.chain.rev == 0 {
		c.fresh = true
		open := ledger.Record{Kind: ledger.KindOpen, Epoch: 1, Stream: &ledger.Identity{Created: info.Created, From: info.First}}
		if err := c.chain.append(ctx, open); err != nil {
			return fmt.Errorf("open the control lane: %w", err)
		}
	}
	if err := c.replay(ctx); err != nil {
		return err
	}
	return c.record(ctx)
}

// replay takes in every record of the control lane.
func (c *control) replay(ctx context.Context) error {
	configs := 0
	err := c.chain.ledger.Scan(ctx, c.chain.lane, 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Stream != nil {
			c.identity, c.epoch = *r.Stream, r.Epoch
		}
		if r.Config == nil || r.Kind == ledger.KindCheckpoint {
			return nil
		}
		configs++
		for route, hash := range r.Config.Routes {
			d, err := c.decision(ctx, route, hash)
			if err != nil {
				return fmt.Errorf("revision of route %s from sequence %d: %w", route, r.Config.From, err)
			}
			c.enforce(route, revision{from: r.Config.From, hash: hash, decision: d})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the control lane: %w", err)
	}
	c.fresh = configs == 0
	return nil
}

// decision reads recorded decision settings.
func (c *control) decision(ctx context.Context, route, hash string) (*Decision, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := route + "/" + hash // one text may mean different things to a route and to Unreadable
	if d := c.decisions[id]; d != nil {
		return d, nil
	}
	b, err := c.chain.ledger.Config(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("read decision settings %s: %w", hash, err)
	}
	d, err := c.rs.router.opts.Decide(route, b)
	if err != nil {
		return nil, fmt.Errorf("decision settings %s: %w", hash, err)
	}
	c.decisions[id] = &d
	return &d, nil
}

// enforce puts a revision into force. One recorded later wins from its sequence on.
func (c *control) enforce(route string, r revision) {
	revs := c.revisions[route]
	for len(revs) > 0 && revs[len(revs)-1].from >= r.from {
		revs = revs[:len(revs)-1]
	}
	c.revisions[route] = append(revs, r)
	i := sort.Search(len(c.boundaries), func(i int) bool { return c.boundaries[i] >= r.from })
	if i == len(c.boundaries) || c.boundaries[i] != r.from {
		c.boundaries = append(c.boundaries, 0)
		copy(c.boundaries[i+1:], c.boundaries[i:])
		c.boundaries[i] = r.from
	}
}

// record makes the present decision settings durable and in force from the first sequence that no record names yet.
func (c *control) record(ctx context.Context) error {
	highest, err := c.highest(ctx)
	if err != nil {
		return err
	}
	c.from = highest + 1
	changed := make(map[string]string)
	for _, l := range c.rs.lanes {
		hash := hashOf(l.route.Decision)
		revs := c.revisions[l.route.Name]
		if len(revs) > 0 && revs[len(revs)-1].hash == hash {
			continue
		}
		if err := c.chain.ledger.PutConfig(ctx, hash, l.route.Decision); err != nil {
			return fmt.Errorf("store decision settings of route %s: %w", l.route.Name, err)
		}
		changed[l.route.Name] = hash
	}
	if len(changed) == 0 {
		return nil
	}
	config := &ledger.Config{From: c.from, Routes: changed}
	if err := c.chain.append(ctx, ledger.Record{Kind: ledger.KindConfig, Epoch: c.epoch, Config: config}); err != nil {
		return fmt.Errorf("record revisions: %w", err)
	}
	for route, hash := range changed {
		d, err := c.decision(ctx, route, hash)
		if err != nil {
			return err
		}
		c.enforce(route, revision{from: c.from, hash: hash, decision: d})
	}
	return nil
}

// highest is the highest sequence that any record of the stream's lanes names.
func (c *control) highest(ctx context.Context) (uint64, error) {
	lanes, err := c.chain.ledger.Lanes(ctx)
	if err != nil {
		return 0, fmt.Errorf("list the ledger's lanes: %w", err)
	}
	var highest uint64
	for _, lane := range lanes {
		if strings.HasPrefix(lane, controlPrefix) || !strings.HasSuffix(lane, "/"+c.rs.stream.Name()) {
			continue
		}
		r, _, err := c.chain.ledger.Last(ctx, lane)
		if err != nil {
			continue // that lane will halt and say so; its records are out of reach for a revision as well
		}
		highest = max(highest, r.Committed)
		for _, p := range r.Open {
			highest = max(highest, p.Last)
		}
	}
	return highest, nil
}

// verify says what is wrong with the stream that now answers.
func (c *control) verify(info stream.Info) error {
	if !c.identity.Created.IsZero() && !info.Created.Equal(c.identity.Created) {
		return fmt.Errorf("%w: created %s, the ledger knows one created %s", errIdentity,
			info.Created.UTC().Format(time.RFC3339Nano), c.identity.Created.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// at gives the revision in force for a route at a sequence: the last that begins there or before, else the first there is.
func (c *control) at(route string, seq uint64) (revision, bool) {
	revs := c.revisions[route]
	if len(revs) == 0 {
		return revision{}, false
	}
	i := sort.Search(len(revs), func(i int) bool { return revs[i].from > seq })
	return revs[max(i-1, 0)], true
}

// regimeEnd is the last sequence for which every route's revision is that of pos.
func (c *control) regimeEnd(pos uint64) uint64 {
	i := sort.Search(len(c.boundaries), func(i int) bool { return c.boundaries[i] > pos })
	if i == len(c.boundaries) {
		return math.MaxUint64
	}
	return c.boundaries[i] - 1
}
