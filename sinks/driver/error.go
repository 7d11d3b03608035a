package driver

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Code is the closed set of ways in which a destination fails; it alone decides what happens next.
type Code int

// The codes. For files: EACCES, EPERM, EROFS and ENOTDIR are Misconfigured, ENOSPC and EIO Unavailable.
const (
	Unknown       Code = iota // treated as Unavailable: retried, never dropped
	Unavailable               // try again later, with back-off
	Misconfigured             // a person must act (rights, name): the lane pauses, keeps its plan and probes
	Rejected                  // the destination refuses the entries in Error.Rejects and will for ever
	Conflict                  // the unit's name holds other content, described by Error.Found
	Canceled                  // the context ended
	Moved                     // what the plan was made from is gone: it is planned again from Error.Restate, under its name
)

// String gives the code's word, as status and logs show it.
func (c Code) String() string {
	switch c {
	case Unavailable:
		return "unavailable"
	case Misconfigured:
		return "misconfigured"
	case Rejected:
		return "rejected"
	case Conflict:
		return "conflict"
	case Canceled:
		return "canceled"
	case Moved:
		return "moved"
	default:
		return "unknown"
	}
}

// Error is every error of a Driver.
type Error struct {
	Code    Code
	Rejects []Reject        // Rejected: the refused entries, at least one
	Found   json.RawMessage // Conflict: what stands there (the plan in its metadata), where it can be known
	Err     error           // the cause, with the step; its text must not hold secrets

	// Restate, of Moved and where it is not nil of Rejected, makes of the state that the plan was made from the one to make it from
	// instead: what of the unit stands already stays where it is, the rest goes elsewhere. It is a function of what the driver
	// found, which nothing can change any more; it changes only what concerns the unit.
	Restate func(State) (State, error)
}

// Error gives the code and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code.String()
	}
	return fmt.Sprintf("%s: %v", e.Code, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf classifies any error: that of an *Error in its chain, else Unknown.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Unknown
}
