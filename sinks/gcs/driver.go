package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"cloud.google.com/go/storage"

	"sluice/logentry"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

var _ driver.Driver = (*Driver)(nil)

const (
	maxName        = 1024      // bytes of an object's name: https://docs.cloud.google.com/storage/docs/objects#naming
	maxManifest    = 256 << 20 // bytes of a manifest that is read back
	manifestFolder = "_sluice"
	planKey        = "sluice-plan" // metadata: JSON of driver.Found
)

// Driver writes units as objects.
type Driver struct {
	options  Options
	client   client
	layout   *layout.Layout
	encoding *codec.Encoding
	limits   limits
	sent     sent
}

func open(o Options, as driver.To) *Driver {
	d := &Driver{
		options: o, client: client{options: o}, layout: o.Layout.Layout(), encoding: codec.NewEncoding(o.Format, o.Compression, o.Columns), limits: limits{inMemory, chunkSize},
	}
	if as == driver.ToDeadLetter {
		d.layout, d.encoding = layout.DeadLetters(), codec.NewEncoding(codec.FormatJSON, codec.None, nil)
	}
	return d
}

// Properties: exactly once, no limit below the service's 5 TiB an object; manifests and origins.
func (d *Driver) Properties() driver.Properties {
	return driver.Properties{
		Kind: "gcs", Guarantee: driver.ExactlyOnce, Fields: d.layout.Fields(), Manifests: true, Origins: true,
	}
}

// Key is the layout's.
func (d *Driver) Key(dst []byte, e *logentry.Entry) []byte { return d.layout.Key(dst, e) }

// Prepare has nothing to do: there are no folders in a bucket.
func (d *Driver) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }

// Plan is the layout's: an object a group, the names no longer than the service allows.
func (d *Driver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	p := d.layout.Plan(b, d.encoding.Extension())
	d.encoding.Label(p.Units)
	for i := range p.Units {
		p.Units[i].Name = layout.Shorten(p.Units[i].Name, maxName-len(d.options.folder()))
	}
	p.Next = s
	return p, nil
}

// Write creates the unit's object: one request for up to 16 MiB, encoded in memory, else a resumable upload of chunks as they are
// encoded. A crash may leave a resumable session, which nobody sees and the service forgets after a week; nothing else.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	ctx, begun := withSession(ctx)
	receipt, err := d.write(ctx, u)
	if err != nil {
		if refused(err) {
			d.client.forget()
		}
		return driver.Receipt{}, classify(ctx, d.options.Bucket, begun, err)
	}
	return receipt, nil
}

func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if ctx.Err() != nil {
		return driver.Receipt{}, context.Cause(ctx)
	}
	bucket, err := d.client.bucket()
	if err != nil {
		return driver.Receipt{}, err
	}
	name := d.name(u)
	object := bucket.Object(name)
	mayBeOurs := u.Redo || d.sent.holds(name, u.Digest)
	receipt, err := d.upload(ctx, object, u)
	if err == nil || !taken(err) {
		return receipt, err
	}
	return d.settle(ctx, object, u, mayBeOurs, err)
}

// name is the object's.
func (d *Driver) name(u *driver.Unit) string {
	if u.To == driver.ToManifest {
		return d.options.folder() + manifestFolder + "/" + u.Name
	}
	return d.options.folder() + u.Name
}

// settle compares what stands under a name that is taken with the unit.
func (d *Driver) settle(ctx context.Context, object *storage.ObjectHandle, u *driver.Unit, mayBeOurs bool, cause error) (driver.Receipt, error) {
	attrs, err := object.Attrs(ctx)
	switch {
	case errors.Is(err, storage.ErrObjectNotExist):
		return driver.Receipt{}, &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("the name was taken and is free again: %w", cause)}
	case err != nil && forbidden(err):
		return d.settleUnseen(ctx, u, mayBeOurs, cause)
	case err != nil:
		return driver.Receipt{}, fmt.Errorf("look at what exists: %w", err)
	}
	var found driver.Found
	isPlan := json.Unmarshal([]byte(attrs.Metadata[planKey]), &found) == nil
	if !isPlan || found.Digest != u.Digest || found.Count != u.Count {
		return driver.Receipt{}, d.conflict(ctx, object, u, attrs, isPlan)
	}
	stored := driver.Receipt{Bytes: attrs.Size, CRC32C: attrs.CRC32C, Existed: true}
	if mine, err := d.measure(ctx, u); err != nil || mine == stored {
		return stored, err
	}
	return d.settleDecoded(ctx, object, u, attrs, isPlan)
}

// settleDecoded compares contents that should be equal and are stored differently, as by another version of the program.
func (d *Driver) settleDecoded(ctx context.Context, object *storage.ObjectHandle, u *driver.Unit, attrs *storage.ObjectAttrs, isPlan bool) (driver.Receipt, error) {
	r, err := object.Generation(attrs.Generation).NewReader(ctx)
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("read what exists: %w", err)
	}
	defer r.Close()
	receipt, equal, err := d.encoding.Compare(ctx, r, u)
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("read what exists: %w", err)
	}
	if !equal {
		return driver.Receipt{}, d.conflict(ctx, object, u, attrs, isPlan)
	}
	return receipt, nil
}

// settleUnseen judges without the right to read: what exists is the unit where it may have been written before, for nobody else
// writes under names of this lane and epoch.
func (d *Driver) settleUnseen(ctx context.Context, u *driver.Unit, mayBeOurs bool, cause error) (driver.Receipt, error) {
	if !mayBeOurs {
		return driver.Receipt{}, &driver.Error{Code: driver.Conflict, Err: fmt.Errorf(
			"the name is taken before its first write, and what stands there cannot be read (grant storage.objects.get on %s, so that it is compared): %w",
			d.options.Destination(), cause)}
	}
	receipt, err := d.measure(ctx, u)
	receipt.Existed = true
	return receipt, err
}

// measure tells what the unit is when stored.
func (d *Driver) measure(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.encoding.Encode(ctx, io.Discard, u)
	receipt.Existed = true
	return receipt, err
}

// conflict describes the other content: a manifest by its body, an object of ours by its plan, a foreign one not at all.
func (d *Driver) conflict(ctx context.Context, object *storage.ObjectHandle, u *driver.Unit, attrs *storage.ObjectAttrs, isPlan bool) error {
	other := &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("gs://%s/%s holds other content", attrs.Bucket, attrs.Name)}
	switch {
	case u.To == driver.ToManifest:
		body, err := readManifest(ctx, object.Generation(attrs.Generation))
		if err != nil {
			return fmt.Errorf("read manifest: %w", err)
		}
		other.Found = body
	case isPlan:
		other.Found = json.RawMessage(attrs.Metadata[planKey])
	}
	return other
}

// readManifest gives the body that Manifest was given; nothing when it is no JSON.
func readManifest(ctx context.Context, object *storage.ObjectHandle) (json.RawMessage, error) {
	r, err := object.NewReader(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	body, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err != nil || !json.Valid(body) {
		return nil, err
	}
	return json.RawMessage(body[:len(body)-1]), nil
}

// Close frees connections.
func (d *Driver) Close() error { return d.client.close() }
