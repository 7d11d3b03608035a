package filters

import "sluice/logentry"

// builder gathers what the rules of a set share.
type builder struct {
	set    *Set
	preds  map[string]int32
	fields map[string]int
	paths  []logentry.Path
	used   []*field
}

// filter takes a filter in; nil is one that matches every entry.
func (b *builder) filter(f *Filter) *setNode {
	if f == nil || f.root == nil {
		return &setNode{op: andOp}
	}
	return b.node(f.root)
}

func (b *builder) node(n *node) *setNode {
	if n.op == leafOp {
		return &setNode{pred: b.predicate(n.pred)}
	}
	s := &setNode{op: n.op}
	for _, k := range n.kids {
		s.kids = append(s.kids, b.node(k))
	}
	return s
}

func (b *builder) predicate(p *predicate) int32 {
	if id, ok := b.preds[p.text]; ok {
		return id
	}
	id := int32(len(b.set.preds))
	b.preds[p.text] = id
	place := -1
	if p.field != nil && p.kind != neverPredicate {
		place = b.field(p.field)
	}
	b.set.preds = append(b.set.preds, setPredicate{predicate: p, place: place})
	return id
}

func (b *builder) field(f *field) int {
	if i, ok := b.fields[f.name]; ok {
		return i
	}
	b.fields[f.name] = len(b.used)
	b.used = append(b.used, f)
	b.paths = append(b.paths, f.path)
	if f.open {
		b.paths = append(b.paths, f.path[:1])
		b.paths = append(b.paths, f.detours()...)
	}
	return len(b.used) - 1
}

// detours are the places where an Any's level "value" may stand on the way to a field below protoPayload.
func (f *field) detours() (paths []logentry.Path) {
	for i := 1; i < len(f.path); i++ {
		paths = append(paths, f.path[:i].Key("value"))
	}
	return paths
}

// finish makes the set's Fields and looks up the slots.
func (b *builder) finish() *Set {
	b.set.fields = logentry.NewFields(b.paths...)
	for _, f := range b.used {
		p := fieldPlace{field: f, slot: b.set.fields.Slot(f.path)}
		if f.open {
			p.payload = b.set.fields.Slot(f.path[:1])
			for _, d := range f.detours() {
				p.detours = append(p.detours, b.set.fields.Slot(d))
			}
		}
		b.set.places = append(b.set.places, p)
	}
	return b.set
}

// fieldPlace says where in an extracted entry a field's values are.
type fieldPlace struct {
	field   *field
	slot    int
	payload int   // of protoPayload, when the field is below it
	detours []int // slots; a value in one of them means that openField must look
}
