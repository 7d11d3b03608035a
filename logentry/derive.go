package logentry

import (
	"strconv"
	"time"
)

// derivedSlot is a wanted field that an entry has even where it does not stand in its text.
type derivedSlot struct {
	slot int
	name string
}

// derivable are the LogEntry fields for which the stream knows a stand-in.
var derivable = []string{"insertId", "timestamp", "receiveTimestamp"}

// canonical gives the path of a derivable field one spelling, so that all that want it share one slot; other paths stay.
func canonical(p Path) Path {
	if len(p) != 1 {
		return p
	}
	switch key := []byte(p[0].Key); {
	case equalFolded(key, "insertid"):
		return PathInsertID
	case equalFolded(key, "timestamp"):
		return PathTimestamp
	case equalFolded(key, "receivetimestamp"):
		return PathReceiveTimestamp
	}
	return p
}

// derivedSlots finds the derivable fields among the wanted ones.
func derivedSlots(root *node) (slots []derivedSlot) {
	for _, name := range derivable {
		if n := root.child(Segment{Key: name, Fold: true}); n != nil && n.slot != noSlot {
			slots = append(slots, derivedSlot{slot: int(n.slot), name: name})
		}
	}
	return slots
}

// derive gives a field its stand-in when it has no value.
func (e *Entry) derive(d derivedSlot) {
	x := &e.found
	if i := e.First(d.slot); i >= 0 {
		if h := x.values[i]; h.kind != Null && !(h.kind == String && h.start == h.end) {
			return
		}
		x.slots[d.slot] = chain{}
	}
	start := len(x.derived)
	if d.name == "insertId" {
		x.derived = append(x.derived, e.Stream...)
		x.derived = append(x.derived, '-')
		x.derived = strconv.AppendUint(x.derived, e.Seq, 10)
		x.derived = append(x.derived, '-')
		x.derived = strconv.AppendInt(x.derived, int64(e.Index), 10)
	} else {
		x.derived = e.Stored.UTC().AppendFormat(x.derived, time.RFC3339Nano)
	}
	x.add(hit{slot: int32(d.slot), kind: String, derived: true, start: uint32(start), end: uint32(len(x.derived))})
}
