package pipeline

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"

	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
)

// Decision is what decision settings say, compiled.
type Decision struct {
	Rule            filters.Rule
	Where           *exprs.Where   // what must hold, too, of an entry that Rule.Include matched; nil: nothing
	Exclusions      []string       // names, in the order of Rule.Exclude
	ExclusionWheres []*exprs.Where // likewise; shorter or nil: nothing more must hold
	Limits          logentry.Limits
	Unreadable      bool // the built-in route: keeps what cannot be read, and nothing else

	failures *whereFailures // nil: nobody counts
}

// Judge says what the route makes of an entry that Rule.Include matched, and of whose exclusions those matched whose bits are
// set in excluded: matched is false when the route's where is; exclusion is the first whose where holds, too, or -1. The entry
// was extracted with the fields of all wheres. A where that fails errs to keeping the entry: the route's then holds, an
// exclusion's does not; the error says which failed and why, and is no reason to stop.
func (d *Decision) Judge(e *logentry.Entry, excluded uint64) (exclusion int, matched bool, err error) {
	if d.Where != nil {
		holds, whereErr := d.Where.Eval(e)
		if whereErr != nil {
			err = fmt.Errorf("where: %w", whereErr)
		} else if !holds {
			return -1, false, nil
		}
	}
	for ; excluded != 0; excluded &= excluded - 1 {
		i := bits.TrailingZeros64(excluded)
		if i >= len(d.ExclusionWheres) || d.ExclusionWheres[i] == nil {
			return i, true, err
		}
		holds, whereErr := d.ExclusionWheres[i].Eval(e)
		if whereErr != nil {
			err = errors.Join(err, fmt.Errorf("exclusion %s: where: %w", d.Exclusions[i], whereErr))
		} else if holds {
			return i, true, err
		}
	}
	return -1, true, err
}

// Fields are the paths that Judge needs extracted.
func (d *Decision) Fields() []logentry.Path {
	var paths []logentry.Path
	if d.Where != nil {
		paths = append(paths, d.Where.Fields()...)
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

// note counts what Judge said.
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
