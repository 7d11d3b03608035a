package pipeline

import (
	"sluice/filters"
	"sluice/logentry"
)

// Bench makes the decisions of several routes together on each entry. It is immutable and shared; each goroutine has a Judge.
type Bench struct {
	decisions    []*Decision
	set          *filters.Set
	interceptors []*Decision // distinct ones: their rules come first in the set
	rules        []int32     // rule of the set, after those of the interceptors → decision
	chains       [][]int32   // by decision: its interceptors, from the root down
	resources    map[string]int32
	scopes       []scope // by decision
}

// scope is whose entries a decision is about, by the numbers of resources.
type scope struct {
	limited bool     // else every entry
	holds   []uint64 // bits of the resources
	home    int32    // of a required route: the resource whose entries nobody intercepts; else −1
}

// NewBench compiles decisions. Those that are nil or Unreadable are about no entry. extra are paths that others read of the entries.
func NewBench(decisions []*Decision, extra []logentry.Path) *Bench {
	b := &Bench{decisions: decisions, chains: make([][]int32, len(decisions)), scopes: make([]scope, len(decisions))}
	var rules []filters.Rule
	known := make(map[string]int32)
	for i, d := range decisions {
		if d == nil || d.Unreadable {
			continue
		}
		for _, above := range d.Interceptors {
			n, ok := known[above.text]
			if !ok {
				n = int32(len(b.interceptors))
				known[above.text] = n
				b.interceptors = append(b.interceptors, above.decision)
				rules = append(rules, above.decision.Rule)
				extra = append(extra, above.decision.Fields()...)
			}
			b.chains[i] = append(b.chains[i], n)
		}
	}
	for i, d := range decisions {
		if d == nil || d.Unreadable {
			continue
		}
		rules = append(rules, d.Rule)
		b.rules = append(b.rules, int32(i))
		extra = append(extra, d.Fields()...)
	}
	b.number()
	b.set = filters.NewSet(extra, rules...)
	return b
}

// number gives the resources of all scopes numbers.
func (b *Bench) number() {
	b.resources = make(map[string]int32)
	for _, d := range b.decisions {
		if d == nil || d.Scope == nil {
			continue
		}
		for _, name := range append([]string{d.Scope.Parent}, d.Scope.Children...) {
			if _, ok := b.resources[name]; !ok {
				b.resources[name] = int32(len(b.resources))
			}
		}
	}
	for i, d := range b.decisions {
		if d == nil || d.Scope == nil {
			continue
		}
		s := scope{limited: true, holds: make([]uint64, len(b.resources)/64+1), home: -1}
		for _, name := range append([]string{d.Scope.Parent}, d.Scope.Children...) {
			n := b.resources[name]
			s.holds[n>>6] |= 1 << (n & 63)
		}
		if d.Required {
			s.home = b.resources[d.Scope.Parent]
		}
		b.scopes[i] = s
	}
}

// Fields is the union of what the decisions and extra need, for Fields.Extract.
func (b *Bench) Fields() *logentry.Fields { return b.set.Fields() }

// Finding is what a decision makes of an entry that its scope, its filter and its where match.
type Finding struct {
	Decision    int32  // index into NewBench's decisions
	Interceptor int32  // index into the decision's Interceptors of the first that hides the entry; −1: none does
	Excluded    int32  // index of the first exclusion that takes it, always active ones; −1: none does, or it was intercepted
	When        uint64 // bits of the exclusions with a when that would take it before
	matched     uint64 // bits of all filters of Rule.Exclude that matched
	Err         error  // of a where that failed, and so erred to keeping the entry
}

// Judge is one goroutine's part of a Bench.
type Judge struct {
	bench    *Bench
	worker   *filters.Worker
	hits     []filters.Hit
	findings []Finding
	catches  []catch // by interceptor
	resource int32   // that the entry belongs to: unasked, noResource or its number
}

// catch is whether an interceptor takes the present entry.
type catch struct {
	state    caught
	excluded uint64
}

type caught uint8

const (
	missed   caught = iota // its filter does not match
	possible               // its filter matches
	taken
	passed
)

const (
	noResource = -1
	unasked    = -2
)

// NewJudge makes a Judge.
func (b *Bench) NewJudge() *Judge {
	return &Judge{bench: b, worker: b.set.NewWorker(), catches: make([]catch, len(b.interceptors))}
}

// Judge gives the findings on an entry, which was extracted by the bench's Fields, in the order of the decisions, of those that are
// wanted. They are valid until the next call.
func (j *Judge) Judge(e *logentry.Entry, wanted func(decision int) bool) []Finding {
	b := j.bench
	j.hits, j.findings, j.resource = b.set.Match(e, j.worker, j.hits[:0]), j.findings[:0], unasked
	above := 0
	for ; above < len(j.hits) && int(j.hits[above].Rule) < len(b.interceptors); above++ {
		j.catches[j.hits[above].Rule] = catch{possible, j.hits[above].Excluded}
	}
	for _, h := range j.hits[above:] {
		i := b.rules[int(h.Rule)-len(b.interceptors)]
		if !wanted(int(i)) || (b.scopes[i].limited && !j.isIn(e, &b.scopes[i])) {
			continue
		}
		if f, matched := j.find(e, i, h.Excluded); matched {
			j.findings = append(j.findings, f)
		}
	}
	for _, h := range j.hits[:above] {
		j.catches[h.Rule].state = missed
	}
	return j.findings
}

// find says what a decision makes of an entry in its scope that its filter matched.
func (j *Judge) find(e *logentry.Entry, i int32, excluded uint64) (f Finding, matched bool) {
	d := j.bench.decisions[i]
	f = Finding{Decision: i, Interceptor: -1, Excluded: -1, matched: excluded}
	matched, f.Err = d.matches(e)
	if !matched {
		return f, false
	}
	if home := j.bench.scopes[i].home; j.bench.chains[i] != nil && (home < 0 || home != j.resource) {
		if f.Interceptor = j.intercepts(e, j.bench.chains[i]); f.Interceptor >= 0 {
			return f, true
		}
	}
	if excluded &= 1<<len(d.Exclusions) - 1; excluded != 0 {
		f.Excluded, f.Err = d.excludes(e, excluded&^d.conditional, f.Err)
		f.When, f.Err = d.excludeWhen(e, excluded&d.conditional, f.Excluded, f.Err)
	}
	return f, true
}

// intercepts gives the place in a chain of the first interceptor that takes the entry, −1 when none does.
func (j *Judge) intercepts(e *logentry.Entry, chain []int32) int32 {
	for place, n := range chain {
		c := &j.catches[n]
		if c.state == possible {
			c.state = passed
			if j.bench.interceptors[n].keeps(e, c.excluded) {
				c.state = taken
			}
		}
		if c.state == taken {
			return int32(place)
		}
	}
	return -1
}

// isIn says whether the entry belongs to one of a scope's resources.
func (j *Judge) isIn(e *logentry.Entry, s *scope) bool {
	if j.resource == unasked {
		j.resource = noResource
		if n, known := j.bench.resources[string(resourceOf(e))]; known {
			j.resource = n
		}
	}
	return j.resource >= 0 && s.holds[j.resource>>6]>>(j.resource&63)&1 == 1
}
