// Package configs is the YAML configuration: its schema as Go types, loaded strictly, with defaults, and with every mistake
// reported at once by file, line and column. Loading has no effects; it reads the environment and the files that secrets name.
//
// The types of this file are the schema: package and JSON Schema read it from their tags.
//
//	yaml      the key; "-" = not in the file
//	doc       one sentence for editors and people
//	default   the value, as YAML, of an absent key
//	required  the key must be there
//	size      the number counts bytes and may be written 192MiB, 50GiB
//	min, max  bounds, in the field's own notation
//	enum      the words allowed, separated by |
//	verbatim  ${NAME} is left as it stands
//
// In every other text value ${NAME} stands for the environment variable NAME. A sink's own options may carry the same tags.
package configs

import (
	"time"

	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
	"sluice/sinks/driver"
)

// Config is a whole, valid configuration.
type Config struct {
	Bus        Bus           `yaml:"bus" doc:"Where the entries come from."`
	Ledger     Ledger        `yaml:"ledger" doc:"Where the account of every delivery is kept."`
	Memory     int64         `yaml:"memory" size:"true" default:"192MiB" min:"1MiB" doc:"Bytes of pending entries over all routes."`
	Bounds     Bounds        `yaml:"limits" doc:"What is accepted as an entry, and how many routes may be enabled."`
	DeadLetter *Sink         `yaml:"deadLetter" default:"{file: {dir: ./sluice-data/dead}}" doc:"Where entries go that no sink can take."` // never nil after Load
	Include    []string      `yaml:"include" doc:"Files with more routes, as patterns: routes.d/*.yaml. Relative to the working directory."`
	Hierarchy  Resources     `yaml:"hierarchy" doc:"What lies below what: organizations/1: {folders/2: {projects/pay: {}}}. Billing accounts are roots of their own."`
	Routes     []Route       `yaml:"routes" doc:"The routes; each decides and delivers on its own."` // after Load with those of the included files behind
	Redaction  RedactionKeys `yaml:"redaction" doc:"The secrets behind the hashes of the routes' redact."`
	SinkErrors SinkErrors    `yaml:"sinkErrors" doc:"Errors of routes as entries on the bus."`
	HTTP       HTTP          `yaml:"http" doc:"The status server."`
	Prices     Prices        `yaml:"prices" doc:"What delivered bytes cost, for sluice diff."`

	Limits   logentry.Limits `yaml:"-"` // of Bounds
	Files    []string        `yaml:"-"` // every file that Load read: the main one, the included ones by name, those of secrets
	Warnings []Problem       `yaml:"-"` // what the author should know although the configuration is valid
}

// Bus says where the entries come from.
type Bus struct {
	Embedded *Embedded `yaml:"embedded" doc:"A NATS server inside this process, the default with dir ./sluice-data."` // nil when URL is set
	URL      Servers   `yaml:"url" doc:"NATS servers, nats://host:4222 or tls://host:4222: one, or several of a cluster as a list. Instead of embedded."`
	Listen   string    `yaml:"listen" doc:"The same as embedded.listen."` // Load moves it to Embedded.Listen
	Streams  []Stream  `yaml:"streams" default:"[LOGS]" doc:"The JetStream streams to read, created when absent."`

	// How to be let in by the servers of URL: at most one of Creds, NKey, User with Password, and Token.
	Creds    string     `yaml:"creds" doc:"A credentials file (JWT and seed of a user), read for each connection."`
	NKey     string     `yaml:"nkey" doc:"A file with the seed of an NKey, read for each connection."`
	User     string     `yaml:"user" doc:"The name that goes with password."`
	Password Credential `yaml:"password" doc:"The user's password, read for each connection."`
	Token    Credential `yaml:"token" doc:"A token instead of a user, read for each connection."`
	TLS      *TLS       `yaml:"tls" doc:"TLS with the servers of url; {} trusts the authorities of this machine."` // nil: only where the server asks for it
}

// Servers are the addresses of one cluster of NATS servers, separated by commas.
type Servers string

// TLS says whom to trust on the way to the servers, and who to be. The files are PEM and are read for each connection.
type TLS struct {
	CA         string `yaml:"ca" doc:"The certificates of who may sign the servers'; absent: the authorities of this machine."`
	Cert       string `yaml:"cert" doc:"Our own certificate, where the servers ask for one."`
	Key        string `yaml:"key" doc:"The key of cert."`
	ServerName string `yaml:"serverName" doc:"The name in the servers' certificate, when it is not the host of url."`
}

// Embedded is the bus inside this process.
type Embedded struct {
	Dir    string `yaml:"dir" default:"./sluice-data" doc:"The folder of its data."`
	Listen string `yaml:"listen" doc:"host:port for publishers; absent: a free port of the loopback."`
}

