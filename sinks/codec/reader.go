package codec

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/sinks/driver"
)

// maxWindow bounds the memory that a foreign zstd object may ask for.
const maxWindow = 16 << 20

// NewReader decodes an object to its lines. Closing it does not close r. Errors: an UnknownError, r's own, or one that says that
// the bytes are not of this codec; the last two also come from Read.
func NewReader(r io.Reader, c Codec) (io.ReadCloser, error) {
	switch c {
	case JSON:
		return io.NopCloser(r), nil
	case JSONGzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("decode gzip: %w", err)
		}
		return z, nil
	case JSONZstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("decode zstd: %w", err)
		}
		return z.IOReadCloser(), nil
	}
	return nil, UnknownError{c}
}

// Lines yields the lines of an object without their line feeds, each valid until the next. After an error it stops; a last line
// without a line feed is io.ErrUnexpectedEOF, for every whole object ends in one.
func Lines(r io.Reader, c Codec) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		dec, err := NewReader(r, c)
		if err != nil {
			yield(nil, err)
			return
		}
		defer dec.Close()
		in := bufio.NewReaderSize(dec, bufferSize)
		for {
			line, err := in.ReadBytes('\n')
			if err == io.EOF && len(line) == 0 {
				return
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				yield(nil, fmt.Errorf("decode: %w", err))
				return
			}
			if !yield(line[:len(line)-1], nil) {
				return
			}
		}
	}
}

// Compare says whether the object that r stores holds exactly what Encode would store for refs, decoded. Bytes that cannot be
// decoded are other content, not an error; errors are r's own and ctx's, and an UnknownError. When equal, the receipt tells what
// is stored, with Existed set. Memory: one entry and the decoder's.
func Compare(ctx context.Context, r io.Reader, c Codec, refs []driver.Ref) (receipt driver.Receipt, equal bool, err error) {
	return compareStored(ctx, r, func(in io.Reader) error { return compareTexts(in, c, linesOf(refs)) })
}

// linesOf gives the lines of refs, each valid until the next.
func linesOf(refs []driver.Ref) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var line bytes.Buffer
		for i := range refs {
			line.Reset()
			writeLine(&line, refs[i].Raw) // a buffer takes everything
			if !yield(line.Bytes(), nil) {
				return
			}
		}
	}
}

// compareStored lets compare read what is stored; its error says that this is other content, unless reading failed.
func compareStored(ctx context.Context, r io.Reader, compare func(io.Reader) error) (receipt driver.Receipt, equal bool, err error) {
	src := &source{ctx: ctx, r: r, sum: sum{to: io.Discard}}
	err = compare(bufio.NewReaderSize(src, bufferSize))
	var unknown UnknownError
	switch {
	case src.err != nil:
		return driver.Receipt{}, false, src.err
	case errors.As(err, &unknown):
		return driver.Receipt{}, false, err
	case ctx.Err() != nil:
		return driver.Receipt{}, false, context.Cause(ctx)
	case err != nil:
		return driver.Receipt{}, false, nil
	}
	receipt = src.sum.receipt()
	receipt.Existed = true
	return receipt, true, nil
}

// source keeps the errors of the storage apart from those of the decoder, and sums what is stored.
type source struct {
	ctx context.Context
	r   io.Reader
	sum sum
	err error // the storage's, or the context's
}

func (s *source) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
