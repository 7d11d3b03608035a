package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// echoJudge writes what it was given, so that tests see numbers, order and bytes. An entry over the limit is not shown.
type echoJudge struct{ limit int }

func (j echoJudge) judge(b *lineBlock) {
	if b.tooLong > 0 {
		b.out = fmt.Appendf(b.out, "%s:%d: too long\n", b.source.name, b.first)
		return
	}
	b.lines(func(number int, line, entry []byte) {
		if len(entry) > j.limit {
			b.out = fmt.Appendf(b.out, "%s:%d: too long\n", b.source.name, number)
			return
		}
		b.matched++
		b.out = fmt.Appendf(b.out, "%s:%d:%s\n", b.source.name, number, line)
	})
}

// echo is the oracle: the same in three lines.
func echo(name string, data []byte, limit int) (out string) {
	for i, line := range strings.Split(string(data), "\n") {
		entry := strings.Trim(line, " \t\r")
		switch {
		case len(line) > limit+lineSlack || len(entry) > limit:
			out += fmt.Sprintf("%s:%d: too long\n", name, i+1)
		case entry != "":
			out += fmt.Sprintf("%s:%d:%s\n", name, i+1, line)
		}
	}
	return out
}

func runEcho(t *testing.T, in io.Reader, block, limit int, paths ...string) (string, string, lineTotals) {
	t.Helper()
	var out, log bytes.Buffer
	work := lineWork{paths: paths, stdin: in, block: block, limit: limit, out: &out, log: &log, newJudge: func() lineJudge { return echoJudge{limit} }}
	totals, err := work.run()
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), log.String(), totals
}

func TestLineWorkKeepsOrderAndNumbers(t *testing.T) {
	const seed = 11
	dice := rand.New(rand.NewPCG(seed, seed))
	for _, size := range []int{0, 1, 3000, 6 << 20} {
		var data []byte
		for len(data) < size {
			switch dice.IntN(40) {
			case 0:
				data = append(data, bytes.Repeat([]byte("x"), dice.IntN(1<<20))...)
			case 1:
				data = append(data, " \t\r"...)
			default:
				data = append(data, bytes.Repeat([]byte("y"), dice.IntN(300))...)
			}
			data = append(data, '\n')
		}
		for _, limit := range []int{100, 70_000, 2 << 20} {
			block := 1 + limit/3
			for name, reader := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "half": iotest.HalfReader, "data with EOF": iotest.DataErrReader} {
				got, log, _ := runEcho(t, reader(bytes.NewReader(data)), block, limit)
				if want := echo("stdin", data, limit); got != want || log != "" {
					t.Errorf("seed %d, %d bytes, limit %d, %s: %d bytes of output, want %d; log %q", seed, size, limit, name, len(got), len(want), log)
				}
			}
		}
	}
}

func TestLineWorkGoesOnAfterAnUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	missing := filepath.Join(dir, "missing")
	for path, text := range map[string]string{a: "1\n2", b: "3\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, log, totals := runEcho(t, strings.NewReader("in\n"), 0, 100, a, missing, "-", b)
	if diff := cmp.Diff(a+":1:1\n"+a+":2:2\nstdin:1:in\n"+b+":1:3\n", out); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if want := "sluice: open " + missing + ": no such file or directory\n"; log != want {
		t.Errorf("log %q, want %q", log, want)
	}
	if want := (lineTotals{matched: 4, failed: true}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
}

func TestLineWorkReportsABrokenRead(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("1\n2"), iotest.ErrReader(errors.New("disk gone")))
	out, log, totals := runEcho(t, broken, 0, 100)
	if out != "stdin:1:1\nstdin:2:2\n" || log != "sluice: disk gone\n" || !totals.failed {
		t.Errorf("output %q, log %q, totals %+v", out, log, totals)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// An endless input must not keep the program once nobody takes its results.
func TestLineWorkStopsWhenWritingFails(t *testing.T) {
	work := lineWork{stdin: endless{}, limit: 100, out: fullDisk{}, log: io.Discard, newJudge: func() lineJudge { return echoJudge{100} }}
	if _, err := work.run(); err == nil || err.Error() != "write results: disk full" {
		t.Errorf("error %v, want that of the writer", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, "line\n"), nil }

// A reader that answers line by line must be answered line by line.
func TestLineWorkAnswersASlowInput(t *testing.T) {
	in, feed := io.Pipe()
	read, out := io.Pipe()
	work := lineWork{stdin: in, limit: 100, out: out, log: io.Discard, newJudge: func() lineJudge { return echoJudge{100} }}
	done := make(chan error, 1)
	go func() { _, err := work.run(); done <- err }()
	for i, line := range []string{"a", "b"} {
		if _, err := fmt.Fprintln(feed, line); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("stdin:%d:%s\n", i+1, line)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(read, got); err != nil || string(got) != want {
			t.Errorf("answer %q (%v), want %q", got, err, want)
		}
	}
	feed.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The memory of one line is bounded: 64 MiB without a line feed grow no buffer beyond a few times the limit.
func TestBlockReaderSkipsWithoutMemory(t *testing.T) {
	blocks := []*lineBlock{}
	r := blockReader{block: blockBytes, limit: 1000, next: func() *lineBlock { b := newLineBlock(); blocks = append(blocks, b); return b }, yield: func(*lineBlock) bool { return true }}
	r.inputs([]string{"-"}, io.LimitReader(noLineFeed{}, 64<<20))
	if blocks[0].tooLong != 64<<20 {
		t.Errorf("line of %d bytes, want %d", blocks[0].tooLong, 64<<20)
	}
	for _, b := range blocks {
		if cap(b.data) > 2*blockBytes {
			t.Errorf("a buffer of %d bytes", cap(b.data))
		}
	}
}

type noLineFeed struct{}

func (noLineFeed) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func FuzzLineWork(f *testing.F) {
	f.Add([]byte("{}\n\n [1] \r\nx"), uint16(10), uint16(1), false)
	f.Add(bytes.Repeat([]byte("abc"), 3000), uint16(1), uint16(64), true)
	f.Add(append(bytes.Repeat([]byte("z"), 9000), "\nshort\n"...), uint16(20), uint16(5000), true)
	f.Fuzz(func(t *testing.T, data []byte, limit, block uint16, bytewise bool) {
		var in io.Reader = bytes.NewReader(data)
		if bytewise {
			in = iotest.OneByteReader(in)
		}
		got, log, _ := runEcho(t, in, 1+int(block), int(limit))
		if diff := cmp.Diff(echo("stdin", data, int(limit)), got); diff != "" || log != "" {
			t.Errorf("output (-want +got):\n%s\nlog %q", diff, log)
		}
	})
}
