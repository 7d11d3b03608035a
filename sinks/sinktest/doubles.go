package sinktest

import (
	"context"
	"fmt"

	"sluice/sinks/driver"
)

// Delivery is one entry as it reached a destination that delivers at least once.
type Delivery struct {
	ID   string // its sluice-id: route/stream/epoch/sequence.index
	Line string // what it holds
}

// doubles: what reaches a destination more than once is of the plan that was open at the fault, under the same ids, and the same;
// a plan that was settled before the fault, and one after it, arrive once.
func doubles(fresh func() Harness) error {
	if fresh().Deliveries == nil {
		return nil
	}
	for _, f := range []fault{{crash: true}, {crash: true, after: true}, {after: true}} {
		if err := everyStep(f, doublesAt)(fresh); err != nil {
			return err
		}
	}
	return nil
}

func doublesAt(h Harness, steps *Steps) error {
	settled, err := deliverOnce(h, sample(100, 6))
	if err != nil {
		return fmt.Errorf("before the fault: %w", err)
	}
	open, _, err := firstProcess(context.Background(), h, steps, fewEntries())
	if err != nil {
		return err
	}
	if steps.fired() != "" {
		if open, err = start(h, nil, fewEntries()); err != nil {
			return err
		}
		if _, err := open.writeAll(context.Background()); err != nil {
			return fmt.Errorf("redo: %w", err)
		}
	}
	later, err := deliverOnce(h, sample(9000, 6))
	if err != nil {
		return fmt.Errorf("after the fault: %w", err)
	}
	if steps.fired() == "" {
		settled, open = append(settled, open.plan.Units...), &process{}
	}
	return countDeliveries(h, append(settled, later...), open.plan.Units)
}

func deliverOnce(h Harness, refs []driver.Ref) ([]driver.Unit, error) {
	p, err := start(h, nil, refs)
	if err != nil {
		return nil, err
	}
	_, err = p.writeAll(context.Background())
	return p.plan.Units, err
}

// countDeliveries: each entry of once arrived once, each of open at least once, all as they were given, and nothing else arrived.
func countDeliveries(h Harness, once, open []driver.Unit) error {
	deliveries, err := h.Deliveries()
	if err != nil {
		return fmt.Errorf("read the deliveries: %w", err)
	}
	arrived, line := make(map[string]int), make(map[string]string)
	for _, d := range deliveries {
		if other, known := line[d.ID]; known && other != d.Line {
			return fmt.Errorf("%s arrived with two contents:\n%s", d.ID, difference(other, d.Line))
		}
		arrived[d.ID]++
		line[d.ID] = d.Line
	}
	expected := 0
	for i, units := range [][]driver.Unit{once, open} {
		for _, u := range units {
			for j, want := range content(u)[u.Name] {
				id := fmt.Sprintf("%s/%s/%d/%d.%d", u.Origin.Route, u.Origin.Stream, u.Origin.Epoch, u.Refs[j].Seq, u.Refs[j].Index)
				switch n := arrived[id]; {
				case n == 0:
					return fmt.Errorf("%s did not arrive", id)
				case n > 1 && i == 0:
					return fmt.Errorf("%s arrived %d times, and its plan was not open at a fault", id, n)
				case line[id] != want:
					return fmt.Errorf("%s arrived as another:\n%s", id, difference(want, line[id]))
				}
				expected++
			}
		}
	}
	if len(arrived) != expected {
		return fmt.Errorf("%d ids arrived of %d entries", len(arrived), expected)
	}
	return nil
}
