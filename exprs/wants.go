package exprs

import (
	"bytes"
	"slices"
	"strings"

	"sluice/logentry"
)

// slot is the place of one name's value.
type slot struct {
	name string // as in messages
	path []string
	kind kind
	from int           // the slot of a whole that this name is a part of; -1: it is read from the entry itself
	spot logentry.Path // of a field that may be derived; else nil
}

// want is a key of an entry that leads to slots.
type want struct {
	key  string
	fold bool // a field of a message: case and underscores make no difference
	slot int  // -1: none ends here
	kids []*want
}

// wants are the names of an expression and the trie by which they are found in one walk.
type wants struct {
	slots   []slot
	root    want
	derived []logentry.Path
}

// add gives the slot of a name, of which the first `folded` keys are fields of messages.
func (w *wants) add(path []string, k kind) int {
	for i, s := range w.slots {
		if slices.Equal(s.path, path) {
			return i
		}
	}
	w.slots = append(w.slots, slot{name: strings.Join(path, "."), path: path, kind: k, from: -1})
	return len(w.slots) - 1
}

// seal makes the trie of all names. A name below another one that is wanted whole is taken from that.
func (w *wants) seal() wants {
	w.root = want{slot: -1}
	for i := range w.slots {
		s := &w.slots[i]
		if s.from = w.wholeAbove(s); s.from < 0 {
			w.insert(i)
		}
		switch s.name {
		case "insertId", "timestamp", "receiveTimestamp":
			s.spot = logentry.Field(s.name)
			w.derived = append(w.derived, s.spot)
		}
	}
	return *w
}

func (w *wants) wholeAbove(s *slot) int {
	for i, above := range w.slots {
		if above.kind == open && len(above.path) < len(s.path) && slices.Equal(above.path, s.path[:len(above.path)]) && w.slots[i].from < 0 {
			return i
		}
	}
	return -1
}

func (w *wants) insert(i int) {
	n, fields := &w.root, logEntry
	for _, key := range w.slots[i].path {
		f, fold := fields[key]
		n = n.kid(key, fold)
		fields = f.fields
	}
	n.slot = i
}

func (n *want) kid(key string, fold bool) *want {
	for _, k := range n.kids {
		if k.key == key {
			return k
		}
	}
	k := &want{key: key, fold: fold, slot: -1}
	n.kids = append(n.kids, k)
	return k
}

// find gives the kid that a key of the entry names, nil when none does.
func (n *want) find(key []byte) *want {
	for _, k := range n.kids {
		if string(key) == k.key {
			return k
		}
	}
	for _, k := range n.kids {
		if k.fold && sameName(key, k.key) {
			return k
		}
	}
	return nil
}

// sameName compares names of fields: insert_id is insertId.
func sameName(key []byte, name string) bool {
	return bytes.EqualFold(bytes.ReplaceAll(key, []byte("_"), nil), []byte(name))
}
