// Package layout names the objects of a destination. A layout gives each entry its partition (Key) and each partition of a batch
// its object's name (Plan). It is pure: no clock, no randomness, no tables of Unicode, so that every version of the program that
// redoes a plan finds the same names.
//
// A key is a relative path, or the beginning of one, made of components; each value of an entry is one component (component.go
// says how, and why two values never share one). Dates are the UTC of the entry's timestamp, else of its stored time.
package layout

import (
	"fmt"

	"sluice/logentry"
	"sluice/sinks/driver"
)

// Layout is one way of naming. It is immutable and may be shared.
type Layout struct {
	fields []logentry.Path
	key    func(dst []byte, e *logentry.Entry) []byte
	prefix func(key string) string // from a group's key to what stands before S<stream>
}

// Fields are the fields that Key reads.
func (l *Layout) Fields() []logentry.Path { return l.fields }

// Key appends the partition of an entry whose Fields were extracted. It reads nothing else of it but Stored.
func (l *Layout) Key(dst []byte, e *logentry.Entry) []byte { return l.key(dst, e) }

// Plan makes one unit of each group of the batch, in their order, and rejects nothing. ext is the codec's name, which ends the
// names. Units of batches that differ in stream, epoch, first sequence, side, amend or key have different names.
func (l *Layout) Plan(b *driver.Batch, ext string) driver.Plan {
	units := make([]driver.Unit, 0, len(b.Groups))
	for _, g := range b.Groups {
		units = append(units, driver.Unit{Name: l.Name(g.Key, b, ext), Codec: ext, Refs: g.Refs})
	}
	return driver.Plan{Units: units}
}

// Name is the name of the object that holds the group of a key: `…S<stream>-e<epoch>-<first:020>[-<side>][-a<amend>].<ext>`, the
// side being r<n> or b<n>. It may be read from its right end: no part after the stream holds a dash.
func (l *Layout) Name(key string, b *driver.Batch, ext string) string {
	side, amend := "", ""
	if b.Side != "" {
		side = "-" + b.Side
	}
	if b.Amend > 0 {
		amend = fmt.Sprintf("-a%d", b.Amend)
	}
	stream := appendComponent(nil, b.Stream, maxStream)
	return fmt.Sprintf("%sS%s-e%d-%020d%s%s.%s", l.prefix(key), stream, b.Epoch, b.First, side, amend, ext)
}

// maxStream bounds the escaped stream in a file name, so that the whole stays below the 255 bytes of file systems.
const maxStream = 128

// DeadLetters is the naming of dead letters: a folder a key, which the pipeline gives (the route). Its Key appends nothing.
func DeadLetters() *Layout {
	return &Layout{
		key:    func(dst []byte, _ *logentry.Entry) []byte { return dst },
		prefix: func(key string) string { return string(appendComponent(nil, key, maxComponent)) + "/" },
	}
}
