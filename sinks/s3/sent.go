package s3

import "sync"

// maxSent bounds the memory of what was sent, twice: with digests some 6 MB.
const maxSent = 10_000

// sent remembers which objects this process has begun to write, so that one which stands there may be its own although nothing of
// it can be read. It forgets the oldest: then an existing name is a conflict, never a loss.
type sent struct {
	mu           sync.Mutex
	young, older map[string]string // object name → digest
}

func (s *sent) add(name, digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= maxSent || s.young == nil {
		s.young, s.older = make(map[string]string), s.young
	}
	s.young[name] = digest
}

// holds says whether this very content was sent under the name.
func (s *sent) holds(name, digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.young[name]
	if !ok {
		d, ok = s.older[name]
	}
	return ok && d == digest
}
