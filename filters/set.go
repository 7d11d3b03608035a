package filters

import "sluice/logentry"

// Rule is a route's question: does the entry match Include, and which of the exclusions match it too. A nil Include matches
// every entry. At most 50 exclusions.
type Rule struct {
	Include *Filter
	Exclude []*Filter
}

// Hit says that an entry matched a rule's Include.
type Hit struct {
	Rule     int32  // index into NewSet's rules
	Excluded uint64 // bit i: Exclude[i] matched too; a bit for every exclusion filter that matched
}

// Set decides many rules together. It is immutable and shared; each goroutine has a Worker of its own.
type Set struct{}

// Worker is one goroutine's scratch memory for a Set.
type Worker struct{}

// NewSet compiles rules into a set. extra are paths that others (layouts, keys) read of the same entries.
func NewSet(extra []logentry.Path, rules ...Rule) *Set { panic("being built") }

// Fields is the union of what the set and extra need, for Fields.Extract.
func (s *Set) Fields() *logentry.Fields { panic("being built") }

// NewWorker makes the scratch memory for one goroutine.
func (s *Set) NewWorker() *Worker { panic("being built") }

// Match appends a hit for each rule whose Include matches e, in the order of the rules. e was extracted by s.Fields(). Match
// never fails and, once w has grown, allocates nothing.
func (s *Set) Match(e *logentry.Entry, w *Worker, hits []Hit) []Hit { panic("being built") }
