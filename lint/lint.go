// Package lint finds what cannot be meant in a configuration that loads: filters and exclusions that no entry matches, or that are
// shadowed, routes that deliver what another delivers, and audit entries that no route keeps. It only says what it can show: a finding
// is never wrong, and what it cannot decide it leaves out.
package lint

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"sluice/configs"
	"sluice/filters"
)

// Kind says what was found.
type Kind string

// The kinds.
const (
	NoMatch      Kind = "noMatch"      // no entry matches the filter, or none that gets to the exclusion
	Shadowed     Kind = "shadowed"     // exclusions before it take all that it would
	TakesAll     Kind = "takesAll"     // nothing is left for the route
	Inside       Kind = "inside"       // another route delivers the same, in the same form
	ActivityLost Kind = "activityLost" // an entry of the activity audit log reaches no route
)

// Finding is one thing that cannot be meant.
type Finding struct {
	Kind      Kind            `json:"kind"`
	Route     string          `json:"route,omitempty"`
	Exclusion string          `json:"exclusion,omitempty"`
	Message   string          `json:"message"`
	Hint      string          `json:"hint"`
	Example   json.RawMessage `json:"example,omitempty"` // an entry that shows it
}

// String gives the finding on one line.
func (f Finding) String() string {
	text := ""
	if f.Route != "" {
		text = "route " + f.Route + ": "
	}
	if f.Exclusion != "" {
		text += "exclusion " + f.Exclusion + ": "
	}
	text += f.Message
	if len(f.Example) > 0 {
		text += ", for example " + string(f.Example)
	}
	return text + " (" + f.Hint + ")"
}

// Check gives all findings, in the order of the routes. Disabled routes and exclusions count for nothing.
func Check(cfg *configs.Config) []Finding {
	var all []Finding
	for i := range cfg.Routes {
		if r := &cfg.Routes[i]; !r.Disabled {
			found := ofRoute(r)
			if len(found) == 0 {
				found = insideOthers(cfg, i)
			}
			all = append(all, found...)
		}
	}
	return append(all, lostActivity(cfg)...)
}

// ofRoute looks at one route alone.
func ofRoute(r *configs.Route) (found []Finding) {
	add := func(kind Kind, exclusion, message, hint string) {
		found = append(found, Finding{Kind: kind, Route: r.Name, Exclusion: exclusion, Message: message, Hint: hint})
	}
	never := func(holds, fails []*filters.Filter) bool {
		return filters.Case{Holds: holds, Fails: fails}.Impossible()
	}
	if never([]*filters.Filter{r.Filter}, nil) {
		add(NoMatch, "", "its filter contradicts itself: no entry matches", "one of its terms shuts another out")
		return found
	}
	var before []*filters.Filter // exclusions that certainly take what they match
	var names []string
	for i := range r.Exclusions {
		x := &r.Exclusions[i]
		if x.Disabled {
			continue
		}
		both := []*filters.Filter{r.Filter, x.Filter}
		switch {
		case never([]*filters.Filter{x.Filter}, nil):
			add(NoMatch, x.Name, "its filter contradicts itself: it excludes nothing", "one of its terms shuts another out")
		case never(both, nil):
			add(NoMatch, x.Name, "no entry that the route's filter matches matches it: it excludes nothing", "remove it, or correct one of the two filters")
		case len(before) > 0 && never(both, before):
			add(Shadowed, x.Name, "what it matches is taken before by "+shadow(both, before, names)+": it never counts", "remove it, or put it first")
		case certain(x) && never([]*filters.Filter{r.Filter}, []*filters.Filter{x.Filter}):
			add(TakesAll, x.Name, "it takes every entry that the route's filter matches", "narrow it, or disable the route")
		}
		if certain(x) {
			before, names = append(before, x.Filter), append(names, x.Name)
		}
	}
	if len(found) == 0 && len(before) > 1 && never([]*filters.Filter{r.Filter}, before) {
		add(TakesAll, "", "its exclusions together take every entry that its filter matches", "narrow them, or disable the route")
	}
	return found
}

// shadow names the first exclusion that alone takes everything, or all of them.
func shadow(holds, before []*filters.Filter, names []string) string {
	for i := range before {
		if (filters.Case{Holds: holds, Fails: before[i : i+1]}).Impossible() {
			return names[i]
		}
	}
	return "those before it together"
}

// certain says whether an exclusion takes all that its filter matches.
func certain(x *configs.Exclusion) bool { return !x.Disabled && x.Where == nil && x.When == nil }

// certainly are the filters of the exclusions that are certain.
func certainly(r *configs.Route) (taken []*filters.Filter) {
	for i := range r.Exclusions {
		if certain(&r.Exclusions[i]) {
			taken = append(taken, r.Exclusions[i].Filter)
		}
	}
	return taken
}

// insideOthers looks for a route that delivers all that the i-th delivers, in the same form. Of two that deliver the same, the second
// is inside the first.
func insideOthers(cfg *configs.Config, i int) []Finding {
	r := &cfg.Routes[i]
	for k := range cfg.Routes {
		other := &cfg.Routes[k]
		if k == i || other.Disabled || !sameForm(r, other) || !inside(r, other) || k > i && inside(other, r) {
			continue
		}
		return []Finding{{Kind: Inside, Route: r.Name, Message: fmt.Sprintf("route %s delivers everything that it delivers, in the same form", other.Name),
			Hint: "exclude from one what the other delivers, or remove one"}}
	}
	return nil
}

// inside says whether a route keeps nothing that another one does not.
func inside(r, other *configs.Route) bool {
	if other.Where != nil || len(other.Interceptors) > 0 || len(other.Quotas) > 0 || len(other.Diverted) > 0 || !covers(other.Scope, r.Scope) {
		return false
	}
	taken := certainly(r)
	if !(filters.Case{Holds: []*filters.Filter{r.Filter}, Fails: append([]*filters.Filter{other.Filter}, taken...)}).Impossible() {
		return false
	}
	for i := range other.Exclusions {
		x := &other.Exclusions[i]
		if !x.Disabled && !(filters.Case{Holds: []*filters.Filter{r.Filter, x.Filter}, Fails: taken}).Impossible() {
			return false
		}
	}
	return true
}

// covers says whether a scope holds all resources of another. nil is every entry.
func covers(wide, narrow *configs.Scope) bool {
	if wide == nil || narrow == nil {
		return wide == nil
	}
	for _, name := range append([]string{narrow.Parent}, narrow.Children...) {
		if name != wide.Parent && !slices.Contains(wide.Children, name) {
			return false
		}
	}
	return true
}

// placeKeys are the options of sinks that say where, not how.
var placeKeys = []string{"dir", "bucket", "prefix", "url", "query", "topic", "project", "dataset", "table", "subject", "stream", "servers"}

// sameForm says whether two routes deliver entries in the same form, if not to the same place.
func sameForm(a, b *configs.Route) bool {
	return a.Sink.Kind == b.Sink.Kind && reflect.DeepEqual(form(a), form(b)) && reflect.DeepEqual(a.Redaction, b.Redaction) && a.Duplicates == b.Duplicates
}

func form(r *configs.Route) map[string]any {
	var options map[string]any
	b, err := json.Marshal(r.Sink.Options)
	if err == nil {
		err = json.Unmarshal(b, &options)
	}
	if err != nil {
		return map[string]any{"route": r.Name} // like no other
	}
	for _, key := range placeKeys {
		delete(options, key)
	}
	return options
}
