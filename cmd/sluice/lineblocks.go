package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
)

const (
	blockBytes = 1 << 20 // how much of an input is read and judged at once
	lineSlack  = 4 << 10 // blanks around an entry do not count towards its limit
)

// lineSource is one input of entries, one JSON object a line.
type lineSource struct {
	name     string    // as messages show it
	modified time.Time // of a file; else the time it was opened
}

// lineBlock is a run of whole lines of one input, and what was made of them.
type lineBlock struct {
	source  lineSource
	first   int    // number of its first line, from 1
	data    []byte // lines with their line feeds; the last of an input may lack it
	longest int    // bytes of a line, blanks included; what is longer is no entry
	tooLong int64  // not 0: the block stands for one line of so many bytes, which were skipped
	err     error  // the input cannot be read any further

	out     []byte // results
	log     []byte // messages about lines
	matched int    // lines that count
	done    chan struct{}
}

// blockReader cuts inputs into blocks. next gives an unused block; yield takes it and says whether to go on.
type blockReader struct {
	block int // bytes to read at once
	limit int // bytes of one line
	next  func() *lineBlock
	yield func(*lineBlock) bool
}

// inputs reads each path in turn; "-" is stdin. A path that cannot be read gives a block with an error and does not stop the rest.
func (r *blockReader) inputs(paths []string, stdin io.Reader) {
	for _, path := range paths {
		if !r.input(path, stdin) {
			return
		}
	}
}

func (r *blockReader) input(path string, stdin io.Reader) bool {
	if path == "-" {
		return r.read(lineSource{name: "stdin", modified: time.Now()}, stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return r.fail(lineSource{name: path}, err)
	}
	defer file.Close() // it was only read
	info, err := file.Stat()
	if err != nil {
		return r.fail(lineSource{name: path}, err)
	}
	return r.read(lineSource{name: path, modified: info.ModTime()}, file)
}

func (r *blockReader) fail(source lineSource, err error) bool {
	b := r.next()
	b.err = err
	return r.emit(b, source, 1)
}

// read cuts one input. A block holds what one read gave, so that a slow input is answered line by line.
func (r *blockReader) read(source lineSource, in io.Reader) bool {
	line, scanned := 1, 0
	b := r.next()
	for {
		if cap(b.data)-len(b.data) <= r.block/4 {
			b.data = append(make([]byte, 0, max(2*cap(b.data), r.block)), b.data...)
		}
		n, err := in.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if cut := bytes.LastIndexByte(b.data[scanned:], '\n') + 1; cut > 0 {
			cut += scanned
			after := r.next()
			after.data = append(after.data, b.data[cut:]...)
			b.data = b.data[:cut]
			lines := bytes.Count(b.data, []byte("\n"))
			if !r.emit(b, source, line) {
				return false
			}
			line += lines
			b = after
		}
		scanned = len(b.data)
		if len(b.data) > r.limit+lineSlack && err == nil {
			after := r.next()
			b.tooLong, err = r.skip(len(b.data), after, in)
			b.data = b.data[:0]
			if !r.emit(b, source, line) {
				return false
			}
			line++
			b, scanned = after, 0
		}
		if err != nil {
			return r.end(b, source, line, err)
		}
	}
}

// skip reads to the end of a line of which it has seen so many bytes, and gives the bytes of all of it. What was read behind the
// line is the data of after.
func (r *blockReader) skip(seen int, after *lineBlock, in io.Reader) (int64, error) {
	size := int64(seen)
	if cap(after.data) < r.block {
		after.data = make([]byte, 0, r.block)
	}
	for {
		n, err := in.Read(after.data[:cap(after.data)])
		chunk := after.data[:n]
		if end := bytes.IndexByte(chunk, '\n'); end >= 0 {
			after.data = append(after.data[:0], chunk[end+1:]...)
			return size + int64(end), err
		}
		size += int64(n)
		if err != nil {
			return size, err
		}
	}
}

// end yields what an input ends with: a line without line feed, then its error if it has one.
func (r *blockReader) end(b *lineBlock, source lineSource, line int, err error) bool {
	if !errors.Is(err, io.EOF) {
		b.err = err
	}
	return r.emit(b, source, line)
}

func (r *blockReader) emit(b *lineBlock, source lineSource, first int) bool {
	b.source, b.first, b.longest = source, first, r.limit+lineSlack
	return r.yield(b)
}

// lines calls each for every line of the block that is not blank: its number, its bytes as they came without the line feed, and
// the entry in it, which is larger than the limit if the line is too long.
func (b *lineBlock) lines(each func(number int, line, entry []byte)) {
	number := b.first
	for rest := b.data; len(rest) > 0; number++ {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		entry := line
		if len(line) <= b.longest {
			entry = bytes.Trim(line, " \t\r")
		}
		if len(entry) > 0 {
			each(number, line, entry)
		}
	}
}

func newLineBlock() *lineBlock { return &lineBlock{done: make(chan struct{}, 1)} }

// reset makes a block that was used ready for the next.
func (b *lineBlock) reset() {
	*b = lineBlock{data: b.data[:0], out: b.out[:0], log: b.log[:0], done: b.done}
}
