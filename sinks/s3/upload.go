package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

const (
	inMemory = 16 << 20 // an object up to here is one request
	partSize = 8 << 20  // of a larger one, each part but the last; the service wants at least 5 MiB
	abortFor = 2 * time.Second
)

// limits are inMemory and partSize, variable for tests.
type limits struct{ memory, part int }

// upload gathers an object in memory, and once it is too large for that sends it in parts.
type upload struct {
	ctx         context.Context
	driver      *Driver
	api         *s3.Client
	name        string
	conditional bool // carries If-None-Match: *
	plan        string
	contentType string

	buf   []byte
	id    string // of the multipart upload; empty while everything is in buf
	parts []types.CompletedPart
}

// upload encodes and sends the unit. Without error the object stands there whole, with the checksum that was sent. The name is taken
// when the error is a 412 or errTaken.
func (d *Driver) upload(ctx context.Context, api *s3.Client, name string, u *driver.Unit) (driver.Receipt, error) {
	found, err := json.Marshal(driver.Found{Origin: u.Origin, Digest: u.Digest, Count: u.Count})
	if err != nil {
		return driver.Receipt{}, fmt.Errorf("describe the plan: %w", err)
	}
	up := &upload{ctx: ctx, driver: d, api: api, name: name, plan: ascii(string(found)), contentType: codec.Codec(u.Codec).ContentType()}
	receipt, err := d.encoding.Encode(ctx, &unitWriter{up, u}, u)
	if err == nil {
		err = up.finish(u, receipt)
	}
	if err != nil {
		up.abort()
		return driver.Receipt{}, err
	}
	return receipt, nil
}

// unitWriter is what the codec writes to.
type unitWriter struct {
	*upload
	unit *driver.Unit
}

// Write takes a part of the object.
func (w *unitWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	if w.id == "" && len(w.buf) <= w.driver.limits.memory {
		return len(p), nil
	}
	if w.id == "" {
		if err := w.guard(w.unit, true); err != nil {
			return 0, err
		}
		if err := w.begin(); err != nil {
			return 0, err
		}
	}
	for size := w.driver.limits.part; len(w.buf) > size; {
		if err := w.part(w.buf[:size]); err != nil {
			return 0, err
		}
		w.buf = w.buf[:copy(w.buf, w.buf[size:])]
	}
	return len(p), nil
}

// guard finds out how the name is given only once, before anything is sent under it.
func (up *upload) guard(u *driver.Unit, inParts bool) error {
	createOnly, err := up.driver.createOnly(up.ctx, up.api, inParts)
	if err != nil {
		return err
	}
	if up.conditional = createOnly; !createOnly {
		taken, err := up.driver.exists(up.ctx, up.api, up.name)
		if err != nil {
			return err
		}
		if taken {
			return errTaken
		}
	}
	up.driver.sent.add(up.name, u.Digest)
	return nil
}

// finish makes the object visible.
func (up *upload) finish(u *driver.Unit, receipt driver.Receipt) error {
	if up.ctx.Err() != nil {
		return context.Cause(up.ctx)
	}
	if up.id != "" {
		if err := up.part(up.buf); err != nil {
			return err
		}
		return up.complete(receipt.CRC32C, receipt.Bytes)
	}
	if err := up.guard(u, false); err != nil {
		return err
	}
	return up.put(receipt.CRC32C)
}

// put is the whole object in one request.
func (up *upload) put(crc uint32) error {
	o := &up.driver.options
	sum := checksum(crc)
	out, err := up.api.PutObject(up.ctx, &s3.PutObjectInput{
		Bucket: &o.Bucket, Key: up.driver.key(up.name), Body: bytes.NewReader(up.buf), IfNoneMatch: up.condition(), ChecksumCRC32C: &sum,
		ContentType: &up.contentType, Metadata: map[string]string{planKey: up.plan}, StorageClass: types.StorageClass(o.StorageClass),
		ServerSideEncryption: types.ServerSideEncryption(o.SSE), SSEKMSKeyId: optional(o.KMSKey), ACL: types.ObjectCannedACL(o.ACL),
		ExpectedBucketOwner: optional(o.ExpectedBucketOwner),
	})
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return agrees(out.ChecksumCRC32C, sum)
}

