package pipeline

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"sluice/logentry"
)

// maxStrangers is how many resources that the hierarchy lacks are told apart; the others count as one without a name.
const maxStrangers = 100

// Stranger is a resource that entries belong to and that the hierarchy lacks: no route above it sees them.
type Stranger struct {
	Stream   string `json:"stream"`
	Resource string `json:"resource"` // empty: more than can be told apart
	Entries  uint64 `json:"entries"`  // since the program started
}

// SetHierarchy tells which resources there are, so that entries of others are counted; none: nothing is. It decides nothing.
func (r *Router) SetHierarchy(resources []string) {
	known := make(map[string]bool, len(resources))
	for _, name := range resources {
		known[name] = true
	}
	r.hierarchy.Store(&known)
}

// Strangers lists the resources that the hierarchy lacks, those with most entries first in each stream.
func (r *Router) Strangers() []Stranger {
	var all []Stranger
	for _, rs := range r.readers {
		all = append(all, rs.strangers.list(rs.stream.Name())...)
	}
	return all
}

// strangers counts a stream's entries of resources that the hierarchy lacks.
type strangers struct {
	known *atomic.Pointer[map[string]bool]

	mu      sync.Mutex
	entries map[string]uint64
}

// meet looks at an entry that nobody has seen before.
func (s *strangers) meet(e *logentry.Entry) {
	known := s.known.Load()
	if known == nil || len(*known) == 0 {
		return
	}
	resource := resourceOf(e)
	if resource == nil || (*known)[string(resource)] {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = make(map[string]uint64)
	}
	if _, told := s.entries[string(resource)]; told || len(s.entries) < maxStrangers {
		s.entries[string(resource)]++
	} else {
		s.entries[""]++
	}
}

func (s *strangers) list(streamName string) []Stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Stranger
	for _, name := range slices.Sorted(maps.Keys(s.entries)) {
		all = append(all, Stranger{streamName, name, s.entries[name]})
	}
	slices.SortStableFunc(all, func(a, b Stranger) int { return cmp.Compare(b.Entries, a.Entries) })
	return all
}

// resourceOf gives the resource of the entry's logName, nil when it has none. It allocates only where the name has escapes.
func resourceOf(e *logentry.Entry) []byte {
	name := e.Get(logentry.PathLogName)
	if name.Escaped {
		return logentry.ParentOf(name.AppendText(nil))
	}
	return logentry.ParentOf(name.Text)
}
