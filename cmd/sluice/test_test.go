package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestExampleCases runs the cases that are shipped with the examples, each file against the example of the same name.
func TestExampleCases(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/tests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("cases: %v, %v", files, err)
	}
	for _, file := range files {
		tested, err := testFile(file, filepath.Join("../../configs/examples", filepath.Base(file)))
		if err != nil {
			t.Error(err)
		}
		for i := range tested {
			var diff strings.Builder
			if err := tested[i].writeDiff(&diff); err != nil || diff.Len() > 0 {
				t.Errorf("%s%v", diff.String(), err)
			}
		}
	}
}
