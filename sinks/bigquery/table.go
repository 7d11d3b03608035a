package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"

	"sluice/sinks/driver"
)

// ensure makes sure that a table exists with the columns that are needed: it is created, partitioned by day and clustered by log
// name, and columns that it lacks are added. A needed column of another type is Misconfigured. Of more columns those are added that
// it lacks, if it has room for all of them; others stay as they are. It may be repeated, and run beside others.
func (c *client) ensure(ctx context.Context, table string, columns, more []column) (*bigquery.Table, error) {
	api, err := c.tablesAPI()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.lookAt(ctx, api, table)
	if err != nil {
		return nil, err
	}
	if found == nil {
		fields, _ := extendWithin(tableFields(columns), more) // at once: of columns that come later the Write API learns minutes after
		created, err := api.Tables.Insert(c.options.Project, c.options.Dataset, c.newTable(table, fields)).Context(ctx).Do()
		if err == nil {
			return created, nil
		}
		if !answered(err, http.StatusConflict) {
			return nil, fmt.Errorf("create table %s: %w", table, err)
		}
		found, err = c.lookAt(ctx, api, table) // another one created it, or our own request whose answer was lost
		if err == nil && found == nil {
			err = &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("table %s exists and is not found", table)}
		}
		if err != nil {
			return nil, err
		}
	}
	return c.addColumns(ctx, api, found, table, columns, more)
}

// lookAt gives a table, nil where there is none.
func (c *client) lookAt(ctx context.Context, api *bigquery.Service, table string) (*bigquery.Table, error) {
	found, err := api.Tables.Get(c.options.Project, c.options.Dataset, table).Context(ctx).Do()
	if answered(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at table %s: %w", table, err)
	}
	return found, nil
}

// addColumns adds what a table lacks. Only the schema is sent; the precondition keeps what somebody else adds meanwhile.
func (c *client) addColumns(ctx context.Context, api *bigquery.Service, found *bigquery.Table, table string, columns, more []column) (*bigquery.Table, error) {
	if found.Schema == nil {
		found.Schema = &bigquery.TableSchema{}
	}
	fields, added, err := extend(found.Schema.Fields, columns, "")
	if err != nil {
		return nil, &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("table %s: %w (choose another table, or rename the column)", table, err)}
	}
	fields, n := extendWithin(fields, more)
	if added += n; added == 0 {
		return found, nil
	}
	patch := api.Tables.Patch(c.options.Project, c.options.Dataset, table, &bigquery.Table{Schema: &bigquery.TableSchema{Fields: fields}}).Context(ctx)
	patch.Header().Set("If-Match", found.Etag)
	patched, err := patch.Do()
	if answered(err, http.StatusPreconditionFailed) {
		return nil, &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("table %s has changed meanwhile: %w", table, err)}
	}
	if err != nil {
		return nil, fmt.Errorf("add %d columns to table %s: %w", added, table, err)
	}
	return patched, nil
}

// maxColumns is the most that a table has, those in records among them.
// https://cloud.google.com/bigquery/quotas#standard_tables
const maxColumns = 10_000

// extendWithin is extendFreely where a table has room for the result; else the fields stay as they are.
func extendWithin(fields []*bigquery.TableFieldSchema, more []column) (all []*bigquery.TableFieldSchema, added int) {
	if wider, n := extendFreely(fields, more); leaves(wider) <= maxColumns {
		return wider, n
	}
	return fields, 0
}

func leaves(fields []*bigquery.TableFieldSchema) int {
	n := len(fields)
	for _, f := range fields {
		n += leaves(f.Fields)
	}
	return n
}

func (c *client) newTable(table string, fields []*bigquery.TableFieldSchema) *bigquery.Table {
	t := &bigquery.Table{
		TableReference: &bigquery.TableReference{ProjectId: c.options.Project, DatasetId: c.options.Dataset, TableId: table},
		Schema:         &bigquery.TableSchema{Fields: fields},
		Clustering:     &bigquery.Clustering{Fields: []string{"logName"}},
	}
	if c.options.Schema == schemaNative || c.options.UsePartitionedTables {
		t.TimePartitioning = &bigquery.TimePartitioning{Type: "DAY", Field: "timestamp"}
	}
	return t
}

// path is the table's name in the Write API.
func (o *Options) path(table string) string {
	return "projects/" + o.Project + "/datasets/" + o.Dataset + "/tables/" + table
}

// tableOf gives the table of a write stream.
func tableOf(stream string) string {
	_, rest, _ := strings.Cut(stream, "/tables/")
	table, _, _ := strings.Cut(rest, "/streams/")
	return table
}

func answered(err error, status int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == status
}
