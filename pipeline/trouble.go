package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"sluice/sinks/driver"
)

// Trouble is what keeps a route from delivering, or what its destination refuses.
type Trouble struct {
	Route, Stream string
	Code          string // unavailable, misconfigured, conflict, halted or rejected
	Detail        string // for people, without secrets
	At            time.Time
}

// TroubleHalted is the code of a trouble that is told once: the lane stands still until a person acts.
const TroubleHalted = "halted"

// SinkErrorLog is the log id, as it stands in a logName, of entries about the troubles of routes: Google's name for them,
// https://cloud.google.com/logging/docs/export/troubleshoot.
const SinkErrorLog = "logging.googleapis.com%2Fsink_error"

// tellTrouble tells what keeps the lane from delivering, if it is the destination or needs a person.
func (l *lane) tellTrouble(err error) {
	var de *driver.Error
	var halt *haltError
	code := ""
	switch errors.As(err, &de); {
	case de != nil && de.Code == driver.Conflict:
		code = "conflict"
	case errors.As(err, &halt):
		code = TroubleHalted
	case de != nil && de.Code == driver.Misconfigured:
		code = "misconfigured"
	case de != nil && (de.Code == driver.Unavailable || de.Code == driver.Unknown):
		code = "unavailable"
	}
	if code != "" {
		l.tell(code, err.Error())
	}
}

// tellRefused tells of entries that went to the dead letters. Those that are themselves about troubles are not told of: they would
// beget others for ever.
func (l *lane) tellRefused(b *batch, rejects []driver.Reject) {
	if len(rejects) == 0 || l.router.opts.OnTrouble == nil {
		return
	}
	found, refs := pick(b.groups, rejects)
	n, first := 0, 0
	for i := range refs {
		if !bytes.Contains(refs[i].Raw, []byte(SinkErrorLog)) {
			if n++; n == 1 {
				first = i
			}
		}
	}
	if n > 0 {
		r := found[first]
		l.tell("rejected", fmt.Sprintf("%d entries of a batch are in the dead letters, first sequence %d.%d: %s", n, r.Seq, r.Index, r.Reason))
	}
}

func (l *lane) tell(code, detail string) {
	if f := l.router.opts.OnTrouble; f != nil {
		f(Trouble{Route: l.routeName, Stream: l.readers.stream.Name(), Code: code, Detail: detail, At: time.Now()})
	}
}
