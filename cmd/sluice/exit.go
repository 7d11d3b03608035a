package main

import (
	"errors"
	"fmt"
	"io"
)

// The exit codes of every sub-command. 1 is also the answer "no" of commands that answer: nothing matched, not balanced.
const (
	exitOK    = 0
	exitNo    = 1 // the command could not do its work, or its answer is no
	exitUsage = 2 // the command line, a query or an input file is wrong
)

// exitError is an error that chooses the exit code. A nil err exits in silence: the output has said it already.
type exitError struct {
	code int
	err  error
}

// Error gives the cause's text.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap gives the cause.
func (e *exitError) Unwrap() error { return e.err }

// usageError is an error of whoever wrote the command line, the query or the input file.
func usageError(err error) error { return &exitError{code: exitUsage, err: err} }

// report prints the error of a command, once, and gives the exit code: that of an *exitError, else 1.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitNo
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
		if exit.err == nil {
			return code
		}
	}
	fmt.Fprintf(w, "sluice: %v\n", err)
	return code
}
