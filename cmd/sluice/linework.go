package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
)

// lineJudge makes results of blocks. Each worker has one of its own.
type lineJudge interface {
	// judge fills in b.out, b.log and b.matched from b.data or b.tooLong. It keeps nothing of b.
	judge(b *lineBlock)
}

// lineWork reads inputs in blocks, has them judged on all cores and writes the results in the order of the lines.
type lineWork struct {
	paths    []string // "-" is stdin; none: stdin
	stdin    io.Reader
	block    int // bytes of an input to read at once; 0: blockBytes
	limit    int // bytes of one line
	out, log io.Writer
	newJudge func() lineJudge // called on the goroutine that will use it
}

// lineTotals is what came of all lines.
type lineTotals struct {
	matched int
	failed  bool // an input could not be read, or not to its end; the log says which
}

// run works through all inputs. Memory is bounded by a few blocks a core. The error is that of a writer; the reader then stops
// as soon as its input lets go of it.
func (w *lineWork) run() (lineTotals, error) {
	workers := runtime.GOMAXPROCS(0)
	inFlight := 4 * workers // every channel has room for all blocks: only next waits
	free := make(chan *lineBlock, inFlight)
	for range inFlight {
		free <- newLineBlock()
	}
	unjudged := make(chan *lineBlock, inFlight)
	ordered := make(chan *lineBlock, inFlight)
	stop := make(chan struct{})
	defer close(stop)
	for range workers {
		go w.judgeAll(unjudged)
	}
	go func() {
		defer close(ordered)
		defer close(unjudged)
		reader := blockReader{
			block: cmp.Or(w.block, blockBytes),
			limit: w.limit,
			next: func() *lineBlock {
				select {
				case b := <-free:
					return b
				case <-stop:
					return newLineBlock()
				}
			},
			yield: func(b *lineBlock) bool {
				select {
				case <-stop:
					return false
				default:
				}
				ordered <- b
				unjudged <- b
				return true
			},
		}
		reader.inputs(w.sources(), w.stdin)
	}()
	return w.write(ordered, free)
}

func (w *lineWork) judgeAll(unjudged <-chan *lineBlock) {
	judge := w.newJudge()
	for b := range unjudged {
		judge.judge(b)
		b.done <- struct{}{}
	}
}

func (w *lineWork) sources() []string {
	if len(w.paths) == 0 {
		return []string{"-"}
	}
	return w.paths
}

// write writes the blocks' results in order and frees the blocks.
func (w *lineWork) write(ordered <-chan *lineBlock, free chan<- *lineBlock) (lineTotals, error) {
	var totals lineTotals
	for b := range ordered {
		<-b.done
		totals.matched += b.matched
		if b.err != nil {
			totals.failed = true
			b.log = fmt.Appendf(b.log, "sluice: %v\n", b.err)
		}
		if err := w.writeBlock(b); err != nil {
			return totals, err
		}
		b.reset()
		free <- b
	}
	return totals, nil
}

func (w *lineWork) writeBlock(b *lineBlock) error {
	if len(b.log) > 0 {
		if _, err := w.log.Write(b.log); err != nil {
			return fmt.Errorf("write messages: %w", err)
		}
	}
	if len(b.out) > 0 {
		if _, err := w.out.Write(b.out); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}
