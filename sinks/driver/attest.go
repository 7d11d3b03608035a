package driver

import "context"

// Attester is implemented by Options of destinations that can prove what they promise beyond delivery: that what was written
// cannot be changed, for how long, and under which key. `sluice check --online` prints it and the daemon asks it at start.
type Attester interface {
	// Attest compares what the configuration demands of the destination with what stands there. It changes nothing. The
	// findings stand in a fixed order; one that is not OK is a shortfall. The error is an *Error and means that nothing could
	// be learned: the destination did not answer.
	Attest(ctx context.Context) ([]Finding, error)
}

// Finding is one thing that was looked at. All texts are for people.
type Finding struct {
	What   string // "retention period"
	Want   string // "at least 6y"; empty: nothing is demanded, Have is for information
	Have   string // "7y"
	OK     bool
	Remedy string // what to do; only when not OK
	Pauses bool   // a shortfall only pauses the route until it is mended: nothing is delivered that lacks what is demanded
}
