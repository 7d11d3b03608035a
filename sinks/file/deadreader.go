package file

import (
	"context"
	"fmt"
	"io"

	"sluice/sinks/driver"
)

var _ driver.DeadReader = (*Driver)(nil)

// ReadDead opens the unit's file.
func (d *Driver) ReadDead(ctx context.Context, name string) (io.ReadCloser, error) {
	path, err := d.path(&driver.Unit{Name: name})
	if err != nil {
		return nil, err
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, classify(ctx, fmt.Errorf("open dead letters: %w", err))
	}
	return f, nil
}
