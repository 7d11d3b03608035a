// Package configs is the YAML configuration: its schema as Go types, loaded strictly, with defaults, and with every mistake
// reported at once by file, line and column. Loading has no effects.
package configs

import (
	"time"

	"sluice/filters"
	"sluice/logentry"
	"sluice/sinks/driver"
)

// Config is a whole, valid configuration.
type Config struct {
	Bus        Bus
	Ledger     Ledger
	Memory     int64 // bytes of pending entries over all lanes
	Limits     logentry.Limits
	DeadLetter *Sink // never nil after Load: default file {dir: ./sluice-data/dead}
	Routes     []Route
	HTTP       HTTP
}

// Bus says where the entries come from.
type Bus struct {
	Embedded *Embedded // nil when URL is set
	URL      string
	Streams  []Stream // at least one
}

// Embedded is the bus inside this process.
type Embedded struct {
	Dir    string
	Listen string // empty: a free port on the loopback
}

// Stream is one stream of the bus, created when absent.
type Stream struct {
	Name     string
	Subjects []string
	MaxAge   time.Duration // 0: default 7 days for the embedded bus
	MaxBytes int64         // 0: half of the free disk, embedded
	Replicas int           // 0: 1
}

// Ledger says where the account is kept.
type Ledger struct {
	File string // folder
}

// HTTP is the status server; off when Listen is empty.
type HTTP struct {
	Listen string
}

// Route is what Google calls a LogSink.
type Route struct {
	Name        string
	Description string
	Disabled    bool
	Filter      *filters.Filter // nil: every entry
	FilterText  string          // as written
	Exclusions  []Exclusion     // at most 50, in order
	Start       Start
	OnLoss      OnLoss
	Batch       Batch
	Sink        Sink
	DeadLetter  *Sink // nil: the global one
}

// Exclusion takes entries out of a route.
type Exclusion struct {
	Name       string // unique in the route
	Filter     *filters.Filter
	FilterText string
	Disabled   bool
}

// Start says where a new route begins on a stream: exactly one field is set, or none for the default.
type Start struct {
	Earliest bool
	Latest   bool
	Time     time.Time
	Sequence uint64
}

// OnLoss says what a lane does when the stream no longer holds what it had to read.
type OnLoss string

// What a lane does after a loss: record it and go on, or stop.
const (
	RecordLoss OnLoss = "record"
	HaltOnLoss OnLoss = "halt"
)

// Batch says when a batch is cut.
type Batch struct {
	Bytes   int64         // raw bytes; default 16 MiB
	Entries int           // default 50,000
	Age     time.Duration // from its first kept entry; default 60 s
}

// Sink is one destination: its kind (file, gcs, …) and its own options.
type Sink struct {
	Kind    string
	Options driver.Options
}
