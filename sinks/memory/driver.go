package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/logentry"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

var (
	_ driver.Driver  = (*Driver)(nil)
	_ driver.Options = Options{}
)

// Options places deliveries into a Store.
type Options struct {
	Name        string            `json:"name"` // tells destinations apart; no "/"
	Layout      layout.Spec       `json:"layout"`
	Compression codec.Compression `json:"compression"`
	Store       *Store            `json:"-"`
}

// Defaults are options with the hourly layout and a store of their own.
func Defaults(name string) Options {
	return Options{Name: name, Layout: layout.Spec{Name: "hourly"}, Compression: codec.None, Store: NewStore()}
}

// Validate judges layout and compression.
func (o Options) Validate() []driver.Problem {
	return append(o.Layout.Problems(), o.Compression.Problems()...)
}

// Destination is memory://<name>/.
func (o Options) Destination() string { return "memory://" + o.Name + "/" }

// Open makes a driver over the store.
func (o Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	if as == driver.ToDeadLetter {
		return &Driver{store: o.Store, layout: layout.DeadLetters(), codec: codec.JSON}, nil
	}
	return &Driver{store: o.Store, layout: o.Layout.Layout(), codec: o.Compression.Codec()}, nil
}

// Driver delivers units into a Store.
type Driver struct {
	store  *Store
	layout *layout.Layout
	codec  codec.Codec
}

// Properties: exactly once, no limits; manifests and origins.
func (d *Driver) Properties() driver.Properties {
	return driver.Properties{
		Kind: "memory", Guarantee: driver.ExactlyOnce, Fields: d.layout.Fields(), Manifests: true, Origins: true,
	}
}

// Key is the layout's.
func (d *Driver) Key(dst []byte, e *logentry.Entry) []byte { return d.layout.Key(dst, e) }

// Prepare has nothing to do.
func (d *Driver) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }

// Plan is the layout's: an object a group.
func (d *Driver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	p := d.layout.Plan(b, string(d.codec))
	p.Next = s
	return p, nil
}

// Write stores the unit's entries under its name, unless they stand there already.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.write(ctx, u)
	var classified *driver.Error
	switch {
	case err == nil || errors.As(err, &classified):
		return receipt, err
	case ctx.Err() != nil:
		return driver.Receipt{}, &driver.Error{Code: driver.Canceled, Err: err}
	default:
		return driver.Receipt{}, &driver.Error{Code: driver.Unavailable, Err: err}
	}
}

func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := codec.Encode(ctx, io.Discard, codec.Codec(u.Codec), u.Refs)
	if err != nil {
		return driver.Receipt{}, err
	}
	name := u.Name
	if u.To == driver.ToManifest {
		name = ManifestPrefix + name
	}
	digest := u.Digest // the pipeline's is over the bytes of the bus, also where the unit holds envelopes
	if digest == "" {
		digest = driver.Digest(u.Refs)
	}
	o := Object{Name: name, Digest: digest, Codec: u.Codec, Origin: u.Origin, Entries: copyRefs(u.Refs)}
	var found Object
	var created bool
	err = d.store.run("put", name, func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found, created = d.store.create(o)
		return nil
	})
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("put: %w", err)
	}
	if !created && found.Digest != o.Digest {
		return driver.Receipt{}, conflict(u.To, found)
	}
	receipt.Existed = !created
	return receipt, nil
}

// conflict describes the object that stands in the way: a manifest by its body, all others by their origin.
func conflict(to driver.To, found Object) error {
	other := &driver.Error{Code: driver.Conflict, Err: errors.New("the name holds other content")}
	if to == driver.ToManifest {
		if len(found.Entries) == 1 {
			other.Found = found.Entries[0].Raw
		}
		return other
	}
	var err error
	other.Found, err = json.Marshal(driver.Found{Origin: found.Origin, Digest: found.Digest, Count: len(found.Entries)})
	if err != nil {
		return fmt.Errorf("describe what stands there: %w", err)
	}
	return other
}

// Close has nothing to free.
func (d *Driver) Close() error { return nil }
