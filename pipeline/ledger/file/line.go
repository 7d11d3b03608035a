package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendLine appends the line that holds a record's canonical JSON.
func appendLine(dst, canonical []byte) []byte {
	dst = fmt.Appendf(dst, "%s %d ", sumOf(canonical), len(canonical))
	dst = append(dst, canonical...)
	return append(dst, '\n')
}

// errLineFeed says that a line feed was lost between two records: no torn write, which ends within its record, looks like that.
var errLineFeed = errors.New("no line feed after the record")

// parseLine gives the JSON in a line, which ends in its line feed. There is one way to write a line: every other is an error.
func parseLine(line []byte) ([]byte, error) {
	body, ended := bytes.CutSuffix(line, []byte("\n"))
	if !ended {
		return nil, errors.New("no line feed at the end")
	}
	sum, rest, ok := bytes.Cut(body, []byte(" "))
	length, canonical, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 {
		return nil, errors.New("not of the form <crc> <length> <record>")
	}
	if string(length) != strconv.Itoa(len(canonical)) {
		if n, err := strconv.ParseUint(string(length), 10, 31); err == nil && int(n) < len(canonical) && sumOf(canonical[:n]) == string(sum) {
			return nil, errLineFeed
		}
		return nil, fmt.Errorf("the record has %d bytes, not %q", len(canonical), length)
	}
	if want := sumOf(canonical); string(sum) != want {
		return nil, fmt.Errorf("the record has the CRC %s, not %q", want, sum)
	}
	return canonical, nil
}

func sumOf(canonical []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(canonical, castagnoli))
}

// badLine says where a segment does not read as it was written.
type badLine struct {
	line   int   // from 1
	offset int64 // where it begins
	last   bool  // nothing follows it: it may be torn
	err    error
}

func (b *badLine) Error() string { return fmt.Sprintf("line %d, byte %d: %v", b.line, b.offset, b.err) }

// eachLine calls each with the JSON of every line of r, which is valid until each returns, and its number. It returns the bytes of
// the good lines, and a *badLine at the first other one, or each's error.
func eachLine(r io.Reader, each func(line int, canonical []byte) error) (int64, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte // only for lines that do not fit into the buffer
	var offset int64
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long[:0], line...)
			line, err = readRest(in, long)
			long = line
		}
		if err != nil && err != io.EOF {
			return offset, err
		}
		if len(line) == 0 {
			return offset, nil
		}
		canonical, bad := parseLine(line)
		if bad != nil {
			_, end := in.Peek(1)
			return offset, &badLine{line: n, offset: offset, last: end == io.EOF && bad != errLineFeed, err: bad}
		}
		if err := each(n, canonical); err != nil {
			return offset, err
		}
		offset += int64(len(line))
	}
}

// readRest appends to line what is left of it.
func readRest(in *bufio.Reader, line []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
