// Package sinktest is the conformance suite that every destination passes: what package driver promises, and that a crash at any
// operation, with its answer lost or not, neither loses, doubles nor changes an entry.
//
// A destination's own test is one Harness and one call of Run. Where its operations reach the outside (a system call, a request)
// it lets them pass through Steps.Do; that is all the suite needs to stop it anywhere.
package sinktest

import (
	"testing"

	"sluice/sinks/driver"
)

// Harness is one empty destination and how to get at it. Each call of the function given to Run makes a new one.
type Harness struct {
	// Open opens the destination as a new process would. Every operation that the driver performs on it, at Open too, passes
	// through steps.Do; steps may be nil. Several drivers may be open at once.
	Open func(steps *Steps, as driver.To) (driver.Driver, error)

	// Read gives what a reader of the destination finds now: the lines of each unit's Name in order, as they were given but for
	// line feeds, which are blanks. Temporary things are not to be seen. For a destination that delivers at least once it drops
	// the repeated ones as a consumer has to.
	Read func() (map[string][]string, error)

	// Deliveries, of a destination that delivers at least once, gives every entry that ever arrived there, repeated ones as often
	// as they did. Nil where no ids arrive.
	Deliveries func() ([]Delivery, error)

	// PowerLoss, where a destination has such a thing, takes away everything that is not durable yet.
	PowerLoss func() error

	// Codes are errors that an operation may meet, and the code that Write must give them.
	Codes map[error]driver.Code

	// Blind says that the destination cannot tell other content under a name (no Conflict).
	Blind bool

	// Parts says that a reader may see a part of a unit while it is being written.
	Parts bool

	// NoDeadLetters says that the destination cannot be opened for dead letters.
	NoDeadLetters bool
}

// Run runs the suite. fresh makes an empty destination, which lives as long as t.
func Run(t *testing.T, fresh func(t testing.TB) Harness) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(func() Harness { return fresh(t) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Broken runs the suite and gives the promises that are broken, by name: for tests of mutants, which the suite has to see.
func Broken(t testing.TB, fresh func(t testing.TB) Harness) map[string]error {
	broken := make(map[string]error)
	for _, c := range checks {
		if err := c.run(func() Harness { return fresh(t) }); err != nil {
			broken[c.name] = err
		}
	}
	return broken
}

// check is one promise: run says how it is broken. It is not a test itself so that the suite's own tests can see it fail.
type check struct {
	name string
	run  func(fresh func() Harness) error
}

var checks = []check{
	{"PlanIsPure", planIsPure},
	{"PlanHoldsEachEntryOnceInOrder", planHoldsEachEntryOnceInOrder},
	{"PlansOfDifferentBatchesAreApart", plansAreApart},
	{"NothingGivesNoUnits", nothingGivesNoUnits},
	{"WriteDelivers", writeDelivers},
	{"WriteIsIdempotent", writeIsIdempotent},
	{"WriteIsIdempotentAtOnce", writeIsIdempotentAtOnce},
	{"OtherContentIsConflict", otherContentIsConflict},
	{"Manifests", manifests},
	{"Origins", origins},
	{"LargeUnits", largeUnits},
	{"AnyBytes", anyBytes},
	{"DeadLetters", deadLetters},
	{"EndedContext", endedContext},
	{"Codes", codes},
	{"CrashAtEveryStep/before", everyStep(fault{crash: true}, faultAt)},
	{"CrashAtEveryStep/after", everyStep(fault{crash: true, after: true}, faultAt)},
	{"FailAtEveryStep/before", everyStep(fault{}, faultAt)},
	{"FailAtEveryStep/after", everyStep(fault{after: true}, faultAt)},
	{"CancelAtEveryStep", everyStep(fault{}, cancelAt)},
	{"SameWriterAtEveryStep", everyStep(fault{}, sameWriterAt)},
	{"OtherWriterAtEveryStep", otherWriter},
	{"DoublesAreOfTheOpenPlan", doubles},
}
