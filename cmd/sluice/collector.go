package main

import (
	"os"
	"runtime/debug"
)

// gcPercent makes the collector run when the heap has grown by so much. What the heap holds is mostly entries, large and without
// pointers: marking is cheap, and a smaller heap is worth more (docs/benchmarks.md).
const gcPercent = 30

// collectEarly sets how often the collector runs. GOGC in the environment goes before it.
func collectEarly() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
