package sinktest

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"sluice/logentry"
	"sluice/sinks/driver"
)

// stored is when the stream stored the first message of every batch of the suite.
var stored = time.Date(2026, 3, 1, 10, 59, 59, 0, time.UTC)

// sample makes n entries, two a message, over three logs, two workspaces and two hours, the keys interleaved.
func sample(first uint64, n int) []driver.Ref {
	refs := make([]driver.Ref, n)
	for i := range refs {
		refs[i] = driver.Ref{Seq: first + uint64(i/2), Index: int32(i % 2), Stored: stored.Add(time.Duration(i) * time.Second).UnixNano()}
		refs[i].Raw = fmt.Appendf(nil, `{"logName":"projects/%d/logs/log%%2F%c","timestamp":"2026-03-01T%d:30:00Z",`+"\n"+` "insertId":"%d.%d","n":%d}`,
			1+i%2, 'a'+i%3, 10+i%4/2, refs[i].Seq, refs[i].Index, i)
	}
	return refs
}

// batchOf partitions entries as the pipeline does. The driver's Key sees only the fields it asked for; bytes that are no entry
// have the empty key.
func batchOf(d driver.Driver, first uint64, refs []driver.Ref) *driver.Batch {
	b := &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 1, First: first, Last: first}
	fields := logentry.NewFields(d.Properties().Fields...)
	place := make(map[string]int)
	for _, ref := range refs {
		b.Last = max(b.Last, ref.Seq)
		e := &logentry.Entry{Raw: ref.Raw, Stream: b.Stream, Seq: ref.Seq, Index: int(ref.Index), Stored: time.Unix(0, ref.Stored).UTC()}
		key := ""
		if fields.Extract(e, logentry.Limits{}) == nil {
			key = string(d.Key(nil, e))
		}
		if _, ok := place[key]; !ok {
			place[key] = len(b.Groups)
			b.Groups = append(b.Groups, driver.Group{Key: key})
		}
		g := &b.Groups[place[key]]
		g.Refs = append(g.Refs, ref)
	}
	return b
}

// process is a driver with a plan, as the pipeline holds them.
type process struct {
	driver driver.Driver
	state  driver.State
	batch  *driver.Batch
	plan   driver.Plan
}

// start opens the destination and plans a batch of the entries.
func start(h Harness, steps *Steps, refs []driver.Ref) (*process, error) {
	d, err := h.Open(steps, driver.ToSink)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	state, err := d.Prepare(context.Background(), nil)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	p := &process{driver: d, state: state}
	b := batchOf(d, refs[0].Seq, refs)
	for {
		if err := p.replan(b); err != nil || p.plan.Wants == nil {
			return p, err
		}
		if p.state, err = d.Prepare(context.Background(), p.plan.Wants); err != nil {
			return nil, fmt.Errorf("prepare for the batch: %w", err)
		}
	}
}

// restart opens the destination again and redoes another process's plan.
func restart(h Harness, old *process) (*process, error) { return redo(h, nil, old) }

func redo(h Harness, steps *Steps, old *process) (*process, error) {
	d, err := h.Open(steps, driver.ToSink)
	if err != nil {
		return nil, fmt.Errorf("open again: %w", err)
	}
	p := &process{driver: d, state: old.state}
	if err := p.replan(old.batch); err != nil {
		return nil, err
	}
	old.again()
	p.again()
	if diff := difference(old.plan, p.plan); diff != "" {
		return nil, fmt.Errorf("the plan made again differs:\n%s", diff)
	}
	return p, nil
}

// again says of each unit, as the pipeline does, that another attempt of it may have reached the destination.
func (p *process) again() {
	for i := range p.plan.Units {
		p.plan.Units[i].Redo = true
	}
}

func (p *process) replan(b *driver.Batch) error {
	p.batch = b
	var err error
	if p.plan, err = p.driver.Plan(p.state, b); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	for i := range p.plan.Units {
		u := &p.plan.Units[i]
		u.To, u.Count, u.Digest = driver.ToSink, len(u.Refs), driver.Digest(u.Refs)
		u.Origin = driver.Origin{Route: b.Route, Stream: b.Stream, Epoch: b.Epoch, First: b.First, Last: b.Last, Units: len(p.plan.Units)}
	}
	return nil
}

// writeAll writes every unit once.
func (p *process) writeAll(ctx context.Context) ([]driver.Receipt, error) {
	receipts := make([]driver.Receipt, len(p.plan.Units))
	for i := range p.plan.Units {
		var err error
		if receipts[i], err = p.driver.Write(ctx, &p.plan.Units[i]); err != nil {
			return nil, fmt.Errorf("write unit %s: %w", p.plan.Units[i].Name, err)
		}
	}
	return receipts, nil
}

// content is what readers must find of units.
func content(units ...driver.Unit) map[string][]string {
	lines := make(map[string][]string)
	for _, u := range units {
		for _, ref := range u.Refs {
			lines[u.Name] = append(lines[u.Name], strings.ReplaceAll(string(ref.Raw), "\n", " "))
		}
	}
	return lines
}

// expect compares what readers find with what they must find, exactly.
func expect(h Harness, want map[string][]string) error {
	got, err := h.Read()
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	for name := range maps.Keys(want) {
		if len(got[name]) != len(want[name]) {
			return fmt.Errorf("%s holds %d entries, want %d", name, len(got[name]), len(want[name]))
		}
	}
	if diff := difference(want, got); diff != "" {
		return fmt.Errorf("the destination differs (-want +got):\n%s", diff)
	}
	return nil
}
