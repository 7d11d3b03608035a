package sinktest

import (
	"errors"
	"slices"
	"testing"

	"sluice/sinks/driver"
)

func TestSuitePassesAFaultlessDriver(t *testing.T) {
	Run(t, func(testing.TB) Harness { return toyHarness(faultless) })
}

// TestSuiteSeesEveryMutation: each mistake is found by the check that is there for it.
func TestSuiteSeesEveryMutation(t *testing.T) {
	for m, names := range map[mutation][]string{
		overwrites:       {"OtherContentIsConflict", "OtherWriterAtEveryStep"},
		looksFirst:       {"OtherWriterAtEveryStep"},
		looksOnlyFirst:   {"SameWriterAtEveryStep"},
		writesInPlace:    {"CrashAtEveryStep/after"},
		trustsExistence:  {"OtherContentIsConflict", "OtherWriterAtEveryStep"},
		inPlaceTrusting:  {"CrashAtEveryStep/after", "FailAtEveryStep/after", "OtherContentIsConflict"},
		appends:          {"WriteIsIdempotent", "WriteIsIdempotentAtOnce", "CrashAtEveryStep/after"},
		remembersOnly:    {"WriteIsIdempotent", "CrashAtEveryStep/after"},
		neverSyncs:       {"CrashAtEveryStep/before"},
		syncsOnlyNew:     {"FailAtEveryStep/before"},
		countsPlans:      {"PlanIsPure"},
		forgetsEpoch:     {"PlansOfDifferentBatchesAreApart"},
		forgetsSide:      {"PlansOfDifferentBatchesAreApart"},
		dropsLast:        {"PlanHoldsEachEntryOnceInOrder"},
		reverses:         {"PlanHoldsEachEntryOnceInOrder"},
		plansEmpty:       {"NothingGivesNoUnits"},
		sortsBatch:       {"PlanIsPure"},
		trims:            {"AnyBytes"},
		neverExisted:     {"WriteIsIdempotent"},
		plainErrors:      {"FailAtEveryStep/before", "CrashAtEveryStep/before", "Codes"},
		drops:            {"FailAtEveryStep/before", "Codes"},
		ignoresContext:   {"EndedContext"},
		layoutsDeadOnes:  {"DeadLetters"},
		remembersFailure: {"FailAtEveryStep/before"},
		listsManifests:   {"Manifests"},
		hidesManifest:    {"Manifests"},
		inventsOrigin:    {"Origins"},
	} {
		for _, name := range names {
			t.Run(string(m)+"/"+name, func(t *testing.T) {
				i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
				if i < 0 {
					t.Fatal("no such check")
				}
				if err := checks[i].run(func() Harness { return toyHarness(m) }); err == nil {
					t.Error("was not seen")
				}
			})
		}
	}
}

// TestSuiteNeedsSteps: a destination that hides its operations is not tested by silence.
func TestSuiteNeedsSteps(t *testing.T) {
	deaf := func() Harness {
		h := toyHarness(faultless)
		open := h.Open
		h.Open = func(_ *Steps, as driver.To) (driver.Driver, error) { return open(nil, as) }
		return h
	}
	if err := everyStep(fault{crash: true}, faultAt)(deaf); err == nil {
		t.Error("a suite without faults passed")
	}
}

func TestSteps(t *testing.T) {
	ran := 0
	run := func() error { ran++; return nil }
	s := &Steps{at: 2, fault: fault{crash: true, after: true}}
	got := []error{s.Do("a", run), s.Do("b", run), s.Do("c", run)}
	if got[0] != nil || !errors.Is(got[1], ErrStopped) || !errors.Is(got[2], ErrStopped) || ran != 2 || s.fired() != "operation 2, b" {
		t.Errorf("%v, %d ran, %q", got, ran, s.fired())
	}
}

func TestBrokenNamesThePromises(t *testing.T) {
	broken := Broken(t, func(testing.TB) Harness { return toyHarness(overwrites) })
	if broken["OtherContentIsConflict"] == nil || broken["PlanIsPure"] != nil {
		t.Errorf("got %v", broken)
	}
}
