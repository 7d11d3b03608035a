package filters

import "strings"

// functionKind says what a function is.
type functionKind uint8

const (
	fnLogID functionKind = iota
	fnSource
	fnSample
	fnIPInNet
	fnSearch
	fnCast
	fnRegexpExtract
	fnTimezone // only inside cast
)

// function is a row of the language's table of functions.
type function struct {
	name     string // lower case, canonical
	kind     functionKind
	min, max int // arguments
	usage    string
}

var functions = []function{
	{"log_id", fnLogID, 1, 1, "write log_id(\"LOG\")"},
	{"source", fnSource, 1, 1, "write source(\"projects/ID\")"},
	{"sample", fnSample, 2, 2, "write sample(FIELD, FRACTION)"},
	{"ip_in_net", fnIPInNet, 2, 2, "write ip_in_net(FIELD, \"NET\")"},
	{"search", fnSearch, 1, 2, "write SEARCH(\"TEXT\") or SEARCH(FIELD, \"TEXT\")"},
	{"cast", fnCast, 2, 3, "write cast(FIELD, TYPE)"},
	{"regexp_extract", fnRegexpExtract, 2, 2, "write regexp_extract(FIELD, \"PATTERN\")"},
	{"timezone", fnTimezone, 1, 1, "write TIMEZONE(\"Area/City\")"},
	{"time_zone", fnTimezone, 1, 1, "write TIME_ZONE(\"Area/City\")"},
}

// value says that the function gives a value, which must then be compared.
func (f *function) value() bool { return f.kind == fnCast || f.kind == fnRegexpExtract }

// findFunction looks a name up in any case; nil when there is none.
func findFunction(name string) *function {
	lower := strings.ToLower(name)
	for i := range functions {
		if functions[i].name == lower {
			return &functions[i]
		}
	}
	return nil
}

// functionNames are the names that can stand at the start of a term, for "did you mean".
func functionNames() []string {
	var names []string
	for _, f := range functions {
		if f.kind != fnTimezone {
			names = append(names, f.name)
		}
	}
	return names
}
