package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/logentry"
	"sluice/sinks/driver"
)

var _ driver.Driver = (*Driver)(nil)

const (
	maxMessages = 999     // and the mark: the server takes 1,000 in an atomic batch
	maxBytes    = 8 << 20 // of the entries of a unit
)

// Driver writes units as atomic batches.
type Driver struct {
	options  Options
	subjects *subjects
	client   client
}

func open(o Options) (*Driver, error) {
	s, err := newSubjects(o.Subject)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	return &Driver{options: o, subjects: s, client: client{options: o, step: func(_ string, run func() error) error { return run() }}}, nil
}

// Properties: exactly once; a mark tells whose it is. By a window, at least once: a plan may be redone after it.
func (d *Driver) Properties() driver.Properties {
	if d.options.Once == Window {
		return driver.Properties{Kind: "nats", Guarantee: driver.AtLeastOnce, MaxEntry: d.options.MaxEntry}
	}
	return driver.Properties{Kind: "nats", Guarantee: driver.ExactlyOnce, MaxEntry: d.options.MaxEntry, Origins: true}
}

// Key is empty: one group, in stream order.
func (d *Driver) Key(dst []byte, _ *logentry.Entry) []byte { return dst }

// Prepare has nothing to do.
func (d *Driver) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }

// Plan cuts the batch into units of at most 999 entries and 8 MiB, in stream order.
func (d *Driver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	p := driver.Plan{Next: s}
	size := 0
	for _, g := range b.Groups {
		for i := range g.Refs {
			ref := &g.Refs[i]
			if reason := d.refuse(b.Stream, ref); reason != "" {
				p.Rejects = append(p.Rejects, driver.Reject{Seq: ref.Seq, Index: ref.Index, Reason: reason})
				continue
			}
			last := len(p.Units) - 1
			if last < 0 || size+len(ref.Raw) > maxBytes && size > 0 || len(p.Units[last].Refs) >= maxMessages {
				name := fmt.Sprintf("%s/%d/%d-%d/%d", b.Lane(), b.Epoch, b.First, b.Last, len(p.Units))
				p.Units = append(p.Units, driver.Unit{Name: name})
				last, size = last+1, 0
			}
			p.Units[last].Refs = append(p.Units[last].Refs, *ref)
			size += len(ref.Raw)
		}
	}
	return p, nil
}

func (d *Driver) refuse(stream string, ref *driver.Ref) string {
	if len(ref.Raw) > d.options.MaxEntry {
		return fmt.Sprintf("larger than maxEntry, %d bytes", d.options.MaxEntry)
	}
	if _, defect := d.subjects.of(stream, ref); defect != nil {
		return "no subject: " + defect.Error()
	}
	return ""
}

// Write publishes the unit's batch, or by a window its entries one by one. Of a batch, a crash before the commit leaves nothing, after it everything. A lost answer: the next Write
// finds the mark.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.write(ctx, u)
	if err != nil {
		d.client.doubt()
		return driver.Receipt{}, classify(ctx, err)
	}
	return receipt, nil
}

func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if ctx.Err() != nil {
		return driver.Receipt{}, context.Cause(ctx)
	}
	takes, err := d.client.subjects(ctx)
	if err != nil {
		return driver.Receipt{}, err
	}
	messages, receipt, err := d.messages(u)
	if err != nil {
		return driver.Receipt{}, err
	}
	for _, m := range messages {
		if !covers(takes, m.Subject) {
			return driver.Receipt{}, misconfigured("stream %s does not take the subject %s: add it (marks need %s>)", d.options.Stream, m.Subject, markPrefix)
		}
	}
	if d.options.Once == Window {
		receipt.Existed, err = d.client.publish(ctx, messages)
		return receipt, err
	}
	err = d.client.commit(ctx, messages)
	if code := codeOf(err); code != lastSequence && code != lastSequenceInFlight {
		return receipt, err
	}
	return d.settle(ctx, u, receipt, err)
}

// messages are the unit's entries and, unless a window remembers them, its mark.
func (d *Driver) messages(u *driver.Unit) ([]*nats.Msg, driver.Receipt, error) {
	var receipt driver.Receipt
	var all []*nats.Msg
	for i := range u.Refs {
		ref := &u.Refs[i]
		subject, defect := d.subjects.of(u.Origin.Stream, ref)
		if defect != nil {
			return nil, receipt, fmt.Errorf("entry %d.%d: %w", ref.Seq, ref.Index, defect)
		}
		id := fmt.Sprintf("%s/%s/%d/%d.%d", u.Origin.Route, u.Origin.Stream, u.Origin.Epoch, ref.Seq, ref.Index)
		m := &nats.Msg{Subject: subject, Data: ref.Raw, Header: nats.Header{"Sluice-Id": {id}, "Sluice-Unit": {u.Name}}}
		if d.options.Once == Window {
			m.Header.Set("Nats-Msg-Id", id)
			m.Header.Set("Nats-Expected-Stream", d.options.Stream)
		}
		all = append(all, m)
		receipt.Bytes += int64(len(ref.Raw))
	}
	if d.options.Once == Window {
		return all, receipt, nil
	}
	body, err := json.Marshal(driver.Found{Origin: u.Origin, Digest: u.Digest, Count: u.Count})
	if err != nil {
		return nil, receipt, fmt.Errorf("describe the plan: %w", err)
	}
	return append(all, &nats.Msg{Subject: mark(u), Data: body, Header: nats.Header{"Nats-Expected-Last-Subject-Sequence": {"0"}}}), receipt, nil
}

// settle compares the mark that stands there with the unit.
func (d *Driver) settle(ctx context.Context, u *driver.Unit, receipt driver.Receipt, cause error) (driver.Receipt, error) {
	body, err := d.client.last(ctx, mark(u))
	if err != nil || body == nil {
		return driver.Receipt{}, fmt.Errorf("the mark is taken and cannot be read: %w", firstOf(err, cause))
	}
	var found driver.Found
	if json.Unmarshal(body, &found) != nil || found.Digest != u.Digest || found.Count != u.Count {
		conflict := &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("%s holds the mark of another unit", mark(u))}
		if json.Valid(body) {
			conflict.Found = body
		}
		return driver.Receipt{}, conflict
	}
	receipt.Existed = true
	return receipt, nil
}

func firstOf(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func at(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }

// Close closes the connection.
func (d *Driver) Close() error { return d.client.close() }
