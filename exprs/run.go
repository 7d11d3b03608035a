package exprs

import (
	"errors"
	"fmt"

	"github.com/expr-lang/expr/vm"

	"sluice/logentry"
)

// run is one evaluation: the environment of the program. It is reused.
type run struct {
	wants  *wants
	vm     vm.VM
	entry  *logentry.Entry
	steps  int
	loaded bool
	values []any // by slot: nil is absent, a failure is what does not fit
	exact  []bool
	reader reader
}

// failure is a value that cannot be had; whoever reads it fails.
type failure struct{ err error }

func (r *run) begin(e *logentry.Entry) {
	r.entry, r.steps, r.loaded = e, maxSteps, false
}

// end lets go of the entry's memory.
func (r *run) end() {
	clear(r.values)
	clear(r.vm.Stack)
	clear(r.vm.Variables)
	r.entry = nil
}

var errBudget = errors.New("the expression takes too long on this entry")

// spend takes steps from the run's budget.
func (r *run) spend(steps int) error {
	if r.steps -= steps; r.steps < 0 {
		return errBudget
	}
	return nil
}

// value gives a slot's value, nil when the entry does not have it. All are found at the first use.
func (r *run) value(slot int) (any, error) {
	if !r.loaded {
		r.load()
	}
	if f, failed := r.values[slot].(failure); failed {
		return nil, f.err
	}
	return r.values[slot], nil
}

func (r *run) load() {
	r.loaded = true
	if r.values == nil {
		r.values = make([]any, len(r.wants.slots))
		r.exact = make([]bool, len(r.wants.slots))
		r.reader.init(r)
	}
	clear(r.exact)
	r.reader.read(r.entry.Raw)
	for i := range r.wants.slots {
		s := &r.wants.slots[i]
		switch {
		case s.from >= 0:
			r.values[i] = r.part(r.values[s.from], s, len(r.wants.slots[s.from].path))
		case s.spot != nil && r.values[i] == nil:
			if v := r.entry.Get(s.spot); v.Derived {
				r.values[i] = convert(s, v)
			}
		}
	}
}

// part takes a name's value out of the whole that stands for the first n keys of its path.
func (r *run) part(v any, s *slot, n int) any {
	for ; n < len(s.path); n++ {
		switch whole := v.(type) {
		case map[string]any:
			v = whole[s.path[n]]
		case []any:
			return failure{listError(s, n)}
		default:
			return nil
		}
	}
	return v
}

// listError is about a name of which the first n keys lead to a list.
func listError(s *slot, n int) error {
	whole := logentry.Path(nil).Key(s.path[:n]...)
	return fmt.Errorf("%v is a list: write any(%v, .%s …)", whole, whole, s.path[n])
}
