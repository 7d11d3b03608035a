package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"cloud.google.com/go/storage"

	"sluice/sinks/driver"
)

var _ driver.DeadReader = (*Driver)(nil)

// ReadDead opens the unit's object. It needs storage.objects.get.
func (d *Driver) ReadDead(ctx context.Context, name string) (io.ReadCloser, error) {
	ctx, begun := withSession(ctx)
	bucket, err := d.client.bucket()
	if err != nil {
		return nil, classify(ctx, d.options.Bucket, begun, err)
	}
	r, err := bucket.Object(d.name(&driver.Unit{Name: name})).NewReader(ctx)
	switch {
	case errors.Is(err, storage.ErrObjectNotExist):
		return nil, &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("%w: %w", fs.ErrNotExist, err)}
	case err != nil && forbidden(err):
		return nil, &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("%w (grant storage.objects.get on %s)", err, d.options.Destination())}
	case err != nil:
		return nil, classify(ctx, d.options.Bucket, begun, fmt.Errorf("read dead letters: %w", err))
	}
	return r, nil
}
