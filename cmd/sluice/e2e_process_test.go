package main

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is one run of the program, whatever its end.
type process struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	out    output
	err    output
	done   chan struct{} // closed when it has ended
	result error         // of Wait, after done
}

// output is what a process has written so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startProcess starts a command of TestMain in a folder. It is killed with the test.
func startProcess(t testing.TB, dir string, command string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: command + " " + strings.Join(args, " "), cmd: exec.Command(command, args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		p.result = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process by SIGKILL, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// code waits for the end and gives the exit code; −1 after a signal.
func (p *process) code() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s: still there after %s; it said:\n%s", p.name, patience, p.err.String())
	}
	var exit *exec.ExitError
	if p.result != nil && !errors.As(p.result, &exit) {
		p.t.Fatalf("%s: %v", p.name, p.result)
	}
	return p.cmd.ProcessState.ExitCode()
}

// drain ends a daemon by SIGTERM, which must give exit code 0.
func (p *process) drain() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("%s: SIGTERM: %v; it said:\n%s", p.name, err, p.err.String())
	}
	if code := p.code(); code != 0 {
		p.t.Fatalf("%s: exit code %d after SIGTERM, want 0; it said:\n%s", p.name, code, p.err.String())
	}
}

// patience is how long tests wait for what must happen.
const patience = 2 * time.Minute

// await returns once is holds; it fails the test when it does not within patience, or when the process ends before.
func (p *process) await(what string, is func() bool) {
	p.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-p.done:
			if is() {
				return
			}
			p.t.Fatalf("%s ended before %s (%v); it said:\n%s", p.name, what, p.result, p.err.String())
		case <-late:
			p.t.Fatalf("no %s within %s; %s said:\n%s", what, patience, p.name, p.err.String())
		}
	}
}
