package pipelinetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// recordedQuota is the model's own reading of a recorded quota.
type recordedQuota struct {
	Unit, Per, By, Over, Spare, Divert string
	Limit                              uint64
}

func (q recordedQuota) id() string { return q.Unit + q.Per + q.By + q.Divert }

// spent is what the model knows of a quota.
type spent struct {
	period time.Time
	used   map[string]uint64
}

// account replays what a lane's ledger settled, plan by plan, and says what became of each line: what the rule in force, the
// exclusions that the ledger says were active, and the quotas made of it. The model counts on its own.
func (w *World) account(l ledger.Reader, route string, revisions revised, add func(string, ...any)) map[int]string {
	verdicts := make(map[int]string)
	quotas := make(map[string]*spent)
	var now time.Time
	settle := func(first, last uint64, active []string, clock int64) {
		if begin := time.Unix(0, clock); clock > 0 && begin.After(now) {
			now = begin
		}
		rule, ruled := revisions.rule(route, first)
		for id := range quotas {
			if !ruled || !slices.ContainsFunc(rule.Quotas, func(q recordedQuota) bool { return q.id() == id }) {
				delete(quotas, id)
			}
		}
		for i, s := range w.sent {
			if s.seq < first || s.seq > last {
				continue
			}
			if s.at.After(now) {
				now = s.at
			}
			verdicts[i] = revisions.verdict(route, s)
			if verdicts[i] != "kept" || s.n < 0 {
				continue
			}
			if slices.Contains(active, "w") && s.n == 4 {
				verdicts[i] = "w"
				continue
			}
			verdicts[i] = charge(rule.Quotas, quotas, s, now)
		}
	}
	var open []ledger.Plan
	err := l.Scan(context.Background(), pipeline.LaneName(route, w.Stream.Name()), 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Kind == ledger.KindCheckpoint {
			return nil
		}
		if r.Commits != nil && len(open) > 0 {
			settle(r.Commits.First, r.Commits.Last, open[0].Active, open[0].Clock)
		}
		if r.Skip != nil {
			settle(r.Skip.First, r.Skip.Last, r.Skip.Active, 0)
		}
		open = r.Open
		return nil
	})
	if err != nil {
		add("%s: %v", route, err)
	}
	return verdicts
}

// settled is account, of a route that others divert to, too. It says nothing where the stream has lost or given out again sequences.
func (w *World) settled(l ledger.Reader, route string, revisions revised, add func(string, ...any)) map[int]string {
	if len(w.gone) > 0 || w.lives > 0 {
		return nil
	}
	verdicts := w.account(l, route, revisions, add)
	if from := w.overflows(route); from != "" {
		overflow(verdicts, w.account(l, from, revisions, add))
	}
	return verdicts
}

// charge says what the quotas make of a line that is kept otherwise.
func charge(rules []recordedQuota, quotas map[string]*spent, s sent, now time.Time) string {
	amounts := make([]uint64, len(rules))
	for i, q := range rules {
		period := now.Truncate(time.Hour)
		if q.Per == "day" {
			period = now.Truncate(24 * time.Hour)
		}
		if quotas[q.id()] == nil || !quotas[q.id()].period.Equal(period) {
			quotas[q.id()] = &spent{period, make(map[string]uint64)}
		}
		amounts[i] = 1
		if q.Unit == "bytes" {
			amounts[i] = uint64(len(s.line))
		}
		over := quotas[q.id()].used[tenant(q, s)]+amounts[i] > q.Limit
		switch {
		case !over || (q.Spare != "" && s.n == 2):
		case q.Over == "drop":
			return "overQuota"
		case q.Over == "divert":
			return "diverted"
		}
	}
	for i, q := range rules {
		quotas[q.id()].used[tenant(q, s)] += amounts[i]
	}
	return "kept"
}

func tenant(q recordedQuota, s sent) string {
	switch q.By {
	case "":
		return ""
	case "logName":
		_, name, _ := strings.Cut(s.line, `"logName":"`)
		name, _, _ = strings.Cut(name, `"`)
		return name
	}
	return fmt.Sprint(s.n)
}

// overflow leaves, of what a route that gets only what another diverts would keep, what that one diverted.
func overflow(verdicts, diverted map[int]string) {
	for i, v := range verdicts {
		if v != "notMatched" && diverted[i] != "diverted" {
			verdicts[i] = "notMatched"
		}
	}
}
