package filters

import (
	"sync"

	"sluice/logentry"
)

// alone is what a filter needs to be asked by itself: a Set of one and memory that is used again.
type alone struct {
	set   *Set
	preds map[string]int32 // by text
	pool  sync.Pool        // of *lone
}

type lone struct {
	entry  logentry.Entry
	worker *Worker
	hits   []Hit
}

func newAlone(f *Filter) *alone {
	b := newBuilder(nil)
	b.rule(Rule{Include: f})
	b.leaves(f.root)
	a := &alone{set: b.finish(), preds: b.preds}
	a.set.plan()
	a.pool.New = func() any { return &lone{worker: a.set.NewWorker()} }
	return a
}

// take makes a copy of e, whose own fields may belong to others.
func (a *alone) take(e *logentry.Entry) *lone {
	l := a.pool.Get().(*lone)
	l.entry.Raw, l.entry.Stream, l.entry.Seq = e.Raw, e.Stream, e.Seq
	l.entry.Index, l.entry.Stored = e.Index, e.Stored
	return l
}

func (a *alone) put(l *lone) {
	l.entry.Raw = nil
	a.pool.Put(l)
}

func (a *alone) match(e *logentry.Entry) bool {
	l := a.take(e)
	defer a.put(l)
	if a.set.Fields().Extract(&l.entry, logentry.Limits{}) != nil {
		return false
	}
	l.hits = a.set.Match(&l.entry, l.worker, l.hits[:0])
	return len(l.hits) > 0
}

// leaves takes in all predicates of a tree, also those without which it is decided already: an explanation shows them.
func (b *builder) leaves(n *node) {
	switch {
	case n == nil:
	case n.op != leafOp:
		for _, k := range n.kids {
			b.leaves(k)
		}
	case n.pred.kind != neverPredicate:
		b.predicate(n.pred)
	}
}
