package filters

import (
	"sync"

	"sluice/logentry"
)

// alone is what a filter needs to be asked by itself: a Set of one and memory that is used again.
type alone struct {
	set  *Set
	pool sync.Pool // of *lone
}

type lone struct {
	entry  logentry.Entry
	worker *Worker
	hits   []Hit
}

func newAlone(f *Filter) *alone {
	a := &alone{set: NewSet(nil, Rule{Include: f})}
	a.pool.New = func() any { return &lone{worker: a.set.NewWorker()} }
	return a
}

// match leaves e as it is: its fields may belong to others.
func (a *alone) match(e *logentry.Entry) bool {
	l := a.pool.Get().(*lone)
	defer a.pool.Put(l)
	l.entry.Raw, l.entry.Stream, l.entry.Seq = e.Raw, e.Stream, e.Seq
	l.entry.Index, l.entry.Stored = e.Index, e.Stored
	if a.set.Fields().Extract(&l.entry, logentry.Limits{}) != nil {
		return false
	}
	l.hits = a.set.Match(&l.entry, l.worker, l.hits[:0])
	l.entry.Raw = nil
	return len(l.hits) > 0
}
