//go:build !race

package pipelinetest

const (
	fewSeeds  = 40
	crashStep = 1
)
