package pipeline

import "sluice/sinks/driver"

// roomBytes is how much room for redacted entries a batch takes at once.
const roomBytes = 64 << 10

// addClean keeps the redacted form of the entry that was added last to a group; nil: it is as it came.
func (b *batch) addClean(group int, clean []byte) {
	for len(b.clean) <= group {
		b.clean = append(b.clean, nil)
	}
	if clean != nil {
		if cap(b.room)-len(b.room) < len(clean) {
			b.room = make([]byte, 0, max(roomBytes, len(clean)))
			b.keep.take(int64(cap(b.room)))
			b.roomed += int64(cap(b.room))
		}
		start := len(b.room)
		b.room = append(b.room, clean...)
		clean = b.room[start:len(b.room):len(b.room)]
	}
	b.clean[group] = append(b.clean[group], clean)
}

// outgoing gives the groups as the destination sees them: redacted. Sizes, partitions, dead letters and what is written are made of
// these; digests are not.
func (b *batch) outgoing() []driver.Group {
	if b.clean == nil {
		return b.groups
	}
	if b.out == nil {
		b.out = make([]driver.Group, len(b.groups))
		for g := range b.groups {
			refs := append([]driver.Ref(nil), b.groups[g].Refs...)
			for r, clean := range b.clean[g] {
				if clean != nil {
					refs[r].Raw = clean
				}
			}
			b.out[g] = driver.Group{Key: b.groups[g].Key, Refs: refs}
		}
	}
	return b.out
}

// digests gives the function that makes a unit's content digest, which is always over the bytes of the bus: also where the unit
// holds envelopes or redacted entries.
func (b *batch) digests() func(refs []driver.Ref) string {
	if b.defects == nil && b.clean == nil {
		return driver.Digest
	}
	original := make(map[position]driver.Ref, b.entries)
	for _, g := range b.groups {
		for _, ref := range g.Refs {
			original[position{ref.Seq, ref.Index}] = ref
		}
	}
	return func(refs []driver.Ref) string {
		bus := make([]driver.Ref, len(refs))
		for i, ref := range refs {
			bus[i] = original[position{ref.Seq, ref.Index}]
		}
		return driver.Digest(bus)
	}
}
