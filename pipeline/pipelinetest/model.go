package pipelinetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// Violations compares what stands at the destinations with the model: every line whose recorded revision keeps it, in exactly
// one object, once, and nothing else; and the ledger's chains with their own rules. Lost ranges are what the ledger says is lost.
func (w *World) Violations(l ledger.Ledger) []string {
	var wrong []string
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	revisions := w.revisions(l, add)
	for _, name := range append(w.names(), pipeline.Unreadable) {
		lane := pipeline.LaneName(name, w.Stream.Name())
		account, err := ledger.Audit(context.Background(), l, lane)
		if err != nil {
			add("%s: %v", lane, err)
		}
		if !account.Tally.Counts.Balanced() {
			add("%s: does not balance: %+v", lane, account.Tally.Counts)
		}
		verdicts := w.settled(l, name, revisions, add)
		if wrong := w.miscounted(verdicts, account.Tally.Counts); wrong != "" {
			add("%s: %s", lane, wrong)
		}
		lost := w.scan(l, lane, add)
		begin := revisions.begin(name)
		want := make(map[string]int)
		may := make(map[string]int)
		for i, s := range w.sent {
			verdict, settled := verdicts[i]
			line := w.shown(name, s.line)
			switch {
			case settled && verdict != "kept":
			case settled:
				want[line]++
			case (s.void || lost(s.seq)) && revisions.keeps(name, s): // a plan open at the loss may have delivered it
				may[line]++
			case s.void || s.seq < begin || lost(s.seq) || !revisions.keeps(name, s):
			default:
				want[line]++
			}
		}
		dead := name == pipeline.Unreadable
		for object, lines := range w.Places.Contents(w.T, name, dead) {
			for _, line := range lines {
				if dead {
					line = unwrap(line)
				}
				if may[line] > 0 {
					may[line]--
				} else if want[line]--; want[line] < 0 {
					add("%s: once too often, in %s: %s", name, object, line)
				}
			}
		}
		for line, n := range want {
			if n > 0 {
				add("%s: missing %d times: %s", name, n, line)
			}
		}
	}
	sort.Strings(wrong)
	return wrong
}

// scan gives which sequences the lane recorded as lost or missing; none may be that was never gone.
func (w *World) scan(l ledger.Ledger, lane string, add func(string, ...any)) (lost func(uint64) bool) {
	recorded := make(map[uint64]bool)
	note := func(from, to uint64) {
		for seq := from; seq <= to; seq++ {
			if recorded[seq] = true; !w.gone[seq] && w.lives == 0 {
				add("%s: sequence %d is recorded as gone", lane, seq)
			}
		}
	}
	var open []ledger.Plan
	err := l.Scan(context.Background(), lane, 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Kind == ledger.KindEpoch {
			clear(recorded) // those sequences mean other messages now
			open = nil
			return nil
		}
		if r.Loss != nil && r.Kind != ledger.KindAmend { // what an amend loses stands in its plan, exactly
			note(r.Loss.From, r.Loss.To)
		}
		gaps := []ledger.Gap{}
		if r.Commits != nil && len(open) > 0 {
			gaps = append(gaps, open[0].Missing...)
		}
		if r.Skip != nil {
			gaps = append(gaps, r.Skip.Missing...)
		}
		for _, g := range gaps {
			note(g.From, g.To)
		}
		open = r.Open
		return nil
	})
	if err != nil {
		add("%s: %v", lane, err)
	}
	return func(seq uint64) bool { return recorded[seq] }
}

// revised is what the control lane recorded: which rule each route had from which sequence on.
type revised map[string][]struct {
	from uint64
	rule recordedRule
}

func (w *World) revisions(l ledger.Ledger, add func(string, ...any)) revised {
	all := make(revised)
	err := l.Scan(context.Background(), "_stream/"+w.Stream.Name(), 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Kind == ledger.KindEpoch {
			clear(all)
		}
		if r.Config == nil || r.Kind == ledger.KindCheckpoint {
			return nil
		}
		for route, hash := range r.Config.Routes {
			rule, err := readRule(l, hash)
			if err != nil {
				return err
			}
			all[route] = append(all[route], struct {
				from uint64
				rule recordedRule
			}{r.Config.From, rule})
		}
		return nil
	})
	if err != nil {
		add("control lane: %v", err)
	}
	return all
}

// begin is where a route's first revision took effect: it has to deliver from there on.
func (r revised) begin(route string) uint64 {
	if len(r[route]) == 0 {
		return 0
	}
	return r[route][0].from
}

func (r revised) keeps(route string, s sent) bool { return r.verdict(route, s) == "kept" }

// rule gives the last recorded revision that begins at a sequence or before, else the first; false when there is none.
func (r revised) rule(route string, seq uint64) (rule recordedRule, ok bool) {
	for i, rev := range r[route] {
		if i == 0 || rev.from <= seq {
			rule, ok = rev.rule, true
		}
	}
	return rule, ok
}

// verdict says what becomes of a line under the last recorded revision that begins at its sequence or before, else the first.
func (r revised) verdict(route string, s sent) string {
	if unreadable := s.n < 0; unreadable || route == pipeline.Unreadable {
		return map[bool]string{true: "kept", false: "notMatched"}[unreadable && route == pipeline.Unreadable]
	}
	rule, ok := r.rule(route, s.seq)
	if !ok {
		return "notMatched"
	}
	return rule.verdict(s)
}

// overflows names the route that diverts to another, "" when none does.
func (w *World) overflows(route string) string {
	for _, r := range w.Routes {
		if r.Name == route {
			return r.Overflow
		}
	}
	return ""
}

func (w *World) shown(route, line string) string {
	if w.Shown == nil {
		return line
	}
	return w.Shown(route, line)
}

func (w *World) names() []string {
	var names []string
	for _, r := range w.Routes {
		names = append(names, r.Name)
	}
	return names
}

func unwrap(line string) string {
	var e pipeline.Envelope
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Raw == nil {
		return "not an envelope: " + line
	}
	return strings.TrimSpace(*e.Raw)
}
