package gcs

import (
	"context"
	"encoding/json"
	"fmt"

	"cloud.google.com/go/storage"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

const (
	inMemory  = 16 << 20 // an object up to here is one request
	chunkSize = 8 << 20  // of a larger one, at a time
)

// limits are inMemory and chunkSize, variable for tests.
type limits struct{ memory, chunk int }

// upload gathers an object in memory, and once it is too large for that streams it.
type upload struct {
	ctx    context.Context
	limits limits
	begin  func(ctx context.Context) *storage.Writer
	buf    []byte
	stream *storage.Writer // nil while everything is in buf
}

// upload encodes and sends the unit. Without error the object stands there whole, with the checksum that was sent.
func (d *Driver) upload(ctx context.Context, object *storage.ObjectHandle, u *driver.Unit) (driver.Receipt, error) {
	ctx, abandon := context.WithCancel(ctx) // what is not closed without error never becomes visible
	defer abandon()
	found, err := json.Marshal(driver.Found{Origin: u.Origin, Digest: u.Digest, Count: u.Count})
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("describe the plan: %w", err)
	}
	up := &upload{ctx: ctx, limits: d.limits, begin: func(ctx context.Context) *storage.Writer {
		d.sent.add(object.ObjectName(), u.Digest)
		w := object.If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
		w.ContentType = codec.Codec(u.Codec).ContentType()
		w.StorageClass, w.KMSKeyName = d.options.StorageClass, d.options.KMSKey
		w.Metadata = map[string]string{planKey: string(found)}
		return w
	}}
	receipt, err := d.encoding.Encode(ctx, up, u)
	if err != nil {
		return driver.Receipt{}, err
	}
	return receipt, up.finish(receipt)
}

// Write takes a part of the object.
func (up *upload) Write(p []byte) (int, error) {
	if up.stream == nil {
		if len(up.buf)+len(p) <= up.limits.memory {
			up.buf = append(up.buf, p...)
			return len(p), nil
		}
		up.stream = up.begin(up.ctx)
		up.stream.ChunkSize = up.limits.chunk // the SDK sends the checksum of all with the last chunk
		if _, err := up.stream.Write(up.buf); err != nil {
			return 0, fmt.Errorf("upload: %w", err)
		}
		up.buf = nil
	}
	n, err := up.stream.Write(p)
	if err != nil {
		err = fmt.Errorf("upload: %w", err)
	}
	return n, err
}

// finish makes the object visible.
func (up *upload) finish(receipt driver.Receipt) error {
	if up.ctx.Err() != nil {
		return context.Cause(up.ctx)
	}
	w := up.stream
	if w == nil {
		w = up.begin(up.ctx)
		w.ChunkSize, w.SendCRC32C, w.CRC32C = 0, true, receipt.CRC32C
		if _, err := w.Write(up.buf); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	if a := w.Attrs(); a.CRC32C != receipt.CRC32C || a.Size != receipt.Bytes {
		// The next attempt finds it and compares it, decoded.
		return &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf(
			"the service stored %d bytes with CRC32C %08x, and was sent %d with %08x", a.Size, a.CRC32C, receipt.Bytes, receipt.CRC32C)}
	}
	return nil
}
