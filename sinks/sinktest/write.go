package sinktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

// writeDelivers: what the plan says, nothing else, unit by unit.
func writeDelivers(fresh func() Harness) error {
	h := fresh()
	p, err := start(h, nil, sample(4711, 40))
	if err != nil {
		return err
	}
	if err := expect(h, map[string][]string{}); err != nil {
		return fmt.Errorf("before anything was written: %w", err)
	}
	for i := range p.plan.Units {
		receipt, err := p.driver.Write(context.Background(), &p.plan.Units[i])
		if err != nil || receipt.Bytes <= 0 || receipt.Existed {
			return fmt.Errorf("the first write gives %+v, %v", receipt, err)
		}
		if err := expect(h, content(p.plan.Units[:i+1]...)); err != nil {
			return err
		}
	}
	return p.driver.Close()
}

// writeIsIdempotent: again, by the same driver, by another one, and after Close.
func writeIsIdempotent(fresh func() Harness) error {
	h := fresh()
	p, err := start(h, nil, sample(4711, 40))
	if err != nil {
		return err
	}
	first, err := p.writeAll(context.Background())
	if err != nil {
		return err
	}
	for round := range 3 {
		again, err := p.writeAll(context.Background())
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if err := sameReceipts(p.driver, first, again); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if err := expect(h, content(p.plan.Units...)); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if round == 1 {
			if err := p.driver.Close(); err != nil {
				return fmt.Errorf("close: %w", err)
			}
			if p, err = restart(h, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameReceipts: a repeated write tells what is stored, and that it stood there, as far as the destination knows.
func sameReceipts(d driver.Driver, first, again []driver.Receipt) error {
	if d.Properties().Guarantee != driver.ExactlyOnce {
		return nil
	}
	for i := range first {
		want := first[i]
		want.Existed = true
		if diff := difference(want, again[i]); diff != "" {
			return fmt.Errorf("receipt of the repeated write (-want +got):\n%s", diff)
		}
	}
	return nil
}

// writeIsIdempotentAtOnce: two processes (one a zombie) write the same units from eight goroutines.
func writeIsIdempotentAtOnce(fresh func() Harness) error {
	h := fresh()
	one, err := start(h, nil, sample(4711, 12))
	if err != nil {
		return err
	}
	two, err := restart(h, one)
	if err != nil {
		return err
	}
	var errs [8]error
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { _, errs[i] = []*process{one, two}[i%2].writeAll(context.Background()) })
	}
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return expect(h, content(one.plan.Units...))
}

// otherContentIsConflict: a name is given once. Neither less, nor more, nor one other byte is taken for the same.
func otherContentIsConflict(fresh func() Harness) error {
	h := fresh()
	if h.Blind {
		return nil
	}
	p, err := start(h, nil, sample(4711, 24))
	if err != nil {
		return err
	}
	if _, err := p.writeAll(context.Background()); err != nil {
		return err
	}
	u := p.plan.Units[0]
	changed := bytes.Clone(u.Refs[0].Raw)
	changed[len(changed)-2] ^= 1
	for name, refs := range map[string][]driver.Ref{
		"less":           u.Refs[:1],
		"more":           append(u.Refs[:len(u.Refs):len(u.Refs)], u.Refs[0]),
		"one other byte": append([]driver.Ref{{Seq: u.Refs[0].Seq, Raw: changed}}, u.Refs[1:]...),
	} {
		other := u
		other.Refs, other.Count, other.Digest = refs, len(refs), driver.Digest(refs)
		if _, err := p.driver.Write(context.Background(), &other); driver.CodeOf(err) != driver.Conflict {
			return fmt.Errorf("%s under a name that is taken: %v, want a conflict", name, err)
		}
		if err := expect(h, content(p.plan.Units...)); err != nil {
			return fmt.Errorf("after %s was refused: %w", name, err)
		}
	}
	return nil
}

// largeUnits: many entries, and one that is large.
func largeUnits(fresh func() Harness) error {
	h := fresh()
	refs := sample(4711, 20_000)
	refs[7].Raw = fmt.Appendf(nil, `{"logName":"projects/1/logs/a","textPayload":"%s"}`, bytes.Repeat([]byte("x"), 1<<20-100))
	return deliver(h, refs)
}

// anyBytes: what is not JSON and not even text is delivered as it is, or refused by the plan: never changed.
func anyBytes(fresh func() Harness) error {
	h := fresh()
	refs := sample(4711, 6)
	for i, raw := range []string{"\xff\xfe\x00", `{"a":`, "\x1f\x8b\b", "a\r\nb\n", `"\ud800"`} {
		refs[i].Raw = []byte(raw)
	}
	return deliver(h, refs)
}

func deliver(h Harness, refs []driver.Ref) error {
	p, err := start(h, nil, refs)
	if err != nil {
		return err
	}
	if err := holdsAll(p.plan, p.batch); err != nil {
		return err
	}
	for range 2 {
		if _, err := p.writeAll(context.Background()); err != nil {
			return err
		}
		if err := expect(h, content(p.plan.Units...)); err != nil {
			return err
		}
	}
	return nil
}

// deadLetters: plain NDJSON under the names that protocol and tools know, which a DeadReader gives back.
func deadLetters(fresh func() Harness) error {
	h := fresh()
	if h.NoDeadLetters {
		return nil
	}
	d, err := h.Open(nil, driver.ToDeadLetter)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	want := make(map[string][]string)
	for amend, name := range []string{"route/SLOGS-e1-00000000000000004711.json", "route/SLOGS-e1-00000000000000004711-a1.json"} {
		refs := sample(4711, 3)
		b := &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 1, First: 4711, Last: 4712, Amend: amend, Groups: []driver.Group{{Key: "route", Refs: refs}}}
		p := &process{driver: d}
		if err := p.replan(b); err != nil {
			return err
		}
		if diff := difference([]driver.Unit{{Name: name, Codec: "json", Refs: refs, To: driver.ToSink, Count: 3, Digest: driver.Digest(refs),
			Origin: driver.Origin{Route: "route", Stream: "LOGS", Epoch: 1, First: 4711, Last: 4712, Units: 1}}}, p.plan.Units); diff != "" {
			return fmt.Errorf("the plan of dead letters (-want +got):\n%s", diff)
		}
		if _, err := p.writeAll(context.Background()); err != nil {
			return err
		}
		want[name] = content(p.plan.Units...)[name]
		if err := readDead(d, name, refs); err != nil {
			return err
		}
	}
	return expect(h, want)
}

// readDead compares what a DeadReader gives with what was written, and asks for what was not.
func readDead(d driver.Driver, name string, refs []driver.Ref) error {
	r, ok := d.(driver.DeadReader)
	if !ok {
		return nil
	}
	in, err := r.ReadDead(context.Background(), name)
	if err != nil {
		return fmt.Errorf("read the dead letters %s: %w", name, err)
	}
	_, equal, err := codec.Compare(context.Background(), in, codec.JSON, refs)
	if err := errors.Join(err, in.Close()); err != nil || !equal {
		return fmt.Errorf("the dead letters %s read differently than they were written: %w", name, err)
	}
	in, err = r.ReadDead(context.Background(), "route/absent.json")
	if err == nil {
		err = in.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) || driver.CodeOf(err) == driver.Unknown {
		return fmt.Errorf("dead letters that do not exist give %v, want fs.ErrNotExist with a code", err)
	}
	return nil
}

// endedContext: nothing happens, and the code says why.
func endedContext(fresh func() Harness) error {
	h := fresh()
	p, err := start(h, nil, sample(4711, 4))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.driver.Write(ctx, &p.plan.Units[0]); driver.CodeOf(err) != driver.Canceled {
		return fmt.Errorf("write with an ended context: %v, want canceled", err)
	}
	if err := expect(h, map[string][]string{}); err != nil {
		return err
	}
	return deliver(h, sample(4711, 4))
}

// codes: an error that an operation meets reaches the caller under its code, or does no harm; it is met at every operation.
func codes(fresh func() Harness) error {
	for cause, want := range fresh().Codes {
		seen := 0
		for at := 1; ; at++ {
			steps := &Steps{at: at, fault: fault{err: cause}}
			p, err := start(fresh(), steps, fewEntries())
			if err == nil {
				_, err = p.writeAll(context.Background())
			}
			if steps.fired() == "" {
				break
			}
			if err != nil && driver.CodeOf(err) != want {
				return fmt.Errorf("%s answers %v: the code is %v, want %v: %w", steps.fired(), cause, driver.CodeOf(err), want, err)
			}
			if err != nil {
				seen++
			}
		}
		if seen == 0 {
			return fmt.Errorf("%v never reached the caller", cause)
		}
	}
	return nil
}