// Stream is one stream of the bus, created when absent.
type Stream struct {
	Name     string        `yaml:"name" required:"true" doc:"Letters, digits, - and _."`
	Subjects []string      `yaml:"subjects" doc:"What is published to it; logs.> when it is the only stream."` // filled in by Load
	MaxAge   time.Duration `yaml:"maxAge" min:"1s" doc:"How long messages are kept; the embedded bus: 7d."`    // 0: default 7 days for the embedded bus
	MaxBytes int64         `yaml:"maxBytes" size:"true" min:"1MiB" doc:"How much is kept; the embedded bus: half of the free disk."`
	Replicas int           `yaml:"replicas" min:"1" max:"5" doc:"Copies in a cluster of servers; 1."` // 0: 1
}

// Ledger says where the account is kept.
type Ledger struct {
	File string `yaml:"file" default:"./sluice-data/ledger" doc:"A folder on this machine."`
}

// SinkErrors says how errors of routes are put on the bus, as entries of the log logging.googleapis.com/sink_error.
type SinkErrors struct {
	Disabled bool          `yaml:"disabled" default:"false" doc:"They are not put there."`
	Parent   string        `yaml:"parent" default:"projects/sluice" doc:"Whose log they are in where the route has no parent."`
	Every    time.Duration `yaml:"every" default:"15m" min:"1s" doc:"At most one for each route and kind of error in this time."`
}

// HTTP is the status server; off when Listen is empty.
type HTTP struct {
	Listen string `yaml:"listen" doc:"host:port; absent: no status server."`
}

// Bounds is what is refused beyond.
type Bounds struct {
	Entry         int           `yaml:"entry" size:"true" default:"1MiB" min:"1" max:"64MiB" doc:"Bytes of one entry; a larger one is a dead letter."`
	Depth         int           `yaml:"depth" default:"100" min:"1" max:"1000" doc:"Nesting of objects and arrays; a deeper entry is a dead letter."`
	EnabledRoutes EnabledRoutes `yaml:"enabledRoutes" doc:"How many routes may be enabled at once."`
}

// EnabledRoutes bounds how many routes may be enabled at once, as Databricks does for its deliveries.
type EnabledRoutes struct {
	PerParent int `yaml:"perParent" min:"1" max:"1000000" doc:"Of one parent, and of no parent; absent: any number."` // 0: any number
}

// Prices are what delivered bytes cost. They decide nothing.
type Prices struct {
	Currency string             `yaml:"currency" default:"USD" doc:"What the prices are in."`
	GiB      map[string]float64 `yaml:"gib" doc:"The price of a GiB of delivered entries, by kind of sink: {gcs: 0.02, bigquery: 0.05}."`
}

// Route is what Google calls a LogSink.
type Route struct {
	Name        string `yaml:"name" required:"true" doc:"Unique; letters, digits, - and _; not beginning with _."`
	Description string `yaml:"description" verbatim:"true" doc:"For people."`
	Disabled    bool   `yaml:"disabled" default:"false" doc:"The route neither reads nor delivers."`
	Required    bool   `yaml:"required" default:"false" doc:"Nothing may take entries from the route: no exclusion, no quota, no route above its parent that intercepts; removing it must be acknowledged."`

	// Whose entries: docs/routing.md. Scope and Interceptors are what Load makes of it.
	Parent            string   `yaml:"parent" doc:"The resource whose entries the route sees: organizations/ID, folders/ID, projects/ID, billingAccounts/ID; absent: every entry."`
	IncludeChildren   bool     `yaml:"includeChildren" default:"false" doc:"The entries of what lies below parent in hierarchy, too."`
	InterceptChildren bool     `yaml:"interceptChildren" default:"false" doc:"Entries that the route takes are hidden from the routes of what lies below parent."`
	Scope             *Scope   `yaml:"-"` // nil: every entry
	Interceptors      []*Route `yaml:"-"` // routes above parent that may intercept, from the root down

	Filter     *filters.Filter `yaml:"-"`                                                                                                                         // nil: every entry
	FilterText string          `yaml:"filter" verbatim:"true" doc:"Which entries, in the Logging query language, or _Required or _Default; absent: every entry."` // as written, names replaced
	Where      *exprs.Where    `yaml:"-"`                                                                                                                         // nil: every entry that Filter matches
	WhereText  string          `yaml:"where" verbatim:"true" doc:"An expression that must hold, too, of an entry that filter matches: docs/filters.md."`          // as written
	Quotas     Quotas          `yaml:"quota" doc:"How much of them in an hour, a day or a month, and what becomes of the rest: docs/routing.md."`
	Streams    int             `yaml:"-"`                                                                              // how many share the quotas
	Diverted   []*Route        `yaml:"-"`                                                                              // routes that divert what is above their quotas here; if any, nothing else is seen
	Exclusions []Exclusion     `yaml:"exclusions" doc:"Which of them not; at most 50, the first that matches counts."` // at most 50, in order
	Duplicates Duplicates      `yaml:"duplicates" doc:"Entries that repeat another, by their logName's parent, timestamp and insertId, are left out and counted."`
	Redact     []Redact        `yaml:"redact" doc:"What the destination must not see: pii, or {fields: […], with: drop or hash}. Filters and exclusions see the whole entry."`
	Redaction  *Redaction      `yaml:"-"` // nil: nothing is redacted
	Start      Start           `yaml:"start" doc:"Where a new route begins: earliest, latest, a time (RFC 3339) or a sequence."`
	OnLoss     OnLoss          `yaml:"onLoss" default:"record" enum:"record|halt" doc:"When the stream no longer holds what the route had to read: record the loss and go on, or stop."`
	Batch      Batch           `yaml:"batch" doc:"When a batch is cut; the first limit reached counts."`
	Sink       Sink            `yaml:"sink" required:"true" doc:"Where the entries go: one kind of destination with its options."`
	DeadLetter *Sink           `yaml:"deadLetter" doc:"Where entries go that the sink refuses; absent: the global deadLetter."` // after Load its own or the global one, never nil
}

