package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

var _ driver.DeadReader = (*Driver)(nil)

// ReadDead gives the object's lines.
func (d *Driver) ReadDead(ctx context.Context, name string) (io.ReadCloser, error) {
	o, ok := d.store.Objects()[name]
	if !ok {
		return nil, &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("read %s: %w", name, fs.ErrNotExist)}
	}
	var b bytes.Buffer
	if _, err := codec.Encode(ctx, &b, codec.JSON, o.Entries); err != nil {
		return nil, &driver.Error{Code: driver.Canceled, Err: err}
	}
	return io.NopCloser(&b), nil
}
