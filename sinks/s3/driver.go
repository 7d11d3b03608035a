package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/logentry"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

var _ driver.Driver = (*Driver)(nil)

const (
	maxName     = 1024      // bytes of an object's key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
	maxManifest = 256 << 20 // bytes of a manifest that is read back
	ownFolder   = "_sluice" // of manifests and of the probe
	planKey     = "sluice-plan"
)

// Driver writes units as objects.
type Driver struct {
	options  Options
	client   client
	layout   *layout.Layout
	encoding *codec.Encoding
	limits   limits
	sent     sent
	asked    asked
}

func open(o Options, as driver.To) *Driver {
	d := &Driver{
		options: o, client: client{options: o}, layout: o.Layout.Layout(), encoding: codec.NewEncoding(o.Format, o.Compression, o.Columns), limits: limits{inMemory, partSize},
	}
	if as == driver.ToDeadLetter {
		d.layout, d.encoding = layout.DeadLetters(), codec.NewEncoding(codec.FormatJSON, codec.None, nil)
	}
	return d
}

// Properties: exactly once, no limit below the service's 10,000 parts an object; manifests and origins.
func (d *Driver) Properties() driver.Properties {
	return driver.Properties{
		Kind: "s3", Guarantee: driver.ExactlyOnce, Fields: d.layout.Fields(), Manifests: true, Origins: true,
	}
}

// Key is the layout's.
func (d *Driver) Key(dst []byte, e *logentry.Entry) []byte { return d.layout.Key(dst, e) }

// Prepare has nothing to do: there are no folders in a bucket. The probe is the first Write's, which is retried.
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

// Write creates the unit's object: one request for up to 16 MiB, encoded in memory, else a multipart upload of parts as they are
// encoded. A crash may leave parts, which nobody sees and a lifecycle rule of the bucket removes; nothing else.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.write(ctx, u)
	if err != nil {
		if refused(err) {
			d.client.forget()
		}
		return driver.Receipt{}, classify(ctx, &d.options, err)
	}
	return receipt, nil
}

func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if ctx.Err() != nil {
		return driver.Receipt{}, context.Cause(ctx)
	}
	api, err := d.client.api(ctx)
	if err != nil {
		return driver.Receipt{}, err
	}
	name := d.name(u)
	mayBeOurs := u.Redo || d.sent.holds(name, u.Digest)
	receipt, err := d.upload(ctx, api, name, u)
	if err == nil || statusOf(err) != http.StatusPreconditionFailed && !errors.Is(err, errTaken) {
		return receipt, err
	}
	return d.settle(ctx, api, name, u, mayBeOurs, err)
}

// name is the object's, relative to the prefix.
func (d *Driver) name(u *driver.Unit) string {
	if u.To == driver.ToManifest {
		return ownFolder + "/" + u.Name
	}
	return u.Name
}

// key is the object's, in the bucket.
func (d *Driver) key(name string) *string { return aws.String(d.options.folder() + name) }

func (d *Driver) head(ctx context.Context, api *s3.Client, name string) (*s3.HeadObjectOutput, error) {
	return api.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &d.options.Bucket, Key: d.key(name), ChecksumMode: types.ChecksumModeEnabled, ExpectedBucketOwner: optional(d.options.ExpectedBucketOwner),
	})
}

// settle compares what stands under a name that is taken with the unit.
func (d *Driver) settle(ctx context.Context, api *s3.Client, name string, u *driver.Unit, mayBeOurs bool, cause error) (driver.Receipt, error) {
	there, err := d.head(ctx, api, name)
	switch {
	case err != nil && statusOf(err) == http.StatusNotFound:
		return driver.Receipt{}, &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("the name was taken and is free again: %w", cause)}
	case err != nil && statusOf(err) == http.StatusForbidden:
		return d.settleUnseen(ctx, u, mayBeOurs, cause)
	case err != nil:
		return driver.Receipt{}, fmt.Errorf("look at what exists: %w", err)
	}
	var found driver.Found
	isPlan := json.Unmarshal([]byte(there.Metadata[planKey]), &found) == nil
	if !isPlan || found.Digest != u.Digest || found.Count != u.Count {
		return driver.Receipt{}, d.conflict(ctx, api, name, u, there)
	}
	mine, err := d.encoding.Encode(ctx, io.Discard, u)
	if err != nil {
		return driver.Receipt{}, err
	}
	if mine.Bytes == aws.ToInt64(there.ContentLength) && checksum(mine.CRC32C) == aws.ToString(there.ChecksumCRC32C) {
		mine.Existed = true
		return mine, nil
	}
	return d.settleDecoded(ctx, api, name, u, there)
}

// settleDecoded compares contents that should be equal and are stored differently, as by another version of the program, or are of a
// store that keeps no checksums.
func (d *Driver) settleDecoded(ctx context.Context, api *s3.Client, name string, u *driver.Unit, there *s3.HeadObjectOutput) (driver.Receipt, error) {
	r, err := d.read(ctx, api, name, there)
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("read what exists: %w", err)
	}
	defer r.Close()
	receipt, equal, err := d.encoding.Compare(ctx, r, u)
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("read what exists: %w", err)
	}
	if !equal {
		return driver.Receipt{}, d.conflict(ctx, api, name, u, there)
	}
	return receipt, nil
}

// settleUnseen judges without the right to read: what exists is the unit where it may have been written before, for nobody else
// writes under names of this lane and epoch.
func (d *Driver) settleUnseen(ctx context.Context, u *driver.Unit, mayBeOurs bool, cause error) (driver.Receipt, error) {
	if !mayBeOurs {
		return driver.Receipt{}, &driver.Error{Code: driver.Conflict, Err: fmt.Errorf(
			"the name is taken before its first write, and what stands there cannot be read (grant s3:GetObject on %s, so that it is compared): %w",
			d.options.Destination(), cause)}
	}
	receipt, err := d.encoding.Encode(ctx, io.Discard, u)
	receipt.Existed = true
	return receipt, err
}

// conflict describes the other content: a manifest by its body, an object of ours by its plan, a foreign one not at all.
func (d *Driver) conflict(ctx context.Context, api *s3.Client, name string, u *driver.Unit, there *s3.HeadObjectOutput) error {
	other := &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("%s%s holds other content", d.options.Destination(), name)}
	if plan := there.Metadata[planKey]; u.To != driver.ToManifest && json.Valid([]byte(plan)) {
		other.Found = json.RawMessage(plan)
	}
	if u.To != driver.ToManifest {
		return other
	}
	r, err := d.read(ctx, api, name, there)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	defer r.Close()
	body, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if json.Valid(body) { // else it is no manifest, and nothing is known
		other.Found = json.RawMessage(body[:len(body)-1])
	}
	return other
}

// read reads the very object that was looked at.
func (d *Driver) read(ctx context.Context, api *s3.Client, name string, there *s3.HeadObjectOutput) (io.ReadCloser, error) {
	got, err := api.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &d.options.Bucket, Key: d.key(name), IfMatch: there.ETag, ExpectedBucketOwner: optional(d.options.ExpectedBucketOwner),
	})
	if err != nil {
		return nil, err
	}
	return got.Body, nil
}

// Close lets the connections go.
func (d *Driver) Close() error {
	d.client.close()
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum writes a CRC32C as the service does.
func checksum(crc uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc))
}

// optional is a pointer to what is given, or nil.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
