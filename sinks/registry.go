package sinks

import "sluice/sinks/driver"

// Registry names the kinds of destinations that this program has: each entry makes options with their defaults set, for the
// configuration to decode into. It is a value that cmd/sluice/sinks.go builds and passes on.
type Registry map[string]func() driver.Options
