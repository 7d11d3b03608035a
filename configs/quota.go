package configs

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"sluice/exprs"
	"sluice/filters"
)

// maxQuotas is how many quotas a route may have: their spare filters share a Hit's bits with the exclusions.
const maxQuotas = 8

// Quotas are a route's quotas: in the file one, or a list.
type Quotas []Quota

// Quota bounds what a route keeps in each period, of the stream's time. A route over several streams has an equal part on each.
type Quota struct {
	Bytes     int64           `yaml:"bytes" size:"true" min:"1" doc:"How much may be kept in a period, in bytes as the entries stand on the bus; or entries."`
	Entries   int64           `yaml:"entries" min:"1" doc:"How many entries may be kept in a period; or bytes."`
	Per       Per             `yaml:"per" required:"true" enum:"hour|day|month" doc:"The period, in UTC."`
	By        *exprs.Column   `yaml:"-"` // nil: the route as a whole
	ByText    string          `yaml:"by" verbatim:"true" doc:"An expression that names the tenant, each of which has this quota: resource.labels.project_id, logName. Absent: the route as a whole."`
	Over      Over            `yaml:"over" default:"drop" enum:"drop|sample|divert|pause|count" doc:"What to do with entries above it: drop them, keep a sample, divert them to another route, pause the route until the next period, or only count for when."`
	Sample    float64         `yaml:"sample" doc:"With over: sample, the share of entries to keep: 0.1."`
	Divert    string          `yaml:"divert" doc:"With over: divert, the route that gets the entries, and sees no others."`
	Spare     *filters.Filter `yaml:"-"` // nil: none
	SpareText string          `yaml:"spare" verbatim:"true" doc:"Entries that are counted and kept all the same, in the Logging query language: LOG_ID(\"cloudaudit.googleapis.com/activity\")."`
}

// Per is a quota's period.
type Per string

// The periods, which begin at the full hour, at midnight and at the first of the month, UTC.
const (
	PerHour  Per = "hour"
	PerDay   Per = "day"
	PerMonth Per = "month"
)

// Over is what becomes of entries above a quota.
type Over string

// The policies.
const (
	Drop       Over = "drop"
	SampleDown Over = "sample"
	Divert     Over = "divert"
	PauseRoute Over = "pause"
	CountAlone Over = "count"
)

// decode reads one quota or a list of them.
func (q *Quotas) decode(d *decoder, n ast.Node, path string) {
	if _, several := n.(*ast.SequenceNode); several {
		d.list(n, path, reflect.ValueOf((*[]Quota)(q)).Elem())
		return
	}
	*q = make(Quotas, 1)
	d.structure(n, path, reflect.ValueOf(&(*q)[0]).Elem())
}

// quotaPath gives the path of a route's i-th quota.
func (d *decoder) quotaPath(path string, i int) string {
	if at := fmt.Sprintf("%s.quota[%d]", path, i); d.hasPlaceOf(at) {
		return at
	}
	return path + ".quota"
}

// hasPlaceOf says whether any key of the mapping at path stands in the file.
func (d *decoder) hasPlaceOf(path string) bool {
	for at := range d.places {
		if isWithin(at, path) {
			return true
		}
	}
	return false
}

// checkQuotas holds a route's quotas against the rules that no single value shows.
func (d *decoder) checkQuotas(path string, r *Route) {
	if len(r.Quotas) > maxQuotas {
		d.problem(path+".quota", fmt.Sprintf("%d quotas, at most %d", len(r.Quotas), maxQuotas), "")
	}
	if r.Required && len(r.Quotas) > 0 {
		d.problem(path+".quota", "a required route has no quota", "narrow its filter, or drop required")
	}
	ids := make(map[string]bool)
	for i := range r.Quotas {
		q, at := &r.Quotas[i], d.quotaPath(path, i)
		d.checkQuota(at, q)
		if q.Over == PauseRoute && len(r.Quotas) > 1 {
			d.problem(at+".over", "a quota that pauses is the route's only one", "split the route")
		}
		if ids[q.id()] {
			d.problem(at, "another quota of the route counts the same", "keep the smaller one")
		}
		ids[q.id()] = true
	}
	for i := range r.Exclusions {
		if x := &r.Exclusions[i]; x.When != nil && x.When.AsksQuota() && len(r.Quotas) == 0 {
			d.problem(fmt.Sprintf("%s.exclusions[%d].when", path, i), "the route has no quota", "write quota: {bytes: 10GiB, per: day, over: count}")
		}
	}
}

func (d *decoder) checkQuota(at string, q *Quota) {
	if (q.Bytes > 0) == (q.Entries > 0) {
		d.problem(at, "want one of bytes and entries", "write {bytes: 10GiB, per: day}")
	}
	q.By = compileAt(d, at+".by", q.ByText, exprs.CompileColumn)
	if q.SpareText != "" {
		q.Spare = d.compile(at+".spare", &q.SpareText)
	}
	switch {
	case q.Over == SampleDown && (q.Sample <= 0 || q.Sample >= 1):
		d.problem(at+".sample", "want the share of entries to keep, above 0 and below 1", "write sample: 0.1")
	case q.Over != SampleDown && q.Sample != 0:
		d.problem(at+".sample", "sample without over: sample", "")
	case q.Over == Divert && q.Divert == "":
		d.problem(at+".divert", "where to?", "name the route that gets the entries")
	case q.Over != Divert && q.Divert != "":
		d.problem(at+".divert", "divert without over: divert", "")
	case q.Over == PauseRoute && (q.ByText != "" || q.SpareText != ""):
		d.problem(at+".over", "the route pauses as a whole: neither by nor spare fits", "remove them, or drop")
	}
}

// checkDiverts settles which routes get what others divert.
func (d *decoder) checkDiverts(cfg *Config, sites []site) {
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		for k := range r.Quotas {
			if q := &r.Quotas[k]; q.Over == Divert && q.Divert != "" {
				at := sites[i].d.quotaPath(sites[i].path, k) + ".divert"
				sites[i].d.checkDivert(at, cfg, r, q.Divert)
			}
		}
	}
}

func (d *decoder) checkDivert(at string, cfg *Config, from *Route, name string) {
	i := slices.IndexFunc(cfg.Routes, func(r Route) bool { return r.Name == name })
	if i < 0 {
		d.problem(at, fmt.Sprintf("no route %q", name), "")
		return
	}
	to := &cfg.Routes[i]
	switch {
	case to == from:
		d.problem(at, "the route itself", "name another one")
	case to.Required || to.InterceptChildren:
		d.problem(at, name+" would see only what is diverted, and it is required or intercepts", "name a route for this alone")
	case slices.ContainsFunc(to.Quotas, func(q Quota) bool { return q.Over == Divert }):
		d.problem(at, name+" diverts too", "what is diverted cannot be diverted again")
	case slices.ContainsFunc(from.Exclusions, func(x Exclusion) bool { return x.WhenText != "" }):
		d.problem(at, "a route that diverts has no exclusions with when", "divert from one route, exclude in another")
	case !from.Disabled && !slices.Contains(to.Diverted, from):
		to.Diverted = append(to.Diverted, from)
	}
}

// id names what a quota counts: usage goes on under the same id when its limit, or what is done above it, changes.
func (q *Quota) id() string {
	unit := "entries"
	if q.Bytes > 0 {
		unit = "bytes"
	}
	id := fmt.Sprintf("%s/%s/%s", unit, q.Per, q.ByText)
	if q.Over == Divert {
		id += "/" + q.Divert // who gets the rest counts alike, from the same sequence on
	}
	return id
}

// QuotaTerms is a quota of one lane, compiled.
type QuotaTerms struct {
	ID     string
	Bytes  bool // what is counted; else entries
	Limit  uint64
	Per    Per
	By     *exprs.Column // nil: the lane as a whole
	Over   Over
	Sample float64
	Divert string
	Spare  int // the filter of Rule.Exclude, behind the exclusions, that spares an entry; −1: none
}

// Amount is what an entry of so many bytes counts.
func (q *QuotaTerms) Amount(size int) uint64 {
	if q.Bytes {
		return uint64(size)
	}
	return 1
}

// decisionQuota is the stored form: the limit is that of each lane.
type decisionQuota struct {
	Unit   string  `json:"unit"`
	Limit  int64   `json:"limit"`
	Per    Per     `json:"per"`
	By     string  `json:"by,omitempty"`
	Over   Over    `json:"over"`
	Sample float64 `json:"sample,omitempty"`
	Divert string  `json:"divert,omitempty"`
	Spare  string  `json:"spare,omitempty"`
}

// perLane gives a quota's part of one of so many streams.
func (q *Quota) perLane(streams int) decisionQuota {
	s := decisionQuota{"entries", q.Entries, q.Per, q.ByText, q.Over, q.Sample, q.Divert, q.SpareText}
	if q.Bytes > 0 {
		s.Unit, s.Limit = "bytes", q.Bytes
	}
	s.Limit = max(1, s.Limit/int64(max(1, streams)))
	return s
}

// recordedQuota makes a quota of its stored form.
func recordedQuota(s decisionQuota) (q Quota, err error) {
	q = Quota{Per: s.Per, ByText: s.By, Over: s.Over, Sample: s.Sample, Divert: s.Divert, SpareText: s.Spare}
	switch s.Unit {
	case "bytes":
		q.Bytes = s.Limit
	case "entries":
		q.Entries = s.Limit
	default:
		return q, fmt.Errorf("quota counts %q", s.Unit)
	}
	if !slices.Contains([]Per{PerHour, PerDay, PerMonth}, s.Per) || !slices.Contains([]Over{Drop, SampleDown, Divert, PauseRoute, CountAlone}, s.Over) {
		return q, fmt.Errorf("quota per %q with over %q", s.Per, s.Over)
	}
	if s.By != "" {
		if q.By, err = exprs.CompileColumn(s.By); err != nil {
			return q, fmt.Errorf("quota: by: %w", err)
		}
	}
	if s.Spare != "" {
		if q.Spare, err = filters.Compile(s.Spare); err != nil {
			return q, fmt.Errorf("quota: spare: %w", err)
		}
	}
	return q, nil
}

// checkDuplicates keeps the window for duplicates apart from what could not agree with it: two routes count what one diverts, a
// pause looks ahead, and a required route keeps every copy.
func checkDuplicates(cfg *Config, sites []site) {
	for i := range cfg.Routes {
		r, at := &cfg.Routes[i], sites[i]
		path := at.path + ".duplicates"
		stops := func(q Quota) bool { return q.Over == Divert || q.Over == PauseRoute }
		switch {
		case r.Duplicates.Window == 0:
		case r.Required:
			at.d.problem(path, "a required route keeps every copy", "remove it, or drop required")
		case slices.ContainsFunc(r.Quotas, stops), len(r.Diverted) > 0:
			at.d.problem(path, "a route that diverts, is diverted to or pauses by a quota cannot look for duplicates", "remove one of them")
		}
	}
}