// begin begins a multipart upload, of which nothing is visible until it is complete.
func (up *upload) begin() error {
	o := &up.driver.options
	input := &s3.CreateMultipartUploadInput{
		Bucket: &o.Bucket, Key: up.driver.key(up.name), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c, ChecksumType: types.ChecksumTypeFullObject,
		ContentType: optional(up.contentType), StorageClass: types.StorageClass(o.StorageClass),
		ServerSideEncryption: types.ServerSideEncryption(o.SSE), SSEKMSKeyId: optional(o.KMSKey), ACL: types.ObjectCannedACL(o.ACL),
		ExpectedBucketOwner: optional(o.ExpectedBucketOwner),
	}
	if up.plan != "" {
		input.Metadata = map[string]string{planKey: up.plan}
	}
	out, err := up.api.CreateMultipartUpload(up.ctx, input)
	if err != nil {
		return fmt.Errorf("begin a multipart upload: %w", err)
	}
	up.id = aws.ToString(out.UploadId)
	return nil
}

// part sends the next part.
func (up *upload) part(p []byte) error {
	o := &up.driver.options
	number := int32(len(up.parts) + 1)
	sum := checksum(crc32.Checksum(p, castagnoli))
	out, err := up.api.UploadPart(up.ctx, &s3.UploadPartInput{
		Bucket: &o.Bucket, Key: up.driver.key(up.name), UploadId: &up.id, PartNumber: &number, Body: bytes.NewReader(p), ChecksumCRC32C: &sum,
		ExpectedBucketOwner: optional(o.ExpectedBucketOwner),
	})
	if err != nil {
		return fmt.Errorf("upload part %d: %w", number, err)
	}
	up.parts = append(up.parts, types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32C: &sum})
	return nil
}

// complete makes the object of its parts, if the whole has the checksum.
func (up *upload) complete(crc uint32, size int64) error {
	o := &up.driver.options
	sum := checksum(crc)
	out, err := up.api.CompleteMultipartUpload(up.ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &o.Bucket, Key: up.driver.key(up.name), UploadId: &up.id, IfNoneMatch: up.condition(), ChecksumCRC32C: &sum,
		ChecksumType: types.ChecksumTypeFullObject, MpuObjectSize: &size, MultipartUpload: &types.CompletedMultipartUpload{Parts: up.parts},
		ExpectedBucketOwner: optional(o.ExpectedBucketOwner),
	})
	if err != nil {
		return fmt.Errorf("complete the multipart upload: %w", err)
	}
	up.id = ""
	return agrees(out.ChecksumCRC32C, sum)
}

// abort frees the parts of an upload that failed, as far as the service lets it: what stays is invisible. One that took effect
// although its reply was lost is complete, and is not harmed. It takes a little time even where the caller has none left, for parts
// cost money.
func (up *upload) abort() {
	if up.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(up.ctx), abortFor)
	defer cancel()
	o := &up.driver.options
	_, _ = up.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &o.Bucket, Key: up.driver.key(up.name), UploadId: &up.id, ExpectedBucketOwner: optional(o.ExpectedBucketOwner),
	})
	up.id = ""
}

// condition is the precondition that nothing stands there.
func (up *upload) condition() *string {
	if up.conditional {
		return aws.String("*")
	}
	return nil
}

// agrees compares what the service says it stored, if it does. When they differ the next attempt finds the object and compares it.
func agrees(stored *string, sent string) error {
	if stored == nil || *stored == sent {
		return nil
	}
	return &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("the service stored bytes with CRC32C %s, and was sent %s", *stored, sent)}
}

// ascii escapes what a header cannot hold, inside JSON's strings.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
