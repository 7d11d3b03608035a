package bigquery

import (
	"context"
	"errors"
	"fmt"
	"io"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"sluice/sinks/driver"
)

// appending is one attempt to append a unit's rows.
type appending struct {
	unit    *driver.Unit
	columns []column
	rows    rows
	known   bool // some of the unit may stand already
	done    int  // requests that stand
	sizes   []int64
	receipt driver.Receipt
}

// movedError says that a unit cannot be appended where it was planned to: the stream takes no rows any more, or not this one's, or
// refuses some of them.
type movedError struct {
	rejects []driver.Reject
	taken   int // of the unit's rows, by this attempt or before
	error
}

// Unwrap gives the cause.
func (e *movedError) Unwrap() error { return e.error }

// run appends all requests. A connection that ends on one that stands already is followed by another.
func (a *appending) run(ctx context.Context, c *client) (driver.Receipt, error) {
	a.sizes = make([]int64, len(a.unit.Splits))
	for a.done < len(a.unit.Splits) {
		if err := a.connection(ctx, c); err != nil {
			return driver.Receipt{}, err
		}
	}
	for _, n := range a.sizes {
		a.receipt.Bytes += n
	}
	return a.receipt, nil
}

// connection sends the requests that are not done, without waiting for their answers, which come in the same order. It ends at the
// first answer that is no success: then the caller begins again, and those that were taken meanwhile stand.
func (a *appending) connection(ctx context.Context, c *client) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream, err := c.connect(ctx, a.unit.Name)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func(first int) {
		err := a.send(stream, first)
		if err != nil && !errors.Is(err, io.EOF) { // EOF: the answer says why
			cancel(err)
		}
		sent <- err
	}(a.done)
	ended := false
	for err == nil && !ended && a.done < len(a.unit.Splits) {
		ended, err = a.receive(stream)
	}
	if err != nil || ended {
		cancel(err)
	}
	if broken := <-sent; broken != nil && context.Cause(ctx) == broken { // it came first: the answer only says that we gave up
		err = broken
	}
	return err
}

// send sends the requests from the first on. The rows of one are made when it is sent.
func (a *appending) send(stream storagepb.BigQueryWrite_AppendRowsClient, first int) error {
	from := 0
	for i, n := range a.unit.Splits {
		if i >= first {
			request, err := a.request(i, from, n)
			if err != nil {
				return err
			}
			if i == first {
				request.WriteStream = a.unit.Name
				request.GetProtoRows().WriterSchema = &storagepb.ProtoSchema{ProtoDescriptor: descriptor(a.columns)}
			}
			if err := stream.Send(request); err != nil {
				return fmt.Errorf("send request %d of %d: %w", i+1, len(a.unit.Splits), err)
			}
		}
		from += n
	}
	return stream.CloseSend()
}

// request is the i-th one: n rows, from one of the unit's entries on.
func (a *appending) request(i, from, n int) (*storagepb.AppendRowsRequest, error) {
	rows := make([][]byte, n)
	a.sizes[i] = 0
	for j := range rows {
		row, err := a.row(from + j)
		if err != nil {
			return nil, err
		}
		rows[j] = row
		a.sizes[i] += int64(len(row))
	}
	return &storagepb.AppendRowsRequest{
		Offset: wrapperspb.Int64(a.unit.Offset + int64(from)),
		Rows: &storagepb.AppendRowsRequest_ProtoRows{
			ProtoRows: &storagepb.AppendRowsRequest_ProtoData{Rows: &storagepb.ProtoRows{SerializedRows: rows}},
		},
	}, nil
}

// row makes the row of the i-th entry. The plan made it too: that it cannot be made now no repetition mends.
func (a *appending) row(i int) ([]byte, error) {
	ref := &a.unit.Refs[i]
	row, err := a.rows.append(nil, ref)
	if err != nil {
		return nil, &driver.Error{Code: driver.Misconfigured,
			Err: fmt.Errorf("make the row of %d.%d as planned: %w (was the plan made by another version? go on with that one)", ref.Seq, ref.Index, err)}
	}
	return row, nil
}

// receive takes the answer to the next request that is not done; ended: it was the connection's last.
func (a *appending) receive(stream storagepb.BigQueryWrite_AppendRowsClient) (ended bool, err error) {
	answer, err := stream.Recv()
	rows := answer.GetRowErrors()
	switch {
	case err != nil:
		ended = true
	case len(rows) > 0:
		return false, &movedError{a.rejects(rows), a.taken(), fmt.Errorf("%d rows are refused, the first: %s", len(rows), rows[0].GetMessage())}
	case answer.GetError() != nil:
		err = status.ErrorProto(answer.GetError())
	}
	if err != nil {
		err = a.judge(fmt.Errorf("append request %d of %d: %w", a.done+1, len(a.unit.Splits), err))
	}
	if err == nil {
		a.done++
	}
	return ended, err
}

// judge finds out what an answer means for the unit; nil: the request had been taken before.
func (a *appending) judge(err error) error {
	s, ok := status.FromError(err)
	switch {
	case !ok:
		return err
	case s.Code() == codes.AlreadyExists && a.known:
		a.receipt.Existed = true
		return nil
	case s.Code() == codes.AlreadyExists:
		return conflict("the stream holds rows where a new plan begins: the ledger may have stepped back: %w", err)
	case s.Code() == codes.OutOfRange, lost(s):
		return &movedError{taken: a.taken(), error: err}
	}
	return err
}

// taken counts the rows of the requests that are done.
func (a *appending) taken() (rows int) {
	for _, n := range a.unit.Splits[:a.done] {
		rows += n
	}
	return rows
}

// rejects names the entries of the first request that is not done whose rows are refused.
func (a *appending) rejects(rows []*storagepb.RowError) []driver.Reject {
	first := a.taken()
	var rejects []driver.Reject
	for _, row := range rows {
		if at := first + int(row.GetIndex()); row.GetIndex() >= 0 && int(row.GetIndex()) < a.unit.Splits[a.done] {
			ref := &a.unit.Refs[at]
			rejects = append(rejects, driver.Reject{Seq: ref.Seq, Index: ref.Index, Reason: "BigQuery: " + row.GetMessage()})
		}
	}
	return rejects
}

// measure tells what rows that stand already are.
func (a *appending) measure() (driver.Receipt, error) {
	a.receipt.Existed = true
	for i := range a.unit.Refs {
		row, err := a.row(i)
		if err != nil {
			return driver.Receipt{}, err
		}
		a.receipt.Bytes += int64(len(row))
	}
	return a.receipt, nil
}
