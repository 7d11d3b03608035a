//go:build race

package pipelinetest

// Under the race detector every step takes ten times as long: it looks at fewer of them. The plain tests look at all.
const (
	fewSeeds  = 8
	crashStep = 7 // odd: crashes before and after an operation took effect
)
