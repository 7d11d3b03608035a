package main

import (
	"os"
	"strings"
	"testing"

	"sluice/exprs"
	"sluice/filters"
)

// TestFilterManual compiles every query and expression of the manual's boxes.
func TestFilterManual(t *testing.T) {
	b, err := os.ReadFile("../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	compile := map[string]func(string) error{
		"lql": func(s string) error {
			f, err := filters.Compile(s)
			if err == nil && len(f.Warnings()) > 0 {
				return &f.Warnings()[0]
			}
			return err
		},
		"where": func(s string) error { _, err := exprs.CompileWhere(s); return err },
	}
	lines := map[string]int{}
	for box := range strings.SplitSeq(string(b), "\n```") {
		kind, text, _ := strings.Cut(box, "\n")
		if compile[kind] == nil {
			continue
		}
		for line := range strings.SplitSeq(text, "\n") {
			lines[kind]++
			if err := compile[kind](line); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if lines["lql"] < 10 || lines["where"] < 5 {
		t.Errorf("found %v lines", lines)
	}
}
