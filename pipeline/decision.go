package pipeline

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"sluice/configs"
	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
	"sluice/redact"
)

// Decision is what decision settings say, compiled.
type Decision struct {
	Rule            filters.Rule
	Where           *exprs.Where   // what must hold, too, of an entry that Rule.Include matched; nil: nothing
	Exclusions      []string       // names, in the order of Rule.Exclude
	ExclusionWheres []*exprs.Where // likewise; shorter or nil: nothing more must hold
	Limits          logentry.Limits
	Unreadable      bool             // the built-in route: keeps what cannot be read, and nothing else
	Scope           *configs.Scope   // whose entries; nil: every entry
	Interceptors    []Interceptor    // routes above that may hide an entry of the scope, from the root down
	Required        bool             // nobody hides entries of the scope's parent itself
	Window          uint64           // an entry that repeats one of so many sequences before is a duplicate; 0: none is
	Redact          *redact.Redactor // what the destination must not see is taken out of what is kept; nil: nothing
	Whens           []*exprs.When    // in the order of Exclusions: when each is active; shorter or nil: always
	Quotas          []configs.QuotaTerms
	Diverted        []Interceptor // routes that divert here what is above their quotas: nothing else is seen

	conditional uint64 // bits of the exclusions with a when

	failures *whereFailures // nil: nobody counts
}

// Interceptor is what a route above takes, or one that diverts.
type Interceptor struct {
	Route    string
	text     string // the same for those that take the same
	decision *Decision
}

// DecisionOf gives a route's decision settings to the pipeline.
func DecisionOf(t configs.Terms) Decision {
	d := Decision{
		Rule: t.Rule, Where: t.Where, Exclusions: t.Exclusions, ExclusionWheres: t.ExclusionWheres, Limits: t.Limits,
		Scope: t.Scope, Required: t.Required, Whens: t.Whens, Quotas: t.Quotas, Window: t.Window,
	}
	for _, above := range t.Interceptors {
		takes := DecisionOf(above.Terms)
		d.Interceptors = append(d.Interceptors, Interceptor{above.Route, above.Text, &takes})
	}
	for _, from := range t.Diverted {
		source := DecisionOf(from.Terms)
		source.Quotas = slices.Clone(source.Quotas)
		for i := range source.Quotas {
			source.Quotas[i].ID = from.Route + ": " + source.Quotas[i].ID
		}
		d.Diverted = append(d.Diverted, Interceptor{from.Route, from.Text, &source})
	}
	for i, w := range t.Whens {
		if w != nil {
			d.conditional |= 1 << i
		}
	}
	return d
}

// ready says what is missing to decide by these settings; only a person can bring it.
func (d *Decision) ready() error {
	if d.Redact == nil {
		return nil
	}
	if err := d.Redact.Ready(); err != nil {
		return &haltError{fmt.Errorf("redaction: %w", err)}
	}
	return nil
}

// redacts says whether destinations see entries otherwise than they came.
func (d *Decision) redacts() bool { return d != nil && d.Redact != nil }

// redacted gives an entry as the destination may see it; nil where that is the entry itself.
func (d *Decision) redacted(raw []byte) []byte {
	if d.Redact == nil {
		return nil
	}
	clean, _ := d.Redact.Redact(nil, raw)
	return clean
}

// matches says whether the route's where holds, too, of an entry that Rule.Include matched and that was extracted with Fields. One
// that fails holds: it errs to keeping the entry; the error says why, and is no reason to stop.
func (d *Decision) matches(e *logentry.Entry) (bool, error) {
	if d.Where == nil {
		return true, nil
	}
	holds, err := d.Where.Eval(e)
	if err != nil {
		return true, fmt.Errorf("where: %w", err)
	}
	return holds, nil
}

// excludes gives the first exclusion whose where holds, too, of those that matched, whose bits are set in excluded; -1 for none.
// One that fails does not hold. Its error joins err.
func (d *Decision) excludes(e *logentry.Entry, excluded uint64, err error) (int32, error) {
	for ; excluded != 0; excluded &= excluded - 1 {
		i := bits.TrailingZeros64(excluded)
		if i >= len(d.ExclusionWheres) || d.ExclusionWheres[i] == nil {
			return int32(i), err
		}
		holds, whereErr := d.ExclusionWheres[i].Eval(e)
		if whereErr != nil {
			err = errors.Join(err, fmt.Errorf("exclusion %s: where: %w", d.Exclusions[i], whereErr))
		} else if holds {
			return int32(i), err
		}
	}
	return -1, err
}

// excludeWhen gives the conditional exclusions that would take the entry before the one that does (-1: none does): the bits of
// those whose where holds. The errors of others join err.
func (d *Decision) excludeWhen(e *logentry.Entry, excluded uint64, first int32, err error) (when uint64, _ error) {
	for ; excluded != 0; excluded &= excluded - 1 {
		i := int32(bits.TrailingZeros64(excluded))
		if first >= 0 && i > first {
			break
		}
		if i, err = d.excludes(e, 1<<i, err); i >= 0 {
			when |= 1 << i
		}
	}
	return when, err
}

// keeps says whether an interceptor takes an entry that Rule.Include matched. What fails is noted on its own route.
func (d *Decision) keeps(e *logentry.Entry, excluded uint64) bool {
	matched, err := d.matches(e)
	if !matched {
		return false
	}
	first, _ := d.excludes(e, excluded, err)
	return first < 0
}

// Fields are the paths that the decision needs extracted, beside those of its rule.
func (d *Decision) Fields() []logentry.Path {
	var paths []logentry.Path
	if d.Scope != nil {
		paths = append(paths, logentry.PathLogName)
	}
	if d.Window > 0 {
		paths = append(paths, logentry.PathLogName, logentry.PathTimestamp, logentry.PathInsertID)
	}
	if d.Where != nil {
		paths = append(paths, d.Where.Fields()...)
	}
	for i := range d.Quotas {
		if by := d.Quotas[i].By; by != nil {
			paths = append(paths, by.Fields()...)
		}
		if d.Quotas[i].Over == configs.SampleDown {
			paths = append(paths, logentry.PathInsertID)
		}
	}
	for _, w := range d.ExclusionWheres {
		if w != nil {
			paths = append(paths, w.Fields()...)
		}
	}
	return paths
}

// whereFailures counts the entries on which a where of one lane failed, since the program started.
type whereFailures struct {
	mu   sync.Mutex
	n    uint64
	last string
}

// note counts what a where said.
func (d *Decision) note(err error) {
	if err == nil || d.failures == nil {
		return
	}
	d.failures.mu.Lock()
	defer d.failures.mu.Unlock()
	d.failures.n++
	d.failures.last = err.Error()
}

// whereErrors gives how many entries a where of the route failed on, since the program started, and the last error.
func (c *control) whereErrors(route string) (n uint64, last string) {
	c.decided.Lock()
	f := c.failures[route]
	c.decided.Unlock()
	if f == nil {
		return 0, ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n, f.last
}
