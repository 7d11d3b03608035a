package bigquery

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/api/bigquery/v2"

	"sluice/sinks/driver"
)

// countRows counts the rows of a unit that stand in its table, by a query: it holds positions from the unit's first to its last, in stream
// order, and no other unit does, for batches are cut between messages and tables are not shared.
func (c *client) countRows(ctx context.Context, table string, u *driver.Unit) (int, error) {
	api, err := c.tablesAPI()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	o := &c.options
	first, last := &u.Refs[0], &u.Refs[len(u.Refs)-1]
	legacy := false
	answer, err := api.Jobs.Query(o.Project, &bigquery.QueryRequest{
		Query: fmt.Sprintf("SELECT COUNT(*) FROM `%s.%s.%s` WHERE _sluice_stream = @stream AND _sluice_epoch = @epoch"+
			" AND (_sluice_seq > @first OR _sluice_seq = @first AND _sluice_index >= @firstIndex)"+
			" AND (_sluice_seq < @last OR _sluice_seq = @last AND _sluice_index <= @lastIndex)", o.Project, o.Dataset, table),
		ParameterMode: "NAMED", UseLegacySql: &legacy, TimeoutMs: callTimeout.Milliseconds(),
		QueryParameters: []*bigquery.QueryParameter{
			parameter("stream", "STRING", u.Origin.Stream), number("epoch", int64(u.Origin.Epoch)),
			number("first", int64(first.Seq)), number("firstIndex", int64(first.Index)),
			number("last", int64(last.Seq)), number("lastIndex", int64(last.Index)),
		},
	}).Context(ctx).Do()
	switch {
	case err != nil:
		return 0, fmt.Errorf("count rows of table %s: %w", table, err)
	case !answer.JobComplete || len(answer.Rows) != 1 || len(answer.Rows[0].F) != 1:
		return 0, &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("count rows of table %s: no answer in time", table)}
	}
	n, err := strconv.Atoi(fmt.Sprint(answer.Rows[0].F[0].V))
	if err != nil {
		return 0, fmt.Errorf("count rows of table %s: %w", table, err)
	}
	return n, nil
}

func number(name string, v int64) *bigquery.QueryParameter {
	return parameter(name, "INT64", strconv.FormatInt(v, 10))
}

func parameter(name, kind, value string) *bigquery.QueryParameter {
	return &bigquery.QueryParameter{
		Name: name, ParameterType: &bigquery.QueryParameterType{Type: kind}, ParameterValue: &bigquery.QueryParameterValue{Value: value},
	}
}
