package main

import (
	"slices"
	"strings"
	"testing"
)

// A query over the real entries finds what plain search in their text finds.
func TestFilterRealEntries(t *testing.T) {
	p := &place{t: t, dir: t.TempDir()}
	entries := realEntries(t)
	p.writeLines("entries.jsonl", entries)
	var want []string
	for _, line := range entries {
		severe := slices.ContainsFunc([]string{"WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}, func(s string) bool {
			return strings.Contains(line, `"severity":"`+s+`"`)
		})
		if severe && strings.Contains(line, `/logs/cloudaudit.googleapis.com%2Factivity"`) {
			want = append(want, line)
		}
	}
	if len(want) == 0 {
		t.Fatal("plain search finds nothing")
	}
	got := p.sluice(0, "filter", `log_id("cloudaudit.googleapis.com/activity") AND severity>=WARNING`, "entries.jsonl")
	p.diff("entries", want, strings.Split(strings.TrimSuffix(got, "\n"), "\n"))
}
