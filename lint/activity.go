package lint

import (
	"slices"
	"strings"

	"sluice/configs"
	"sluice/filters"
	"sluice/logentry"
	"sluice/pipeline"
)

const (
	auditLogs    = "cloudaudit.googleapis.com"
	activityLog  = "/logs/cloudaudit.googleapis.com%2Factivity"
	anyProject   = "projects/example"
	mostExamples = 50 // that are asked for until one is true
)

// lostActivity looks, in a configuration that is about audit logs, for an entry of the activity log that no route keeps, and proves
// it by asking every route.
func lostActivity(cfg *configs.Config) []Finding {
	if !aboutAudit(cfg) {
		return nil
	}
	ask := newAsk(cfg)
	for _, resource := range resources(cfg) {
		for _, wheres := range []bool{true, false} { // first as if every where held
			if example := ask.unkept(cfg, resource, wheres); example != nil {
				return []Finding{{Kind: ActivityLost, Message: "an entry of the activity audit log can reach no route", Example: example,
					Hint: "a route with filter: _Required keeps them all"}}
			}
		}
	}
	return nil
}

// aboutAudit says whether a route names audit logs in its filter.
func aboutAudit(cfg *configs.Config) bool {
	return slices.ContainsFunc(cfg.Routes, func(r configs.Route) bool { return !r.Disabled && strings.Contains(r.FilterText, auditLogs) })
}

// resources are those whose entries are asked about: all that are known, and one that is not where a route sees every entry.
func resources(cfg *configs.Config) []string {
	names := cfg.Hierarchy.Names()
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		switch {
		case r.Disabled:
		case r.Parent == "":
			return append(names, anyProject)
		case len(cfg.Hierarchy) == 0:
			names = append(names, r.Parent)
		}
	}
	return names
}

// sees says whether a route sees entries by itself, and not only what others divert.
func sees(r *configs.Route) bool { return !r.Disabled && len(r.Diverted) == 0 }

// asking is what decides whether an entry is kept.
type asking struct {
	fields *logentry.Fields
	judge  *pipeline.Judge
	limits logentry.Limits
}

func newAsk(cfg *configs.Config) *asking {
	var decisions []*pipeline.Decision
	for i := range cfg.Routes {
		if r := &cfg.Routes[i]; sees(r) {
			d := pipeline.DecisionOf(r.Terms(cfg.Limits))
			decisions = append(decisions, &d)
		}
	}
	bench := pipeline.NewBench(decisions, nil)
	return &asking{bench.Fields(), bench.NewJudge(), cfg.Limits}
}

// unkept gives an activity entry of the resource that no route keeps; nil when none is found.
func (a *asking) unkept(cfg *configs.Config, resource string, wheres bool) (example []byte) {
	name := resource + activityLog
	is, err := filters.Compile(`logName="` + name + `"`)
	if err != nil {
		return nil
	}
	c := filters.Case{Holds: []*filters.Filter{is}}
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		if sees(r) && covers(r.Scope, &configs.Scope{Parent: resource}) && (wheres || r.Where == nil) {
			c.Fails = append(c.Fails, filters.Without(r.Filter, certainly(r)...))
		}
	}
	n := 0
	c.Examples(func(entry []byte) bool {
		if n++; a.keepsNone(entry) {
			example = entry
		}
		return example != nil || n == mostExamples
	})
	return example
}

// keepsNone says that no route keeps the entry, nor intercepts it.
func (a *asking) keepsNone(raw []byte) bool {
	e := logentry.Entry{Raw: raw, Stream: "LOGS", Seq: 1}
	if a.fields.Extract(&e, a.limits) != nil {
		return false
	}
	for _, f := range a.judge.Judge(&e, func(int) bool { return true }) {
		if f.Interceptor >= 0 || f.Excluded < 0 {
			return false
		}
	}
	return true
}
