package codec

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/sinks/driver"
)

// bufferSize is how much is gathered before the destination is written to: compressors emit some hundred bytes at a time.
const bufferSize = 64 << 10

// checkEvery is how many entries Encode writes between two looks at its context.
const checkEvery = 256

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode writes the entries to w, one a line, and returns what is stored: its size and CRC32C, both of the bytes that w got.
// It stops with ctx's error soon after ctx ends. Raw line feeds inside an entry become blanks: extraction has shown that strings
// hold none, so each stands between two tokens.
func Encode(ctx context.Context, w io.Writer, c Codec, refs []driver.Ref) (driver.Receipt, error) {
	enc, err := NewWriter(w, c)
	if err != nil {
		return driver.Receipt{}, err
	}
	defer enc.Release()
	for i := range refs {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return driver.Receipt{}, context.Cause(ctx)
		}
		if err := enc.Write(refs[i].Raw); err != nil {
			return driver.Receipt{}, err
		}
	}
	return enc.Finish()
}

// Writer encodes entries as they come. It is for one goroutine; NewWriter takes it from a pool and Release gives it back.
type Writer struct {
	codec Codec
	lines io.Writer     // where lines go: the compressor, or buf itself
	comp  compressor    // nil for JSON
	buf   *bufio.Writer // what is stored, gathered
	sum   sum
}

// compressor is what gzip and zstd have in common.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

var pools = map[Codec]*sync.Pool{
	JSON:     {New: func() any { return newWriter(JSON, nil) }},
	JSONGzip: {New: func() any { return newWriter(JSONGzip, newGzip()) }},
	JSONZstd: {New: func() any { return newWriter(JSONZstd, newZstd()) }},
}

// NewWriter begins an object that is stored to w. The only error is an UnknownError.
func NewWriter(w io.Writer, c Codec) (*Writer, error) {
	pool, ok := pools[c]
	if !ok {
		return nil, UnknownError{c}
	}
	e := pool.Get().(*Writer)
	e.sum = sum{to: w}
	e.buf.Reset(&e.sum)
	if e.comp != nil {
		e.comp.Reset(e.buf)
	}
	return e, nil
}

// Write adds one entry as a line. It does not keep raw.
func (e *Writer) Write(raw []byte) error {
	if err := writeLine(e.lines, raw); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return nil
}

// Finish ends the object and tells what was stored. The Writer takes nothing after it but Release.
func (e *Writer) Finish() (driver.Receipt, error) {
	if e.comp != nil {
		if err := e.comp.Close(); err != nil {
			return driver.Receipt{}, fmt.Errorf("encode: %w", err)
		}
	}
	if err := e.buf.Flush(); err != nil {
		return driver.Receipt{}, fmt.Errorf("encode: %w", err)
	}
	return e.sum.receipt(), nil
}

// Release gives the Writer's memory back, finished or not. It must not be used after it.
func (e *Writer) Release() {
	e.sum = sum{}
	e.buf.Reset(nil)
	if e.comp != nil {
		e.comp.Reset(io.Discard)
	}
	pools[e.codec].Put(e)
}

func newWriter(c Codec, comp compressor) *Writer {
	e := &Writer{codec: c, comp: comp, buf: bufio.NewWriterSize(nil, bufferSize)}
	e.lines = e.buf
	if comp != nil {
		e.lines = comp
	}
	return e
}

func newGzip() compressor {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // a constant level
	}
	return z
}

// newZstd makes an encoder with one goroutine, for equal output, and a small window, for eight units at a time.
func newZstd() compressor {
	z, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // constant options
	}
	return z
}

var lineEnd = []byte{'\n'}
var blank = []byte{' '}

// writeLine writes raw with its line feeds made blanks, and a line feed.
func writeLine(w io.Writer, raw []byte) error {
	for {
		i := bytes.IndexByte(raw, '\n')
		if i < 0 {
			break
		}
		if _, err := w.Write(raw[:i]); err != nil {
			return err
		}
		if _, err := w.Write(blank); err != nil {
			return err
		}
		raw = raw[i+1:]
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	_, err := w.Write(lineEnd)
	return err
}

// sum counts and checksums what passes through it.
type sum struct {
	to  io.Writer
	n   int64
	crc uint32
}

func (s *sum) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.n += int64(n)
	s.crc = crc32.Update(s.crc, castagnoli, p[:n])
	return n, err
}

func (s *sum) receipt() driver.Receipt { return driver.Receipt{Bytes: s.n, CRC32C: s.crc} }
