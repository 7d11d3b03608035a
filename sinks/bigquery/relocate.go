package bigquery

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/sinks/driver"
)

// relocate ends the stream that a unit was to be appended to, so that nobody can append to it any more, finds out how many of the
// unit's rows it holds, and gives the rest another stream. It always returns an error: Moved, or Rejected where rows were refused,
// with the way to the state that says all this.
func (d *Driver) relocate(ctx context.Context, u *driver.Unit, known bool, cause *movedError) error {
	rows, err := d.standing(ctx, u, known, cause)
	if err != nil {
		return err
	}
	table := tableOf(u.Name)
	if _, err := d.client.ensure(ctx, table, d.baseColumns(table), nil); err != nil {
		return err
	}
	stream, err := d.newStream(ctx, table)
	if err != nil {
		return err
	}
	moved := &driver.Error{
		Code: driver.Moved, Err: fmt.Errorf("%d of %d rows stand in the stream, which is finalized; the rest goes to another: %w", rows, u.Count, cause),
		Restate: restated(table, landed{u.Name, u.Offset, rows}, stream),
	}
	if len(cause.rejects) > 0 {
		moved.Code, moved.Rejects = driver.Rejected, cause.rejects
	}
	return moved
}

// standing finalizes the unit's stream and gives how many of the unit's rows stand. Unless some may have stood before this attempt
// (known) those are the ones that it saw taken: requests are applied in their order, and the one behind them was refused.
func (d *Driver) standing(ctx context.Context, u *driver.Unit, known bool, cause *movedError) (int, error) {
	count, err := d.client.finalize(ctx, u.Name)
	if isNotFound(err) {
		return d.counted(ctx, u, known, cause)
	}
	if err != nil {
		return 0, err
	}
	rows := count - u.Offset
	switch {
	case rows < int64(cause.taken):
		return 0, conflict("the stream holds %d rows, and %d were acknowledged: some are gone", count, u.Offset+int64(cause.taken))
	case rows > int64(u.Count), rows > int64(cause.taken) && !known:
		return 0, conflict("the stream holds %d rows, more than the ledger knows of", count)
	case len(u.Refs) == 0 && (len(u.Splits) == 0 || rows > 0 && rows < int64(u.Count)):
		return 0, conflict("%d of the plan's %d rows stand, and of its entries some are gone from the stream: it cannot be told which of the others stand (sluice abandon delivers them again)", rows, u.Count)
	}
	return int(rows), nil
}

// counted is for a stream that the service has forgotten, which takes no rows any more: what may have stood before this attempt is
// counted in the table, by the rows' positions.
func (d *Driver) counted(ctx context.Context, u *driver.Unit, known bool, cause *movedError) (int, error) {
	if !known {
		return cause.taken, nil
	}
	if len(u.Refs) == 0 || u.Origin.Side != "" {
		return 0, conflict("the stream is gone, and what it held of the plan cannot be counted: %w", cause)
	}
	rows, err := d.client.countRows(ctx, tableOf(u.Name), u)
	if err != nil {
		if code, _ := d.judge(err); code != driver.Misconfigured {
			return 0, err
		}
		return 0, conflict("the stream is gone, and its rows cannot be counted (grant roles/bigquery.jobUser on the project, then start again): %w", err)
	}
	if rows < cause.taken || rows > u.Count {
		return 0, conflict("the table holds %d rows of the plan's %d", rows, u.Count)
	}
	return rows, nil
}

func conflict(format string, args ...any) error {
	return &driver.Error{Code: driver.Conflict, Err: fmt.Errorf(format, args...)}
}

func isNotFound(err error) bool {
	s, ok := status.FromError(err)
	return err != nil && ok && (s.Code() == codes.NotFound)
}
