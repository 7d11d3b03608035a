package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/pipeline/ledger"
)

// chain is one lane's end of the ledger: what the last record is believed to be, and how the next is put behind it.
type chain struct {
	ledger ledger.Ledger
	lane   string
	nonce  func() string
	rec    ledger.Record
	rev    ledger.Rev
}

// lostReplies is how often an append is tried again whose outcome was unknown and which turned out not to have happened.
const lostReplies = 5

// load reads the lane's last record.
func (c *chain) load(ctx context.Context) error {
	rec, rev, err := c.ledger.Last(ctx, c.lane)
	if err != nil {
		return fmt.Errorf("read the last record of lane %s: %w", c.lane, err)
	}
	c.rec, c.rev = rec, rev
	return nil
}

// config reads stored settings. That they are not there, or spoiled, only a person can help.
func (c *chain) config(ctx context.Context, hash string) ([]byte, error) {
	b, err := c.ledger.Config(ctx, hash)
	if errors.Is(err, ledger.ErrNoConfig) || errors.Is(err, ledger.ErrDamaged) {
		err = &haltError{err}
	}
	return b, err
}

// append puts r behind the last record. After ErrFenced nothing that was believed of the lane holds; after a fatalError the
// process must not go on with this ledger.
func (c *chain) append(ctx context.Context, r ledger.Record) error {
	r.V, r.Lane, r.N, r.At = ledger.Version, c.lane, uint64(c.rev)+1, time.Now().UTC()
	if c.rev > 0 {
		prev, err := c.rec.Hash()
		if err != nil {
			return err
		}
		r.Prev = prev
	}
	for range lostReplies {
		r.Nonce = c.nonce()
		rev, err := c.ledger.Append(ctx, c.lane, r, c.rev)
		if err == nil {
			c.rec, c.rev = r, rev
			return nil
		}
		if errors.Is(err, ledger.ErrFenced) {
			return err
		}
		if errors.Is(err, ledger.ErrDamaged) {
			return &haltError{err}
		}
		if ctx.Err() != nil && !errors.Is(err, ledger.ErrUnknown) && !errors.Is(err, ledger.ErrBroken) {
			return err // nothing was stored
		}
		if !errors.Is(err, ledger.ErrUnknown) {
			return &fatalError{fmt.Errorf("append to lane %s: %w", c.lane, err)}
		}
		done, err := c.settle(ctx, r)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("append to lane %s: %w", c.lane, ledger.ErrUnknown)
}

// settle finds out what became of an append whose reply was lost: done when it happened; ErrFenced when another's did.
func (c *chain) settle(ctx context.Context, r ledger.Record) (done bool, err error) {
	last, rev, err := c.ledger.Last(ctx, c.lane)
	switch {
	case err != nil:
		return false, fmt.Errorf("read lane %s after an append without reply: %w", c.lane, err)
	case last.Nonce == r.Nonce && rev == c.rev+1:
		c.rec, c.rev = r, rev
		return true, nil
	case rev == c.rev:
		return false, nil
	default:
		return false, ledger.ErrFenced
	}
}

// fatalError says that this process must not go on with its ledger.
type fatalError struct{ error }

// Unwrap gives the cause.
func (e *fatalError) Unwrap() error { return e.error }

// haltError says that a lane must stand still until a person acts.
type haltError struct{ error }

// Unwrap gives the cause.
func (e *haltError) Unwrap() error { return e.error }
