package sinktest

import (
	"reflect"

	"github.com/google/go-cmp/cmp"
)

// maxDifference bounds what a failure prints.
const maxDifference = 4000

// difference describes how two values differ; empty when they are equal. Equal ones, the usual case, cost no diff: go-cmp looks
// at each byte of an entry by reflection.
func difference(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	diff := cmp.Diff(want, got)
	if diff == "" {
		diff = "nil and empty differ"
	}
	return diff[:min(len(diff), maxDifference)]
}
