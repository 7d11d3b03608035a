package logentry

// A key that is spelled otherwise than a wanted segment with Fold leads there too, unless the exact spelling stands in the same
// object, before it or after it. What it led to is remembered until the object ends, so that it can be dropped.

// looseMatch remembers which hits came through a folded key.
type looseMatch struct {
	child    *node
	depth    int // of the object
	from, to int // the hits
}

// contested walks the value at i once for each child that its key leads to. base is where the object's keys begin.
func (x *found) contested(i int, e *edge, depth, base int) int {
	end := 0
	for _, m := range e.to {
		if m.exact {
			if m.child.seg.Fold {
				x.dropLoose(m.child, depth)
			}
		} else if x.taken(m.child, depth, base) {
			continue
		}
		from := len(x.values)
		if end = x.value(i, m.child, depth); end < 0 {
			return end
		}
		if !m.exact {
			x.loose = append(x.loose, looseMatch{child: m.child, depth: depth, from: from, to: len(x.values)})
		}
	}
	if end == 0 {
		return x.value(i, nil, depth)
	}
	return end
}

// taken says whether another key of the same object has a better right to the child: its exact spelling, or an earlier one.
func (x *found) taken(child *node, depth, base int) bool {
	for _, l := range x.loose {
		if l.depth == depth && l.child == child {
			return true
		}
	}
	return x.holds(base, child.hash, []byte(child.seg.Key))
}

// dropLoose drops what a folded key of this object gave the child.
func (x *found) dropLoose(child *node, depth int) {
	for _, l := range x.loose {
		if l.depth != depth || l.child != child {
			continue
		}
		for i := l.from; i < l.to; i++ {
			if h := &x.values[i]; child.low <= h.slot && h.slot < child.high {
				h.slot = noSlot
				x.anyDropped = true
			}
		}
	}
}

// forgetLoose ends an object.
func (x *found) forgetLoose(depth int) {
	for n := len(x.loose); n > 0 && x.loose[n-1].depth >= depth; n-- {
		x.loose = x.loose[:n-1]
	}
}
