package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Create is how the sink makes sure that a name is given only once.
type Create string

// The ways. Probe asks the store which of the others it is.
const (
	Probe      Create = "probe"
	CreateOnly Create = "createOnly"
	Overwrite  Create = "overwrite"
)

// The probe's object is made once and stays: it holds nothing of anyone, and can be overwritten by itself only.
const (
	probeName = ownFolder + "/create-only-probe"
	probeText = "Sluice creates this object twice, to see that the store refuses the second time (If-None-Match: *).\n"
)

// asked remembers what the store answered, for each of the two requests that make an object visible: stores differ in each.
type asked struct {
	mu              sync.Mutex // held while asking, so that one asks and the others wait
	simple, inParts Create     // "" = not asked yet
}

// createOnly says whether the store honours If-None-Match on PutObject, and on CompleteMultipartUpload. It asks at the first need
// and remembers for the driver's life; without a clear answer it gives an error and asks again next time.
func (d *Driver) createOnly(ctx context.Context, api *s3.Client, inParts bool) (bool, error) {
	if d.options.Create != Probe && d.options.Create != "" {
		return d.options.Create == CreateOnly, nil
	}
	d.asked.mu.Lock()
	defer d.asked.mu.Unlock()
	if d.asked.simple == "" {
		way, err := d.probe(ctx, api)
		if err != nil {
			return false, fmt.Errorf("probe for create-only writes: %w", err)
		}
		d.asked.simple = way
	}
	if !inParts {
		return d.asked.simple == CreateOnly, nil
	}
	if d.asked.inParts == "" {
		way, err := d.probeParts(ctx, api)
		if err != nil {
			return false, fmt.Errorf("probe for create-only multipart uploads: %w", err)
		}
		d.asked.inParts = way
	}
	return d.asked.inParts == CreateOnly, nil
}

// probe creates an object, and again: a 412 at either is the proof. A store that takes both ignores the condition; one that answers
// 501 does not know it. Two that probe at once meet the 412, too.
func (d *Driver) probe(ctx context.Context, api *s3.Client) (Create, error) {
	sum := checksum(crc32.Checksum([]byte(probeText), castagnoli))
	for range 2 {
		_, err := api.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &d.options.Bucket, Key: d.key(probeName), Body: bytes.NewReader([]byte(probeText)), IfNoneMatch: aws.String("*"),
			ChecksumCRC32C: &sum, ContentType: aws.String("text/plain"), ExpectedBucketOwner: optional(d.options.ExpectedBucketOwner),
			ACL: types.ObjectCannedACL(d.options.ACL), ServerSideEncryption: types.ServerSideEncryption(d.options.SSE), SSEKMSKeyId: optional(d.options.KMSKey),
		})
		if way, err := verdict(err); way != "" || err != nil {
			return way, err
		}
	}
	return Overwrite, nil
}

// probeParts completes a multipart upload under the name that probe has made.
func (d *Driver) probeParts(ctx context.Context, api *s3.Client) (Create, error) {
	up := &upload{ctx: ctx, driver: d, api: api, name: probeName, conditional: true}
	if err := up.begin(); err != nil {
		return "", err
	}
	defer up.abort()
	err := up.part([]byte(probeText))
	if err == nil {
		err = up.complete(crc32.Checksum([]byte(probeText), castagnoli), int64(len(probeText)))
	}
	if way, err := verdict(err); way != "" || err != nil {
		return way, err
	}
	return Overwrite, nil
}

// verdict reads the answer to a conditional write; neither way nor error means that it was taken.
func verdict(err error) (Create, error) {
	switch {
	case err == nil:
		return "", nil
	case statusOf(err) == http.StatusPreconditionFailed:
		return CreateOnly, nil
	case statusOf(err) == http.StatusNotImplemented:
		return Overwrite, nil
	}
	return "", err
}

// exists says whether the name has an object, for stores that do not refuse to replace it. Where that cannot be seen it says no:
// the bytes that are written then are those of the plan, whoever writes them.
func (d *Driver) exists(ctx context.Context, api *s3.Client, name string) (bool, error) {
	_, err := d.head(ctx, api, name)
	switch {
	case err == nil:
		return true, nil
	case statusOf(err) == http.StatusNotFound && !coded(err, "NoSuchBucket"), statusOf(err) == http.StatusForbidden:
		return false, nil
	}
	return false, fmt.Errorf("look for the object: %w", err)
}

// errTaken says that a store which would replace an object has one under the name.
var errTaken = errors.New("the name is taken")
