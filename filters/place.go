package filters

import "sluice/logentry"

// view is how a place's text is looked at.
type view uint8

const (
	plainView  view = iota
	logIDView       // logName's log id
	sourceView      // logName's parent
)

func viewOf(p *predicate) view {
	switch p.kind {
	case logIDPredicate:
		return logIDView
	case sourcePredicate:
		return sourceView
	}
	return plainView
}

// place is a field of a set in one view, and where in an extracted entry its values are.
type place struct {
	field   *field
	view    view
	slot    int
	payload int   // slot of protoPayload, when the field is below it
	detours []int // slots; a value in one of them means that openField must look
	gate    int   // slot without a value in which no indexed predicate of the place holds; -1: there is none
	index   *index
}

// place gives the number of a field in a view.
func (b *builder) place(f *field, v view) int32 {
	key := f.name + string('0'+byte(v))
	if i, ok := b.places[key]; ok {
		return i
	}
	i := int32(len(b.set.places))
	b.places[key] = i
	b.set.places = append(b.set.places, place{field: f, view: v})
	b.paths = append(b.paths, f.path)
	if f.open {
		b.paths = append(b.paths, f.path[:1])
		b.paths = append(b.paths, f.detours()...)
	}
	return i
}

// detours are the places where an Any's level "value" may stand on the way to a field below protoPayload.
func (f *field) detours() (paths []logentry.Path) {
	for i := 1; i < len(f.path); i++ {
		paths = append(paths, f.path[:i].Key("value"))
	}
	return paths
}

// locate looks up the slots.
func (p *place) locate(fields *logentry.Fields) {
	p.slot = fields.Slot(p.field.path)
	p.gate = p.slot
	if p.field.defaulted {
		p.gate = -1
	}
	if !p.field.open {
		return
	}
	p.payload = fields.Slot(p.field.path[:1])
	p.gate = p.payload
	for _, d := range p.field.detours() {
		p.detours = append(p.detours, fields.Slot(d))
	}
}

// cost is roughly the time to resolve the place, in nanoseconds.
func (p *place) cost() int32 {
	if p.index != nil && p.index.finder != nil {
		return costOfFinder
	}
	return 30
}

// openGate says that, when the field is absent, its default fulfils no indexed predicate, so that there is no need to look.
func (p *place) openGate() {
	d := defaults[p.field.typ]
	x := p.index
	switch {
	case x == nil || p.gate >= 0:
	case d.kind == textDatum && len(x.equal[""])+len(x.every) > 0:
	case d.kind == boolDatum && len(x.bools[0]) > 0:
	case d.kind != textDatum && d.kind != boolDatum && len(x.integers[0]) > 0:
	default:
		p.gate = p.slot
	}
}
