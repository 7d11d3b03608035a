package s3

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/sinks/driver"
)

var _ driver.DeadReader = (*Driver)(nil)

// ReadDead opens the unit's object. It needs s3:GetObject; without s3:ListBucket the service says 403 of what does not exist.
func (d *Driver) ReadDead(ctx context.Context, name string) (io.ReadCloser, error) {
	api, err := d.client.api(ctx)
	if err != nil {
		return nil, classify(ctx, &d.options, err)
	}
	got, err := api.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &d.options.Bucket, Key: d.key(name), ExpectedBucketOwner: optional(d.options.ExpectedBucketOwner),
	})
	switch {
	case err == nil:
		return got.Body, nil
	case coded(err, "NoSuchKey"):
		return nil, &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("%w: %w", fs.ErrNotExist, err)}
	case statusOf(err) == http.StatusForbidden:
		return nil, &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("%w (grant s3:GetObject on %s*)", err, d.options.Destination())}
	}
	return nil, classify(ctx, &d.options, fmt.Errorf("read dead letters: %w", err))
}
