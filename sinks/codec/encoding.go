package codec

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/parquet-go/parquet-go"

	"sluice/sinks/driver"
)

// Encoding is how a destination's entries become bytes: a format, a compression and, for tables, columns. It may be used by
// several goroutines at once. Manifests and dead letters are JSON lines whatever it is: what counts is the unit's codec.
type Encoding struct {
	codec Codec
	table *table // nil for JSON lines
	err   error  // why there is no table: recorded columns that this version does not compile
}

// NewEncoding makes the encoding of options that have no Problems.
func NewEncoding(f Format, c Compression, columns Columns) *Encoding {
	e := &Encoding{codec: f.Codec(c)}
	if f != FormatCSV && f != FormatParquet {
		return e
	}
	made, problems := columns.compile(f)
	if len(problems) > 0 {
		e.err = fmt.Errorf("%s: %s", problems[0].Path, problems[0].Message)
		return e
	}
	e.table = newTable(made)
	return e
}

// Extension is what the names of objects end in, without its dot.
func (e *Encoding) Extension() string { return e.codec.Extension() }

// Label writes into planned units how they are encoded.
func (e *Encoding) Label(units []driver.Unit) {
	for i := range units {
		units[i].Codec = string(e.codec)
		if e.table != nil {
			units[i].Columns = e.table.hash
		}
	}
}

// Encode writes a unit to w and returns what is stored: its size and CRC32C, both of the bytes that w got. It stops with ctx's error
// soon after ctx ends. A Parquet file is made whole in memory before w gets any of it. A unit of a codec or of columns that this encoding does not have is an UnknownError or a *driver.Error.
func (e *Encoding) Encode(ctx context.Context, w io.Writer, u *driver.Unit) (driver.Receipt, error) {
	f, c, err := e.check(u)
	switch {
	case err != nil:
		return driver.Receipt{}, err
	case f == FormatCSV:
		return e.encodeCSV(ctx, w, c, u)
	case f == FormatParquet:
		sum := &sum{to: w}
		err := e.table.encodeParquet(ctx, sum, c, u)
		return sum.receipt(), err
	}
	return Encode(ctx, w, Codec(u.Codec), u.Refs)
}

// Compare says whether the object that r stores holds exactly what Encode would store for the unit, decoded. Bytes that cannot be
// decoded are other content, not an error; errors are r's own, ctx's, and those of a unit that Encode does not take. When equal, the
// receipt tells what is stored, with Existed set. Memory: one entry and the decoder's; of a Parquet file, the file.
func (e *Encoding) Compare(ctx context.Context, r io.Reader, u *driver.Unit) (receipt driver.Receipt, equal bool, err error) {
	f, c, err := e.check(u)
	switch {
	case err != nil:
		return driver.Receipt{}, false, err
	case f == FormatCSV:
		return compareStored(ctx, r, func(in io.Reader) error { return compareTexts(in, c.Codec(), e.table.lines(ctx, u)) })
	case f == FormatParquet:
		return compareStored(ctx, r, func(in io.Reader) error {
			stored, err := io.ReadAll(in)
			if err != nil {
				return err
			}
			return inTurn(ctx, func() error { return e.table.compareParquet(ctx, stored, u) })
		})
	}
	return Compare(ctx, r, Codec(u.Codec), u.Refs)
}

// check says how a unit is encoded, and whether this encoding can.
func (e *Encoding) check(u *driver.Unit) (Format, Compression, error) {
	f, c, err := Codec(u.Codec).parts()
	switch {
	case err != nil || f == FormatJSON:
		return f, c, err
	case e.err != nil:
		return "", "", &driver.Error{Code: driver.Misconfigured, Err: e.err}
	case e.table == nil || e.table.hash != u.Columns:
		return "", "", &driver.Error{Code: driver.Misconfigured, Err: errors.New("the unit was planned with other columns")}
	}
	return f, c, nil
}

// table is the columns of CSV and Parquet.
type table struct {
	columns []column
	hash    string
	schema  *parquet.Schema
	readers sync.Pool // of *rowReader
}

func newTable(columns []column) *table {
	t := &table{columns: columns, hash: hashOf(columns), schema: schemaOf(columns)}
	t.readers.New = func() any { return newRowReader(columns) }
	return t
}

// rows gives a unit's rows, each valid until the next; the error is ctx's.
func (t *table) rows(ctx context.Context, u *driver.Unit) iter.Seq2[*rowReader, error] {
	return func(yield func(*rowReader, error) bool) {
		r := t.readers.Get().(*rowReader)
		defer t.readers.Put(r)
		for i := range u.Refs {
			if i%checkEvery == 0 && ctx.Err() != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			r.row(t.columns, &u.Origin, &u.Refs[i])
			if !yield(r, nil) {
				return
			}
		}
	}
}

// lines gives the unit's lines of CSV, the header first, each valid until the next; the error is ctx's.
func (t *table) lines(ctx context.Context, u *driver.Unit) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		line := appendHeader(nil, t.columns)
		if !yield(line, nil) {
			return
		}
		for r, err := range t.rows(ctx, u) {
			if err == nil {
				line = appendRow(line[:0], r.cells)
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

func (e *Encoding) encodeCSV(ctx context.Context, w io.Writer, c Compression, u *driver.Unit) (driver.Receipt, error) {
	out, err := NewWriter(w, c.Codec()) // which compresses alike
	if err != nil {
		return driver.Receipt{}, err
	}
	defer out.Release()
	for line, err := range e.table.lines(ctx, u) {
		if err != nil {
			return driver.Receipt{}, err
		}
		if _, err := out.lines.Write(line); err != nil {
			return driver.Receipt{}, fmt.Errorf("encode: %w", err)
		}
	}
	return out.Finish()
}

// compareTexts compares a decoded object with texts that follow one another.
func compareTexts(r io.Reader, c Codec, texts iter.Seq2[[]byte, error]) error {
	dec, err := NewReader(r, c)
	if err != nil {
		return err
	}
	defer dec.Close()
	in := bufio.NewReaderSize(dec, bufferSize)
	var got []byte
	for want, err := range texts {
		if err != nil {
			return err
		}
		if cap(got) < len(want) {
			got = make([]byte, len(want))
		}
		got = got[:len(want)]
		if _, err := io.ReadFull(in, got); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return errOther
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return errors.Join(errOther, err)
	}
	return nil
}
