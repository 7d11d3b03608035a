package pubsub

import (
	"bytes"
	"context"
	"fmt"
	"unicode/utf8"

	"sluice/exprs"
	"sluice/logentry"
	"sluice/sinks/driver"
)

var _ driver.Driver = (*Driver)(nil)

// The service's limits: https://docs.cloud.google.com/pubsub/quotas#resource_limits. Plans depend on them: they never change.
const (
	maxMessages = 1000               // of a request
	maxRequest  = 10_000_000 - 4<<10 // bytes of a request, less its topic
	maxValue    = 1024               // bytes of an attribute's value, and of an ordering key
	around      = 4 << 10            // more than all attributes, the ordering key and the framing of a message
)

// Driver writes units as publish requests.
type Driver struct {
	options Options
	key     *exprs.Column // nil: no ordering key
	reader  *reader
	client  client
	acked   acked
}

func open(o Options) (*Driver, error) {
	key, err := o.key()
	if err != nil {
		return nil, fmt.Errorf("orderingKey: %w", err)
	}
	return &Driver{options: o, key: key, reader: newReader(key), client: client{options: o}}, nil
}

// Properties: at least once.
func (d *Driver) Properties() driver.Properties {
	p := driver.Properties{Kind: "pubsub", Guarantee: driver.AtLeastOnce, MaxEntry: maxRequest - around}
	if d.key != nil {
		p.Fields = d.key.Fields()
	}
	return p
}

// Key is the ordering key: requests have one each. What the expression cannot be computed of has none.
func (d *Driver) Key(dst []byte, e *logentry.Entry) []byte { return appendKey(dst, d.key, e) }

func appendKey(dst []byte, key *exprs.Column, e *logentry.Entry) []byte {
	if key == nil {
		return dst
	}
	v, err := key.Eval(e)
	if err != nil {
		return dst
	}
	text := exprs.AppendText(nil, v)
	if !utf8.Valid(text) { // cut in the midst of a character, which the service refuses
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	return append(dst, text...)
}

// Prepare has nothing to do: a topic is never made.
func (d *Driver) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }

// Plan cuts each group into requests of at most maxEntries messages and 10 MB, in stream order: of an ordering key they are one
// unit, for they must arrive one after another, else each is a unit.
func (d *Driver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	p := driver.Plan{Next: s}
	for _, g := range b.Groups {
		var unit *driver.Unit
		size, count := 0, 0 // of the last request
		for i := range g.Refs {
			ref := &g.Refs[i]
			n := len(ref.Raw) + around
			if reason := refuse(g.Key, n); reason != "" {
				p.Rejects = append(p.Rejects, driver.Reject{Seq: ref.Seq, Index: ref.Index, Reason: reason})
				continue
			}
			full := size+n > maxRequest || count >= d.options.MaxEntries
			if unit == nil || full && g.Key == "" {
				name := fmt.Sprintf("%s/%d/%d-%d/%d", b.Lane(), b.Epoch, b.First, b.Last, len(p.Units))
				p.Units = append(p.Units, driver.Unit{Name: name})
				unit, size, count = &p.Units[len(p.Units)-1], 0, 0
			} else if full {
				unit.Splits = append(unit.Splits, count)
				size, count = 0, 0
			}
			unit.Refs = append(unit.Refs, *ref)
			size, count = size+n, count+1
		}
		if unit != nil && unit.Splits != nil {
			unit.Splits = append(unit.Splits, count)
		}
	}
	return p, nil
}

// refuse says why an entry cannot be published; "" when it can.
func refuse(key string, size int) string {
	if size > maxRequest {
		return fmt.Sprintf("larger than a message of %d bytes", maxRequest-around)
	}
	if len(key) > maxValue {
		return fmt.Sprintf("its ordering key has %d bytes, Pub/Sub takes %d", len(key), maxValue)
	}
	return ""
}

// Write publishes the unit's requests that were not acknowledged yet. A crash, or a lost reply, leaves open whether a request
// took effect: it is sent again. Nothing else can be known.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.write(ctx, u)
	if err != nil {
		return driver.Receipt{}, classify(ctx, &d.options, err)
	}
	return receipt, nil
}

func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if ctx.Err() != nil {
		return driver.Receipt{}, context.Cause(ctx)
	}
	splits := u.Splits
	if splits == nil {
		splits = []int{len(u.Refs)}
	}
	receipt := driver.Receipt{Existed: true}
	rest := u.Refs
	for _, n := range splits {
		refs := rest[:n]
		rest = rest[n:]
		for _, ref := range refs {
			receipt.Bytes += int64(len(ref.Raw))
		}
		if d.acked.holds(&u.Origin, refs) {
			continue
		}
		if err := d.client.publish(ctx, d.reader.messages(&u.Origin, refs)); err != nil {
			return driver.Receipt{}, refused(refs, err)
		}
		d.acked.add(&u.Origin, refs)
		receipt.Existed = false
	}
	return receipt, nil
}

// Close closes connections.
func (d *Driver) Close() error { return d.client.close() }
