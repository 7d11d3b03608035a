// Package sinks is the portable face of a destination: a driver, with the deadline, the retries and the measurements that are
// alike for all of them. The promise each destination keeps is in package driver.
package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"sluice/logentry"
	"sluice/sinks/driver"
)

// A Sink stands wherever a driver may.
var (
	_ driver.Driver     = (*Sink)(nil)
	_ driver.DeadReader = (*Sink)(nil)
)

// Options are how a Sink calls its driver. The zero value of a field means its default.
type Options struct {
	Deadline time.Duration  // of one attempt of a Write; default 60 s
	Patience time.Duration  // no attempt of a Write is begun later than this after its first, waiting for Rate apart; default 30 s
	Backoff  Backoff        // between attempts
	InFlight int            // attempts under way at once; default 8
	Rate     Rate           // default: as fast as the destination takes it
	Jitter   func() float64 // in [0, 1), from several goroutines at once; default random
	Hooks    Hooks
}

// Backoff says how long a Sink waits: before the n-th retry a random share of First × 2ⁿ⁻¹, at most of Max ("full jitter").
type Backoff struct {
	First time.Duration // default 200 ms
	Max   time.Duration // default 10 s
}

// Hooks are told what happens; nil ones are not called. They may be called from several goroutines at once.
type Hooks struct {
	// OnAttempt is called after each attempt of a Write. err is nil or a *driver.Error.
	OnAttempt func(u *driver.Unit, r driver.Receipt, err error, took time.Duration)
}

// Sink is one destination as the pipeline sees it. Like its driver it may be used by several goroutines at once.
type Sink struct {
	driver driver.Driver
	opts   Options
	slots  chan struct{}
	pace   *pace
}

// New puts a Sink around a driver, which it closes when it is closed.
func New(d driver.Driver, o Options) *Sink {
	if o.Deadline <= 0 {
		o.Deadline = time.Minute
	}
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	if o.Backoff.First <= 0 {
		o.Backoff.First = 200 * time.Millisecond
	}
	if o.Backoff.Max <= 0 {
		o.Backoff.Max = 10 * time.Second
	}
	if o.InFlight <= 0 {
		o.InFlight = 8
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return &Sink{driver: d, opts: o, slots: make(chan struct{}, o.InFlight), pace: newPace(o.Rate)}
}

// Properties are the driver's.
func (s *Sink) Properties() driver.Properties { return s.driver.Properties() }

// Key is the driver's.
func (s *Sink) Key(dst []byte, e *logentry.Entry) []byte { return s.driver.Key(dst, e) }

// Prepare is the driver's, called once.
func (s *Sink) Prepare(ctx context.Context, st driver.State) (driver.State, error) {
	return s.driver.Prepare(ctx, st)
}

// Plan is the driver's.
func (s *Sink) Plan(st driver.State, b *driver.Batch) (driver.Plan, error) {
	return s.driver.Plan(st, b)
}

// ReadDead is the driver's, called once; errors.ErrUnsupported where the driver is no driver.DeadReader.
func (s *Sink) ReadDead(ctx context.Context, name string) (io.ReadCloser, error) {
	r, ok := s.driver.(driver.DeadReader)
	if !ok {
		return nil, fmt.Errorf("%s cannot give back dead letters: %w", s.driver.Properties().Kind, errors.ErrUnsupported)
	}
	return r.ReadDead(ctx, name)
}

// Close closes the driver.
func (s *Sink) Close() error { return s.driver.Close() }

// Write makes the unit visible, as driver.Write does. What is Unavailable or Unknown, an attempt that took longer than its
// deadline among it, is tried again with growing pauses as long as Options.Patience lasts; the last error is then returned, and
// the unit may be written again at any later time. Other errors return at once. Each wraps a *driver.Error; Canceled means that
// ctx has ended. A slot is held only while the driver works, not in the pauses. Each attempt counts for Options.Rate, except one that
// finds the unit there already.
func (s *Sink) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	cost := s.opts.Rate.cost(u)
	var spent time.Duration // on attempts and pauses; waiting for Rate is no trouble of the destination's
	for retry := 0; ; retry++ {
		if err := s.pace.wait(ctx, cost); err != nil {
			return driver.Receipt{}, fmt.Errorf("write unit %s: %w", u.Name, err)
		}
		start := time.Now()
		receipt, err := s.attempt(ctx, u)
		if err == nil {
			if receipt.Existed {
				s.pace.giveBack(cost)
			}
			return receipt, nil
		}
		pause := s.pause(retry)
		spent += time.Since(start) + pause
		if !retryable(err) || spent > s.opts.Patience {
			return driver.Receipt{}, fmt.Errorf("write unit %s: %w", u.Name, err)
		}
		if err := wait(ctx, pause); err != nil {
			return driver.Receipt{}, fmt.Errorf("write unit %s: %w", u.Name, err)
		}
	}
}

// attempt calls the driver once, with a slot and a deadline.
func (s *Sink) attempt(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return driver.Receipt{}, canceled(ctx)
	}
	if ctx.Err() != nil {
		return driver.Receipt{}, canceled(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, s.opts.Deadline)
	defer cancel()
	start := time.Now()
	receipt, err := s.driver.Write(limited, u)
	took := time.Since(start)
	err = s.classify(ctx, err)
	if s.opts.Hooks.OnAttempt != nil {
		s.opts.Hooks.OnAttempt(u, receipt, err, took)
	}
	return receipt, err
}

// classify makes sure that an error has a code, and that Canceled means the caller's context and no other.
func (s *Sink) classify(ctx context.Context, err error) error {
	var coded *driver.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &coded):
		return &driver.Error{Code: driver.Unknown, Err: err}
	case coded.Code == driver.Canceled && ctx.Err() == nil:
		return &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("no answer within %v: %w", s.opts.Deadline, coded.Err)}
	}
	return err
}

// pause is how long to wait before a retry, the first being 0.
func (s *Sink) pause(retry int) time.Duration {
	limit := s.opts.Backoff.First
	for range retry {
		if limit >= s.opts.Backoff.Max {
			break
		}
		limit *= 2
	}
	return time.Duration(s.opts.Jitter() * float64(min(limit, s.opts.Backoff.Max)))
}

func retryable(err error) bool {
	code := driver.CodeOf(err)
	return code == driver.Unavailable || code == driver.Unknown
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return canceled(ctx)
	}
}

func canceled(ctx context.Context) error {
	return &driver.Error{Code: driver.Canceled, Err: context.Cause(ctx)}
}
