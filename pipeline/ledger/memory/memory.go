// Package memory is a ledger without a disk, for the deterministic world of the tests: the exact semantics of a Ledger, with
// snapshots, a ledger that can be made to step back, and faults. It writes no checkpoints.
package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"sluice/pipeline/ledger"
)

var _ ledger.Ledger = (*Ledger)(nil)

// Faults are what may go wrong at an Append. Each hook is called without a lock held: it may block, and it may call the ledger.
type Faults struct {
	// Before is asked before anything happens. With an error nothing is stored, and Append returns it.
	Before func(lane string, r ledger.Record) error

	// After is asked when the record has been stored. With an error Append returns it and ErrUnknown, both wrapped.
	After func(lane string, r ledger.Record) error
}

// Ledger keeps all in memory. The zero value is an empty ledger. Several writers may share one.
type Ledger struct {
	Faults Faults // set before the first use

	mu      sync.Mutex
	lanes   map[string]lane
	configs map[string][]byte
}

// lane holds the canonical JSON of a chain. Slices only grow and their elements never change, so copies share them.
type lane struct {
	records [][]byte
	head    string // hash of the last
}

// New gives an empty ledger.
func New() *Ledger { return &Ledger{} }

// Copy gives a ledger with the same content, from then on apart, and without faults.
func (l *Ledger) Copy() *Ledger {
	c := New()
	c.Restore(l)
	return c
}

// Restore gives l the content of another ledger, as if its disk had been replaced: with an older copy of its own, it steps back.
func (l *Ledger) Restore(from *Ledger) {
	from.mu.Lock()
	lanes, configs := maps.Clone(from.lanes), maps.Clone(from.configs)
	from.mu.Unlock()
	for name, ln := range lanes {
		ln.records = slices.Clip(ln.records) // so that two owners never append to one array
		lanes[name] = ln
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lanes, l.configs = lanes, configs
}

// Last implements ledger.Ledger.
func (l *Ledger) Last(ctx context.Context, name string) (ledger.Record, ledger.Rev, error) {
	records, err := l.read(ctx, name)
	if err != nil || len(records) == 0 {
		return ledger.Record{}, 0, err
	}
	r, err := ledger.Unmarshal(records[len(records)-1])
	if err != nil {
		return ledger.Record{}, 0, fmt.Errorf("last of lane %s: %w", name, err)
	}
	return r, ledger.Rev(len(records)), nil
}

// Append implements ledger.Ledger.
func (l *Ledger) Append(ctx context.Context, name string, r ledger.Record, prev ledger.Rev) (ledger.Rev, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append record %d to lane %s: %w", r.N, name, err)
	}
	if l.Faults.Before != nil {
		if err := l.Faults.Before(name, r); err != nil {
			return 0, fmt.Errorf("append record %d to lane %s: %w", r.N, name, err)
		}
	}
	rev, err := l.store(name, r, prev)
	if err != nil {
		return 0, err
	}
	if l.Faults.After != nil {
		if err := l.Faults.After(name, r); err != nil {
			return 0, fmt.Errorf("append record %d to lane %s: %w: %w", r.N, name, ledger.ErrUnknown, err)
		}
	}
	return rev, nil
}

func (l *Ledger) store(name string, r ledger.Record, prev ledger.Rev) (ledger.Rev, error) {
	b, err := r.Marshal()
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.lanes[name]
	if err := ledger.CheckAppend(name, r, prev, ledger.Rev(len(ln.records)), ln.head); err != nil {
		return 0, err
	}
	ln.records = append(ln.records, b)
	ln.head = ledger.HashOf(b)
	if l.lanes == nil {
		l.lanes = make(map[string]lane)
	}
	l.lanes[name] = ln
	return ledger.Rev(len(ln.records)), nil
}

// Scan implements ledger.Ledger.
func (l *Ledger) Scan(ctx context.Context, name string, from ledger.Rev, yield func(ledger.Rev, ledger.Record) error) error {
	records, err := l.read(ctx, name)
	if err != nil {
		return err
	}
	for i := int(min(from, ledger.Rev(len(records)))); i < len(records); i++ {
		r, err := ledger.Unmarshal(records[i])
		if err != nil {
			return fmt.Errorf("scan lane %s: %w", name, err)
		}
		if err := yield(ledger.Rev(i+1), r); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) read(ctx context.Context, name string) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read lane %s: %w", name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lanes[name].records, nil
}

// Lanes implements ledger.Ledger.
func (l *Ledger) Lanes(context.Context) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.lanes)), nil
}

// PutConfig implements ledger.Ledger.
func (l *Ledger) PutConfig(_ context.Context, hash string, b []byte) error {
	if err := ledger.CheckConfig(hash, b); err != nil {
		return fmt.Errorf("store %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.configs == nil {
		l.configs = make(map[string][]byte)
	}
	l.configs[hash] = slices.Clone(b)
	return nil
}

// Config implements ledger.Ledger.
func (l *Ledger) Config(_ context.Context, hash string) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.configs[hash]
	if !ok {
		return nil, fmt.Errorf("read configuration %s: %w", hash, ledger.ErrNoConfig)
	}
	return slices.Clone(b), nil
}

// Close implements ledger.Ledger; the content stays.
func (l *Ledger) Close() error { return nil }
