package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how a long step gets on: one line that is overwritten on a terminal, else only its last state.
type progress struct {
	w        io.Writer
	step     string
	terminal bool
	last     string
	shown    time.Time
	ticker   *time.Ticker
}

const progressEvery = 200 * time.Millisecond

func newProgress(w io.Writer, step string) *progress {
	p := &progress{w: w, step: step, ticker: time.NewTicker(progressEvery)}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// tick tells when it is time to show something.
func (p *progress) tick() <-chan time.Time { return p.ticker.C }

// show states how far the step is.
func (p *progress) show(state string) {
	p.last = state
	if p.terminal && time.Since(p.shown) >= progressEvery {
		p.shown = time.Now()
		fmt.Fprintf(p.w, "\r\x1b[K%s: %s", p.step, state)
	}
}

// end leaves the last state standing.
func (p *progress) end() {
	p.ticker.Stop()
	if p.last == "" {
		p.last = "done"
	}
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	fmt.Fprintf(p.w, "%s: %s\n", p.step, p.last)
}
