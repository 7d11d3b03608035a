package sinktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/sinks/driver"
)

// everyStep lives a life with a fault at the first operation of a delivery, at the second, and so on until none is left.
func everyStep(f fault, life func(h Harness, steps *Steps) error) func(fresh func() Harness) error {
	return func(fresh func() Harness) error {
		for at := 1; ; at++ {
			steps := &Steps{at: at, fault: f}
			if err := life(fresh(), steps); err != nil {
				return fmt.Errorf("%s: %w", steps.fired(), err)
			}
			if steps.fired() != "" {
				continue
			}
			if at == 1 {
				return errors.New("no operation passed through Steps.Do")
			}
			return nil
		}
	}
}

// fewEntries is a batch of two units in most layouts, one of which no buffer takes whole.
func fewEntries() []driver.Ref {
	refs := sample(4711, 4)
	refs = []driver.Ref{refs[0], refs[3]} // of one log, an hour and a workspace apart
	refs[0].Raw = fmt.Appendf(nil, `{"logName":"projects/1/logs/log%%2Fa","timestamp":"2026-03-01T10:30:00Z","textPayload":"%s"}`, bytes.Repeat([]byte("x"), 70<<10))
	return refs
}

// cancelAt is faultAt with a context that ends, and no other fault.
func cancelAt(h Harness, steps *Steps) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	steps.fault.meanwhile = cancel
	return deliverWith(ctx, h, steps)
}

// faultAt is a delivery that meets the fault of its steps.
func faultAt(h Harness, steps *Steps) error { return deliverWith(context.Background(), h, steps) }

// deliverWith is the life of one delivery: a process meets the fault, the machine forgets what is not durable, another process redoes
// the plan, and a third one too. All must agree on what stands there.
func deliverWith(ctx context.Context, h Harness, steps *Steps) error {
	refs := fewEntries()
	one, acked, err := firstProcess(ctx, h, steps, refs)
	if err != nil {
		return err
	}
	if h.PowerLoss != nil {
		if err := h.PowerLoss(); err != nil {
			return fmt.Errorf("power loss: %w", err)
		}
	}
	seen, err := h.Read()
	if err != nil {
		return fmt.Errorf("read after the fault: %w", err)
	}
	var two *process
	if one == nil {
		two, err = start(h, nil, refs) // it fell before its plan: nothing is known of it
	} else {
		two, err = restart(h, one)
	}
	if err != nil {
		return err
	}
	if err := wholeUnits(h, two.plan.Units, seen, acked); err != nil {
		return err
	}
	for range 2 {
		if _, err := two.writeAll(context.Background()); err != nil {
			return fmt.Errorf("redo: %w", err)
		}
		if err := expect(h, content(two.plan.Units...)); err != nil {
			return fmt.Errorf("after the redo: %w", err)
		}
		if two, err = restart(h, two); err != nil {
			return err
		}
	}
	return nil
}

// firstProcess delivers until the fault ends it, or, if the fault is a mere failure, on. It tells which units it believes to be
// durable. Its process is nil when it fell before it had a plan.
func firstProcess(ctx context.Context, h Harness, steps *Steps, refs []driver.Ref) (p *process, acked []driver.Unit, err error) {
	p, err = start(h, steps, refs)
	if err != nil && steps.fired() == "" {
		return nil, nil, err
	}
	if err != nil && steps.fault.crash {
		return nil, nil, nil
	}
	if err != nil {
		if p, err = start(h, steps, refs); err != nil {
			return nil, nil, fmt.Errorf("start after a failure: %w", err)
		}
	}
	for _, u := range p.plan.Units {
		_, err := p.driver.Write(ctx, &u)
		if err != nil {
			if err := classified(ctx, err, steps); err != nil {
				return nil, nil, err
			}
			if steps.fault.crash {
				return p, acked, nil
			}
			if _, err = p.driver.Write(context.Background(), &u); err != nil {
				return nil, nil, fmt.Errorf("write again after a failure: %w", err)
			}
		}
		acked = append(acked, u)
	}
	return p, acked, nil
}

// classified: an error is expected once the fault was met, and it has a code that keeps the plan.
func classified(ctx context.Context, err error, steps *Steps) error {
	var coded *driver.Error
	if !errors.As(err, &coded) || steps.fired() == "" {
		return fmt.Errorf("not an expected *driver.Error: %w", err)
	}
	switch {
	case ctx.Err() != nil && coded.Code == driver.Canceled:
	case ctx.Err() == nil && (coded.Code == driver.Unavailable || coded.Code == driver.Unknown):
	default:
		return fmt.Errorf("the wrong code: %w", err)
	}
	return nil
}

// wholeUnits: readers see units of the plan, each whole or not at all, and all those that were acknowledged.
func wholeUnits(h Harness, units []driver.Unit, seen map[string][]string, acked []driver.Unit) error {
	want := content(units...)
	for name, lines := range seen {
		whole := slices.Equal(want[name], lines)
		for i := range units { // an append holds the units before it
			whole = whole || units[i].Name == name && slices.Equal(content(units[:i+1]...)[name], lines)
		}
		if h.Parts && len(lines) <= len(want[name]) {
			whole = slices.Equal(want[name][:len(lines)], lines)
		}
		if !whole {
			return fmt.Errorf("after the fault readers see %d of %d entries of %s, or others:\n%s", len(lines), len(want[name]), name, difference(want[name], lines))
		}
	}
	for name, lines := range content(acked...) {
		if len(seen[name]) < len(lines) {
			return fmt.Errorf("%s was acknowledged and holds %d of %d entries after the fault", name, len(seen[name]), len(lines))
		}
	}
	return nil
}
