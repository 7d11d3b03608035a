package exprs

import "sluice/logentry"

// reader finds the values of all slots in one walk over an entry. Only what is wanted is decoded.
type reader struct {
	run   *run
	visit func(logentry.Visit) bool // made once: it escapes
	path  []*want                   // by depth: what led to the object that is open there
	live  int                       // the deepest of them; -1 before the walk
	built []container               // the containers that are open in a value that is wanted whole; [0] is the value itself
	slot  int                       // whose value that is
	key   []byte
}

// container is an object or a list that is being built.
type container struct {
	depth  int
	key    string // in the container that holds it
	object map[string]any
	list   []any
}

func (r *reader) init(owner *run) {
	r.run = owner
	r.visit = func(v logentry.Visit) bool {
		r.meet(v)
		return true
	}
}

func (r *reader) read(raw []byte) {
	r.live, r.path, r.built = -1, r.path[:0], r.built[:0]
	logentry.Walk(raw, r.visit)
	r.finish()
}

func (r *reader) meet(v logentry.Visit) {
	if len(r.built) > 0 {
		if v.Depth > r.built[0].depth {
			r.build(v)
			return
		}
		r.finish()
	}
	if v.Depth == 0 {
		r.enter(&r.run.wants.root, v)
		return
	}
	if v.Depth > r.live+1 {
		return // inside something that nobody wants
	}
	r.live = v.Depth - 1
	key := v.Key.Text
	if v.Key.Escaped {
		r.key = v.Key.AppendText(r.key[:0])
		key = r.key
	}
	w := r.path[r.live].find(key)
	if w == nil {
		return
	}
	if w.slot >= 0 && !r.take(w, v, string(key) == w.key) {
		return
	}
	r.enter(w, v)
}

// enter goes on with the members of an object that somebody wants.
func (r *reader) enter(w *want, v logentry.Visit) {
	switch {
	case len(w.kids) == 0:
	case v.Value.Kind == logentry.Object:
		r.live = v.Depth
		r.path = append(r.path[:v.Depth], w)
	case v.Value.Kind == logentry.Array:
		r.fail(w, v.Depth)
	}
}

// fail marks what lies below a list.
func (r *reader) fail(w *want, n int) {
	for _, k := range w.kids {
		if k.slot >= 0 {
			r.run.values[k.slot] = failure{listError(&r.run.wants.slots[k.slot], n)}
		}
		r.fail(k, n)
	}
}

// take takes a slot's value. Of several spellings of a field the exact one counts.
func (r *reader) take(w *want, v logentry.Visit, exact bool) bool {
	s := &r.run.wants.slots[w.slot]
	if r.run.exact[w.slot] && !exact {
		return false
	}
	r.run.exact[w.slot] = exact
	switch {
	case s.kind == presence:
		r.run.values[w.slot] = orNil(v.Value.Kind != logentry.Null)
	case s.kind == open && (v.Value.Kind == logentry.Object || v.Value.Kind == logentry.Array):
		r.slot = w.slot
		r.open(v, "")
	case s.kind == open:
		r.run.values[w.slot] = scalar(v.Value)
	default:
		r.run.values[w.slot] = convert(s, v.Value)
	}
	return true
}

// build adds a value to the whole that is being built.
func (r *reader) build(v logentry.Visit) {
	r.close(v.Depth)
	top := &r.built[len(r.built)-1]
	key := ""
	if top.object != nil {
		key = string(v.Key.AppendText(nil))
	}
	if v.Value.Kind == logentry.Object || v.Value.Kind == logentry.Array {
		r.open(v, key)
		return
	}
	top.put(key, scalar(v.Value))
}

func (r *reader) open(v logentry.Visit, key string) {
	c := container{depth: v.Depth, key: key}
	if v.Value.Kind == logentry.Object {
		c.object = make(map[string]any)
	} else {
		c.list = []any{}
	}
	r.built = append(r.built, c)
}

// close ends the containers inside the whole that do not hold a value of this depth.
func (r *reader) close(depth int) {
	for len(r.built) > 1 && r.built[len(r.built)-1].depth >= depth {
		last := len(r.built) - 1
		r.built[last-1].put(r.built[last].key, r.built[last].value())
		r.built = r.built[:last]
	}
}

// finish ends the whole that is being built.
func (r *reader) finish() {
	if len(r.built) == 0 {
		return
	}
	r.close(0)
	r.run.values[r.slot] = r.built[0].value()
	clear(r.built)
	r.built = r.built[:0]
}

func (c *container) put(key string, v any) {
	if c.object != nil {
		c.object[key] = v
	} else {
		c.list = append(c.list, v)
	}
}

func (c *container) value() any {
	if c.object != nil {
		return c.object
	}
	return c.list
}
