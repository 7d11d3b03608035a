package sinktest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"sluice/sinks/driver"
)

// planIsPure: the same from any driver of the destination, at any time, also before anything was prepared by this driver.
func planIsPure(fresh func() Harness) error {
	h := fresh()
	first, err := start(h, nil, sample(4711, 40))
	if err != nil {
		return err
	}
	before := cloneBatch(first.batch)
	second, err := h.Open(nil, driver.ToSink)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if diff := difference(before, batchOf(second, 4711, sample(4711, 40))); diff != "" {
		return fmt.Errorf("keys of another driver differ:\n%s", diff)
	}
	want, err := first.driver.Plan(first.state, first.batch)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	var plans [8]driver.Plan
	var errs [8]error
	var wait sync.WaitGroup
	for i := range plans {
		wait.Go(func() {
			plans[i], errs[i] = []driver.Driver{first.driver, second}[i%2].Plan(slices.Clone(first.state), first.batch)
		})
	}
	wait.Wait()
	for i := range plans {
		if diff := difference(want, plans[i]); diff != "" || errs[i] != nil {
			return fmt.Errorf("plan %d differs: %v\n%s", i, errs[i], diff)
		}
	}
	if diff := difference(before, first.batch); diff != "" {
		return fmt.Errorf("plan changed the batch:\n%s", diff)
	}
	return nil
}

func cloneBatch(b *driver.Batch) *driver.Batch {
	c := *b
	c.Groups = slices.Clone(b.Groups)
	for i := range c.Groups {
		c.Groups[i].Refs = slices.Clone(c.Groups[i].Refs)
		for j := range c.Groups[i].Refs {
			c.Groups[i].Refs[j].Raw = bytes.Clone(c.Groups[i].Refs[j].Raw)
		}
	}
	return &c
}

// planHoldsEachEntryOnceInOrder: the units, one after another, hold the groups, one after another, without the rejects; and no
// two units are the same place.
func planHoldsEachEntryOnceInOrder(fresh func() Harness) error {
	p, err := start(fresh(), nil, sample(4711, 40))
	if err != nil {
		return err
	}
	if err := holdsAll(p.plan, p.batch); err != nil {
		return err
	}
	places := make(map[string]bool)
	for _, u := range p.plan.Units {
		place := fmt.Sprintf("%s at %d", u.Name, u.Offset)
		if places[place] || len(u.Refs) == 0 {
			return fmt.Errorf("unit %s: stands there twice, or holds nothing", place)
		}
		places[place] = true
	}
	return nil
}

func holdsAll(p driver.Plan, b *driver.Batch) error {
	rejected := make(map[[2]uint64]bool)
	for _, r := range p.Rejects {
		rejected[[2]uint64{r.Seq, uint64(r.Index)}] = true
	}
	var want, got []driver.Ref
	for _, g := range b.Groups {
		for _, ref := range g.Refs {
			if !rejected[[2]uint64{ref.Seq, uint64(ref.Index)}] {
				want = append(want, ref)
			}
		}
	}
	for _, u := range p.Units {
		got = append(got, u.Refs...)
	}
	if diff := difference(want, got); diff != "" {
		return fmt.Errorf("the units do not hold the entries in order (-want +got):\n%s", diff)
	}
	return nil
}

// plansAreApart: a later batch, another epoch, another stream and another lane of the route lead to other places.
func plansAreApart(fresh func() Harness) error {
	p, err := start(fresh(), nil, sample(4711, 10))
	if err != nil {
		return err
	}
	places := make(map[string]int)
	state := p.state
	for i, change := range []func(b *driver.Batch){
		func(*driver.Batch) {},
		func(b *driver.Batch) { b.First++ },
		func(b *driver.Batch) { b.Epoch++ },
		func(b *driver.Batch) { b.Stream = "LOGS-e1" },
		func(b *driver.Batch) { b.Side = "r1" },
		func(b *driver.Batch) { b.Side = "r2" },
	} {
		b := *p.batch
		change(&b)
		plan, err := p.driver.Plan(state, &b)
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		for _, u := range plan.Units {
			place := fmt.Sprintf("%s at %d", u.Name, u.Offset)
			if other, taken := places[place]; taken {
				return fmt.Errorf("batches %d and %d both write %s", other, i, place)
			}
			places[place] = i
		}
		state = plan.Next
	}
	return nil
}

// nothingGivesNoUnits: an empty object is no delivery.
func nothingGivesNoUnits(fresh func() Harness) error {
	p, err := start(fresh(), nil, sample(4711, 1))
	if err != nil {
		return err
	}
	plan, err := p.driver.Plan(p.state, &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 1, First: 1, Last: 9})
	if err != nil || len(plan.Units) != 0 || len(plan.Rejects) != 0 {
		return fmt.Errorf("a batch without groups gives %d units, %d rejects, %v", len(plan.Units), len(plan.Rejects), err)
	}
	return nil
}
