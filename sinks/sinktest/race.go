package sinktest

import (
	"context"
	"errors"
	"fmt"

	"sluice/sinks/driver"
)

// sameWriterAt: another process, a zombie or its successor, delivers the whole plan in the midst of ours. Both succeed.
func sameWriterAt(h Harness, steps *Steps) error {
	p, err := start(h, nil, fewEntries())
	if err != nil {
		return err
	}
	var other error
	steps.fault.meanwhile = func() { _, other = p.writeAll(context.Background()) }
	ours, err := redo(h, steps, p)
	if err != nil {
		return err
	}
	_, err = ours.writeAll(context.Background())
	if err := errors.Join(err, other); err != nil {
		return err
	}
	return expect(h, content(p.plan.Units...))
}

// otherWriter is otherWriterAt every step, where the destination can tell.
func otherWriter(fresh func() Harness) error {
	if fresh().Blind {
		return nil
	}
	return everyStep(fault{}, otherWriterAt)(fresh)
}

// otherWriterAt: something else gets a unit's name in the midst of our write. Nothing of it changes, and we hear of a conflict,
// unless ours was there before it.
func otherWriterAt(h Harness, steps *Steps) error {
	p, err := start(h, nil, fewEntries())
	if err != nil {
		return err
	}
	foreign := p.plan.Units[0]
	foreign.Refs = sample(1, 3)
	foreign.Count, foreign.Digest = 3, driver.Digest(foreign.Refs)
	var other error
	happened := false
	steps.fault.meanwhile = func() { happened = true; _, other = p.driver.Write(context.Background(), &foreign) }
	ours, err := start(h, steps, fewEntries())
	if err != nil {
		return err
	}
	_, err = ours.driver.Write(context.Background(), &ours.plan.Units[0])
	switch {
	case !happened && err == nil:
		return expect(h, content(ours.plan.Units[0]))
	case happened && other == nil && driver.CodeOf(err) == driver.Conflict:
		return expect(h, content(foreign))
	case happened && driver.CodeOf(other) == driver.Conflict && err == nil:
		return expect(h, content(ours.plan.Units[0]))
	}
	return fmt.Errorf("two contents for one name: the one write gives %v, the other %v", err, other)
}
