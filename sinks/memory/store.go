// Package memory is a destination inside the process, for tests: a create-only store that outlives its drivers, can be made to
// fail at any operation, and remembers every content that ever stood under a name.
package memory

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"

	"sluice/sinks/driver"
)

// Object is the content of one unit.
type Object struct {
	Name    string
	Digest  string // of its entries: driver.Digest
	Codec   string
	Origin  driver.Origin
	Entries []driver.Ref // copies
}

// Step wraps one operation of the store, op "put": it may refuse it, delay it, run it later, or run it and lose the answer.
type Step func(op, name string, run func() error) error

// Store holds objects by name. Its methods may be called from several goroutines at once.
type Store struct {
	mu      sync.Mutex
	objects map[string]Object
	history map[string][]Object
	step    Step
}

// NewStore makes an empty store without faults.
func NewStore() *Store {
	return &Store{objects: make(map[string]Object), history: make(map[string][]Object)}
}

// SetStep puts a hook around every operation that begins from now on; nil takes it away. The hook is called without locks, from
// the goroutine that writes.
func (s *Store) SetStep(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step = step
}

// ManifestPrefix begins the names of manifests: `_sluice/manifests/<route>/…`, as in a bucket.
const ManifestPrefix = "_sluice/"

// Objects gives what readers find in the store now, by name: everything but manifests.
func (s *Store) Objects() map[string]Object { return s.pick(false) }

// Manifests gives the manifests that stand in the store now, by name.
func (s *Store) Manifests() map[string]Object { return s.pick(true) }

func (s *Store) pick(manifests bool) map[string]Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := maps.Clone(s.objects)
	maps.DeleteFunc(found, func(name string, _ Object) bool { return strings.HasPrefix(name, ManifestPrefix) != manifests })
	return found
}

// Names gives the names in the store, sorted.
func (s *Store) Names() []string {
	return slices.Sorted(maps.Keys(s.Objects()))
}

// Lines gives what a reader of the store finds: the entries of each object as lines, line feeds being blanks.
func (s *Store) Lines() map[string][]string {
	lines := make(map[string][]string)
	for name, o := range s.Objects() {
		for _, ref := range o.Entries {
			lines[name] = append(lines[name], strings.ReplaceAll(string(ref.Raw), "\n", " "))
		}
	}
	return lines
}

// History gives every content that a name ever had, oldest first. More than one means that something visible changed.
func (s *Store) History(name string) []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.history[name])
}

// Replace puts an object in place of what stands there: the foreign hand of a test.
func (s *Store) Replace(o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(o)
}

// Remove takes an object away; History keeps it.
func (s *Store) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, name)
}

// run does an operation inside the hook.
func (s *Store) run(op, name string, do func() error) error {
	s.mu.Lock()
	step := s.step
	s.mu.Unlock()
	if step == nil {
		return do()
	}
	return step(op, name, do)
}

// create stores o unless its name is taken; then it gives what stands there.
func (s *Store) create(o Object) (found Object, created bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, taken := s.objects[o.Name]; taken {
		return found, false
	}
	s.set(o)
	return o, true
}

func (s *Store) set(o Object) {
	s.objects[o.Name] = o
	s.history[o.Name] = append(s.history[o.Name], o)
}

// copyRefs makes entries that outlive the caller's buffers, in one allocation of bytes.
func copyRefs(refs []driver.Ref) []driver.Ref {
	size := 0
	for i := range refs {
		size += len(refs[i].Raw)
	}
	buf := bytes.NewBuffer(make([]byte, 0, size))
	out := slices.Clone(refs)
	for i := range out {
		start := buf.Len()
		buf.Write(out[i].Raw)
		out[i].Raw = buf.Bytes()[start:buf.Len():buf.Len()]
	}
	return out
}
