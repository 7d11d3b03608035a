package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"sluice/exprs"
	"sluice/sinks/driver"
)

// rowGroupBytes bounds what is gathered in memory of a Parquet file: entries' bytes between two row groups.
const rowGroupBytes = 4 << 20

// ordered is a schema whose columns keep their order; the library's own sorts them by name.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

// Fields gives the columns in order.
func (o ordered) Fields() []parquet.Field { return o.fields }

func schemaOf(columns []column) *parquet.Schema {
	o := ordered{Group: parquet.Group{}}
	for i := range columns {
		c := &columns[i]
		node := nodeOf(c.kind())
		if c.builtin == nil && c.kind() == exprs.Text || c.builtin != nil && c.builtin.repeats {
			node = parquet.Encoded(node, &parquet.RLEDictionary)
		}
		if c.builtin != nil && c.builtin.required {
			node = parquet.Required(node)
		} else {
			node = parquet.Optional(node)
		}
		o.Group[c.name] = node
	}
	sorted := make(map[string]parquet.Field)
	for _, f := range o.Group.Fields() {
		sorted[f.Name()] = f
	}
	for i := range columns {
		o.fields = append(o.fields, sorted[columns[i].name])
	}
	return parquet.NewSchema("entry", o)
}

// nodeOf gives a column's type. Times are of microseconds, the finest that all readers take.
func nodeOf(k exprs.Type) parquet.Node {
	switch k {
	case exprs.Integer:
		return parquet.Int(64)
	case exprs.Double:
		return parquet.Leaf(parquet.DoubleType)
	case exprs.Truth:
		return parquet.Leaf(parquet.BooleanType)
	case exprs.Time:
		return parquet.Timestamp(parquet.Microsecond)
	}
	return parquet.String()
}

// gathering bounds how many Parquet files are made or compared at once, whoever does: each takes some four times the entries of a
// row group in memory. Nobody waits for a destination meanwhile.
var gathering = make(chan struct{}, 2)

// inTurn calls f when fewer than two others are at it.
func inTurn(ctx context.Context, f func() error) error {
	select {
	case gathering <- struct{}{}:
		defer func() { <-gathering }()
		return f()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *table) encodeParquet(ctx context.Context, w io.Writer, c Compression, u *driver.Unit) error {
	var file bytes.Buffer
	if err := inTurn(ctx, func() error { return t.gather(ctx, &file, c, u) }); err != nil {
		return err
	}
	for part := range slices.Chunk(file.Bytes(), bufferSize) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	return nil
}

// gather makes the whole file.
func (t *table) gather(ctx context.Context, file *bytes.Buffer, c Compression, u *driver.Unit) error {
	// A writer that is used again writes other bytes than a new one.
	out := parquet.NewWriter(file, t.schema, parquet.Compression(columnCodec(c)), parquet.CreatedBy("sluice", "1", ""),
		parquet.DictionaryMaxBytes(1<<20), parquet.PageBufferSize(256<<10))
	gathered := 0
	row := make([]parquet.Row, 1)
	for r, err := range t.rows(ctx, u) {
		if err != nil {
			return err
		}
		row[0] = t.appendValues(row[0][:0], r.cells)
		if _, err := out.WriteRows(row); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		if gathered += len(r.entry.Raw); gathered >= rowGroupBytes {
			gathered = 0
			if err := out.Flush(); err != nil {
				return fmt.Errorf("encode: %w", err)
			}
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return nil
}

func columnCodec(c Compression) compress.Codec {
	switch c {
	case Gzip:
		return &parquet.Gzip
	case Zstd:
		return &parquet.Zstd
	}
	return &parquet.Uncompressed
}

// appendValues makes a row of cells. A cell that is not of its column's type (a timestamp that is none) is NULL.
func (t *table) appendValues(row parquet.Row, cells []cell) parquet.Row {
	for i := range cells {
		c, definition := &cells[i], 1
		if b := t.columns[i].builtin; b != nil && b.required {
			definition = 0
		}
		v, kind := parquet.NullValue(), t.columns[i].kind()
		if c.kind != kind {
			row = append(row, v.Level(0, 0, i))
			continue
		}
		switch kind {
		case exprs.Text:
			v = parquet.ByteArrayValue(c.text)
		case exprs.Integer:
			v = parquet.Int64Value(c.whole)
		case exprs.Double:
			v = parquet.DoubleValue(c.float)
		case exprs.Truth:
			v = parquet.BooleanValue(c.truth)
		case exprs.Time:
			v = parquet.Int64Value(c.at.UnixMicro())
		}
		row = append(row, v.Level(0, definition, i))
	}
	return row
}

// errOther says that stored bytes are other content.
var errOther = errors.New("other content")

// compareParquet compares the rows of a stored file with the unit's, value by value: another version of the library may write other
// bytes for them.
func (t *table) compareParquet(ctx context.Context, stored []byte, u *driver.Unit) (err error) {
	defer func() {
		if recover() != nil { // the library's readers are for files that are whole
			err = errOther
		}
	}()
	file, err := parquet.OpenFile(bytes.NewReader(stored), int64(len(stored)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil || file.Schema().String() != t.schema.String() || file.NumRows() != int64(len(u.Refs)) {
		return errOther
	}
	reader := parquet.NewReader(file)
	defer reader.Close()
	got, want := make([]parquet.Row, 1), parquet.Row(nil)
	for r, err := range t.rows(ctx, u) {
		if err != nil {
			return err
		}
		want = t.appendValues(want[:0], r.cells)
		if n, err := reader.ReadRows(got); n != 1 || err != nil && !errors.Is(err, io.EOF) || !got[0].Equal(want) {
			return errOther
		}
	}
	return nil
}
