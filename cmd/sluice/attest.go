package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice/configs"
	"sluice/sinks/driver"
)

// attestTime bounds what is asked of one destination.
const attestTime = 30 * time.Second

// attestation is what one destination was found to guarantee, or that it did not answer.
type attestation struct {
	key     string // of the configuration: routes[0].sink.gcs
	finding driver.Finding
	err     error // nothing could be learned
}

// ok says that nothing demanded is missing. A destination that does not answer is not ok.
func (a attestation) ok() bool { return a.err == nil && a.finding.OK }

// String is the line of a report.
func (a attestation) String() string {
	if a.err != nil {
		return fmt.Sprintf("%s: no answer: %v", a.key, a.err)
	}
	word := "ok"
	if !a.finding.OK {
		word = "short"
	}
	line := fmt.Sprintf("%s: %s: %s: %s", a.key, word, a.finding.What, a.finding.Have)
	if a.finding.Want != "" {
		line += ", want " + a.finding.Want
	}
	if a.finding.Remedy != "" {
		line += " (" + a.finding.Remedy + ")"
	}
	return line
}

// attest asks every destination of a configuration that can tell, in the order of the file; one that serves several routes' dead
// letters only once.
func attest(ctx context.Context, cfg *configs.Config) []attestation {
	var found []attestation
	asked := make(map[driver.Options]bool)
	ask := func(key string, s *configs.Sink) {
		attester, can := s.Options.(driver.Attester)
		if !can || asked[s.Options] {
			return
		}
		asked[s.Options] = true
		found = append(found, attestOne(ctx, strings.Join([]string{key, s.Kind}, "."), attester)...)
	}
	ask("deadLetter", cfg.DeadLetter)
	for i := range cfg.Routes {
		if r := &cfg.Routes[i]; !r.Disabled {
			ask(fmt.Sprintf("routes[%d].sink", i), &r.Sink)
			ask(fmt.Sprintf("routes[%d].deadLetter", i), r.DeadLetter)
		}
	}
	return found
}

func attestOne(ctx context.Context, key string, attester driver.Attester) []attestation {
	ctx, cancel := context.WithTimeout(ctx, attestTime)
	defer cancel()
	findings, err := attester.Attest(ctx)
	if err != nil {
		return []attestation{{key: key, err: err}}
	}
	found := make([]attestation, len(findings))
	for i, f := range findings {
		found[i] = attestation{key: key, finding: f}
	}
	return found
}
