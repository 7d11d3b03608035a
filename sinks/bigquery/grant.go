package bigquery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"

	"sluice/sinks/driver"
)

// grantAll grants each table that a plan wants its stream and columns. Tables gain columns, and nothing else of them changes.
func (d *Driver) grantAll(ctx context.Context, s driver.State, st state) (driver.State, error) {
	granted := false
	for _, table := range slices.Sorted(maps.Keys(st.Tables)) {
		if !st.Tables[table].Wanted {
			continue
		}
		p, err := d.grant(ctx, table, st.Tables[table])
		if err != nil {
			return nil, err
		}
		st, granted = st.with(table, p), true
	}
	if !granted {
		return s, nil
	}
	return st.encode()
}

// grant gives a place the columns that are to be had of those that are wanted, with the types that they have. What the table has
// just gained the Write API may not know yet, for minutes; it is then wanted again by the next plan.
// https://cloud.google.com/bigquery/docs/write-api#schema_updates
func (d *Driver) grant(ctx context.Context, table string, p place) (place, error) {
	wanted, err := readColumns(p.Columns)
	if err != nil {
		return p, err
	}
	d.mu.Lock()
	shown, known := d.shown[p.Stream]
	d.mu.Unlock()
	if !known || !covers(shown, wanted) {
		if _, err := d.client.ensure(ctx, table, d.baseColumns(table), wanted); err != nil {
			return p, err
		}
		if p.Stream == "" {
			if p.Stream, err = d.newStream(ctx, table); err != nil {
				return p, err
			}
			p.Offset = 0
		}
		if shown, err = d.client.columnsOf(ctx, p.Stream); err != nil && !isNotFound(err) { // Write will find out that it is gone
			return p, err
		}
		d.mu.Lock()
		d.shown[p.Stream] = shown
		d.mu.Unlock()
	}
	p.Columns = writeColumns(restrict(shown, wanted))
	p.Wanted, p.Granted = false, true
	return p, nil
}

// baseColumns are those that a table has whatever its entries hold.
func (d *Driver) baseColumns(table string) []column {
	if d.options.Schema == schemaLogging && isErrorTable(table) {
		return errorColumns
	}
	return d.native.columns
}

// columnsOf gives the columns that a write stream takes, of those types that are used here.
func (c *client) columnsOf(ctx context.Context, stream string) ([]column, error) {
	w, err := c.writeAPI()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := w.GetWriteStream(ctx, &storagepb.GetWriteStreamRequest{Name: stream, View: storagepb.WriteStreamView_FULL})
	if err != nil {
		return nil, fmt.Errorf("look at the write stream: %w", err)
	}
	return columnsFrom(found.GetTableSchema().GetFields()), nil
}

var storageKinds = map[storagepb.TableFieldSchema_Type]kind{
	storagepb.TableFieldSchema_STRING: text, storagepb.TableFieldSchema_INT64: integer, storagepb.TableFieldSchema_DOUBLE: double,
	storagepb.TableFieldSchema_BOOL: truth, storagepb.TableFieldSchema_TIMESTAMP: instant, storagepb.TableFieldSchema_JSON: document,
	storagepb.TableFieldSchema_STRUCT: record,
}

func columnsFrom(fields []*storagepb.TableFieldSchema) []column {
	var columns []column
	for _, f := range fields {
		k, known := storageKinds[f.GetType()]
		if known && safe(f.GetName()) == f.GetName() {
			columns = append(columns, column{f.GetName(), k, f.GetMode() == storagepb.TableFieldSchema_REPEATED, columnsFrom(f.GetFields())})
		}
	}
	return columns
}

// covers says whether each wanted column is there, of whatever type.
func covers(shown, wanted []column) bool {
	for i := range wanted {
		c := columnNamed(shown, wanted[i].name)
		if c == nil || c.kind == record && wanted[i].kind == record && !covers(c.fields, wanted[i].fields) {
			return false
		}
	}
	return true
}

func columnNamed(columns []column, name string) *column {
	at := slices.IndexFunc(columns, func(c column) bool { return strings.EqualFold(c.name, name) })
	if at < 0 {
		return nil
	}
	return &columns[at]
}

// restrict gives the wanted columns that are there, with the types that they have.
func restrict(shown, wanted []column) []column {
	var granted []column
	for i := range wanted {
		c := columnNamed(shown, wanted[i].name)
		if c == nil {
			continue
		}
		have := *c
		if c.kind == record && wanted[i].kind == record {
			have.fields = restrict(c.fields, wanted[i].fields)
		}
		if have.kind != record || len(have.fields) > 0 {
			granted = append(granted, have)
		}
	}
	return granted
}
