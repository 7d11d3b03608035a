package driver

import "context"

// Options is a destination's own part of the configuration, decoded strictly from YAML into a struct with `yaml` and `json`
// tags of equal names. Its JSON form is its delivery settings (destination, layout, codec): durable, pinned in plans, without
// secrets. What is not pinned (credentials, endpoints, timeouts) has the tag `json:"-"`.
type Options interface {
	// Validate reports every problem at once; it has no effects.
	Validate() []Problem

	// Destination says where deliveries go, as a URL with a scheme and a path that ends in "/": file:///var/out/,
	// gs://bucket/prefix/. Two routes must not have equal or nested ones. Empty: routes may share the destination, since the
	// identity of all that is delivered there begins with the route.
	Destination() string

	// Open makes the driver. It may be called before the destination exists or can be reached: that is Write's to find out.
	// For ToDeadLetter the driver ignores layout and compression: each unit is plain NDJSON and its name
	// <key>/S<stream>-e<epoch>-<first:020>[-a<amend>].json.
	Open(ctx context.Context, as To) (Driver, error)
}

// Problem is one mistake in a sink's options.
type Problem struct {
	Path    string // the key below the sink's options: "layout", "template"
	Message string
	Hint    string // what to do; may be empty
}

// Secret is a value that never prints. The configuration reads it from ${ENV} or file:PATH.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret.
func (Secret) GoString() string { return "***" }

// MarshalText hides the secret in JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Reveal gives the secret itself, for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }
