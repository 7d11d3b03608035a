package http

import (
	"bytes"
	"context"
	"fmt"

	"sluice/logentry"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

var _ driver.Driver = (*Driver)(nil)

// Driver writes units as requests.
type Driver struct {
	options Options
	client  client
	dead    *layout.Layout // names of dead letters; nil for a route's own entries
}

func open(o Options, as driver.To) *Driver {
	d := &Driver{}
	if as == driver.ToDeadLetter {
		d.dead = layout.DeadLetters()
		o.Body, o.Wrap, o.Compression = NDJSON, false, codec.None
	}
	d.options, d.client.options = o, o
	return d
}

// Properties: at least once, for nothing can be asked of a receiver that does not honour keys.
func (d *Driver) Properties() driver.Properties {
	p := driver.Properties{Kind: "http", Guarantee: driver.AtLeastOnce, MaxEntry: d.options.MaxBytes}
	if d.dead != nil {
		p.Fields, p.MaxEntry = d.dead.Fields(), 0
	}
	return p
}

// Key is empty: one group, in stream order.
func (d *Driver) Key(dst []byte, e *logentry.Entry) []byte {
	if d.dead != nil {
		return d.dead.Key(dst, e)
	}
	return dst
}

// Prepare has nothing to do.
func (d *Driver) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }

// Plan cuts the batch into requests of at most maxBytes and maxEntries, in stream order. An entry that is larger than a request
// is rejected, and so is one that is no JSON object where a body would be broken by it.
func (d *Driver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	if d.dead != nil { // one unit, whatever its size: so the pipeline wants it
		p := d.dead.Plan(b, string(codec.JSON))
		p.Next = s
		return p, nil
	}
	p := driver.Plan{Next: s}
	f := newFraming(&d.options, b.Route, b.Stream, b.Epoch)
	size := 0
	for _, g := range b.Groups {
		for i := range g.Refs {
			ref := &g.Refs[i]
			n := f.size(ref)
			if reason := f.refuse(ref, n); reason != "" {
				p.Rejects = append(p.Rejects, driver.Reject{Seq: ref.Seq, Index: ref.Index, Reason: reason})
				continue
			}
			last := len(p.Units) - 1
			if last < 0 || size+n > d.options.MaxBytes || len(p.Units[last].Refs) >= d.options.MaxEntries {
				name := fmt.Sprintf("%s/%d/%d-%d/%d", b.Lane(), b.Epoch, b.First, b.Last, len(p.Units))
				p.Units = append(p.Units, driver.Unit{Name: name, Codec: string(d.options.Compression.Codec())})
				last, size = last+1, 0
			}
			p.Units[last].Refs = append(p.Units[last].Refs, *ref)
			size += n
		}
	}
	return p, nil
}

// Write sends the unit's request. A crash before the answer leaves open whether it took effect: the next Write sends it again,
// with the same key. Nothing else can be known.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.write(ctx, u)
	if err != nil {
		return driver.Receipt{}, classify(ctx, err)
	}
	return receipt, nil
}

func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if ctx.Err() != nil {
		return driver.Receipt{}, context.Cause(ctx)
	}
	var body bytes.Buffer
	f := newFraming(&d.options, u.Origin.Route, u.Origin.Stream, u.Origin.Epoch)
	receipt, err := f.encode(ctx, &body, u)
	if err != nil {
		return driver.Receipt{}, err
	}
	a, err := d.client.post(ctx, u, f.contentType(), body.Bytes())
	if err != nil {
		return driver.Receipt{}, err
	}
	receipt.Existed, err = d.judge(u, a)
	return receipt, err
}

// key is the unit's Idempotency-Key. The digest stands in it because an amended plan has the same range and fewer entries, which
// a receiver must not take for the same request.
func key(u *driver.Unit) string {
	return u.Name + "/" + u.Digest[:min(32, len(u.Digest))]
}

// Close frees connections.
func (d *Driver) Close() error { return d.client.close() }