// Duplicates says how far back a repeated entry is known.
type Duplicates struct {
	Window uint64 `yaml:"window" min:"1" max:"1000000" doc:"So many sequences of the stream; absent: a repeated entry is an entry."` // 0: none
}

// Exclusion takes entries out of a route.
type Exclusion struct {
	Name       string          `yaml:"name" required:"true" doc:"Unique in the route; letters, digits, -, _ and dots."` // unique in the route
	Filter     *filters.Filter `yaml:"-"`
	FilterText string          `yaml:"filter" required:"true" verbatim:"true" doc:"Which entries, in the Logging query language."`
	Where      *exprs.Where    `yaml:"-"`
	WhereText  string          `yaml:"where" verbatim:"true" doc:"An expression that must hold, too, of an entry that filter matches: docs/filters.md."`
	When       *exprs.When     `yaml:"-"` // nil: always
	WhenText   string          `yaml:"when" verbatim:"true" doc:"An expression over the route's state, under which the exclusion is active: quota.used > 0.8, time.hour in 9..17. Absent: always."`
	Disabled   bool            `yaml:"disabled" default:"false" doc:"The exclusion takes nothing out."`
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
	Bytes   int64         `yaml:"bytes" size:"true" default:"16MiB" min:"1" max:"1GiB" doc:"Raw bytes of its entries."`
	Entries int           `yaml:"entries" default:"50000" min:"1" max:"1000000" doc:"Its entries."`
	Age     time.Duration `yaml:"age" default:"60s" min:"1ms" max:"1d" doc:"Since its first entry was kept."`
}

// Sink is one destination: its kind (file, gcs, …) with that kind's own options, and how it is called.
type Sink struct {
	Kind    string
	Options driver.Options
	Calls   Calls
}

// Calls is how a destination of any kind is called. It stands beside the kind and is pinned in no plan. What is 0 has the default of
// package sinks.
type Calls struct {
	Rate     Rate  `yaml:"rate" doc:"The most that is sent a second, by each route: what exceeds it waits, nothing is dropped."`
	InFlight int   `yaml:"inFlight" min:"1" max:"1000" doc:"Units written at once, over all streams; 8. Of one batch at most 8 are."`
	Retry    Retry `yaml:"retry" doc:"How long an attempt may take, and when the next one begins."`
}

// Rate bounds what is sent a second.
type Rate struct {
	Bytes   int64 `yaml:"bytes" size:"true" min:"1" doc:"Raw bytes of entries, before compression."`
	Entries int64 `yaml:"entries" min:"1" doc:"Entries."`
}

// Retry says how a destination is tried again that does not answer.
type Retry struct {
	Deadline time.Duration `yaml:"deadline" min:"100ms" max:"1h" doc:"Of one attempt to write a unit; 60s."`
	Patience time.Duration `yaml:"patience" min:"1ms" max:"1h" doc:"How long one unit is tried again before its route says that it waits, and reads the ledger again; 30s."`
	First    time.Duration `yaml:"first" min:"1ms" max:"1h" doc:"The most that the first pause takes; each further one twice that; 200ms."`
	Max      time.Duration `yaml:"max" min:"1ms" max:"1h" doc:"The most that any pause takes; 10s."`
}

// Unreadable gives the built-in route _unreadable, which keeps in the global dead letters what is no entry. Its settings are
// those of any route, so that its plans are pinned and redone alike.
func (c *Config) Unreadable() Route {
	return Route{
		Name:       UnreadableRoute,
		OnLoss:     RecordLoss,
		Batch:      Batch{Bytes: 16 << 20, Entries: 50_000, Age: time.Minute},
		Sink:       *c.DeadLetter,
		DeadLetter: c.DeadLetter,
	}
}

// UnreadableRoute is the name of the built-in route for what is no entry. Names of built-in routes begin with "_".
const UnreadableRoute = "_unreadable"
