package filters

import "slices"

// Options chooses among the readings of the language that its documentation leaves open. The zero value is what Compile does.
type Options struct {
	Strict      bool     // every warning is an error
	PlainQuotes bool     // a single quote is an ordinary character, as in Google's ops-agent, not the start of a string
	Deny        []string // functions that may not be called, by their lower-case names
}

func (o *Options) denies(name string) bool { return slices.Contains(o.Deny, name) }
