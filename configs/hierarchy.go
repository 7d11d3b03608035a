package configs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sluice/logentry"
)

// Resources are resources by name (projects/pay), each with what lies directly below it.
type Resources map[string]Resources

// Scope says whose entries a route sees: those whose logName begins with one of these resources.
type Scope struct {
	Parent   string   // the route's own resource
	Children []string // what lies below it, at any depth, sorted; empty without includeChildren
}

// Names lists all resources, sorted.
func (r Resources) Names() []string {
	var names []string
	for name, below := range r {
		names = append(append(names, name), below.Names()...)
	}
	slices.Sort(names)
	return names
}

// ancestors lists what lies above a resource, from the root down; known is false when it is not in the hierarchy.
func (r Resources) ancestors(name string) (above []string, known bool) {
	if _, ok := r[name]; ok {
		return nil, true
	}
	for top, below := range r {
		if found, ok := below.ancestors(name); ok {
			return append([]string{top}, found...), true
		}
	}
	return nil, false
}

// below gives what lies directly below a resource.
func (r Resources) below(name string) Resources {
	if children, ok := r[name]; ok {
		return children
	}
	for _, children := range r {
		if found := children.below(name); found != nil {
			return found
		}
	}
	return nil
}

// resourcePattern is a resource's name: an id of letters, digits and what projects of domains have.
var resourcePattern = regexp.MustCompile(`^(organizations|folders|projects|billingAccounts)/[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

const resourceHint = "write organizations/ID, folders/ID, projects/ID or billingAccounts/ID"

// under says which kinds may lie directly below which.
var under = map[logentry.ParentKind][]logentry.ParentKind{
	"":                     {logentry.Organizations, logentry.BillingAccounts, logentry.Folders, logentry.Projects},
	logentry.Organizations: {logentry.Folders, logentry.Projects},
	logentry.Folders:       {logentry.Folders, logentry.Projects},
}

func kindOfResource(name string) logentry.ParentKind {
	kind, _, _ := strings.Cut(name, "/")
	return logentry.ParentKind(kind)
}

// checkHierarchy holds names and kinds against Google's: an organization has no parent, nor has a billing account, and neither a
// project nor a billing account has children. Folders and projects whose parent is not told stand at the top.
func (d *decoder) checkHierarchy(path string, parent string, r Resources, first map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(r)) {
		at := join(path, name)
		switch allowed := under[kindOfResource(parent)]; {
		case !resourcePattern.MatchString(name):
			d.problem(at, fmt.Sprintf("%q is not a resource", name), resourceHint)
		case first[name] != "":
			d.problem(at, fmt.Sprintf("%s stands at %s already", name, first[name]), "a resource has one parent")
		case len(allowed) == 0:
			d.problem(at, fmt.Sprintf("nothing lies below %s", parent), "only organizations and folders have children")
		case !slices.Contains(allowed, kindOfResource(name)):
			d.problem(at, fmt.Sprintf("%s cannot lie below %s", name, parent), "organizations and billing accounts are roots of their own")
		}
		first[name] = at
		d.checkHierarchy(at, name, r[name], first)
	}
}

// checkScopes settles whose entries each route sees, and which routes above may hide entries from it.
func (d *decoder) checkScopes(cfg *Config, sites []site) {
	d.checkHierarchy("hierarchy", "", cfg.Hierarchy, make(map[string]string))
	for i := range cfg.Routes {
		r, at := &cfg.Routes[i], sites[i]
		at.d.checkScope(at.path, r, cfg.Hierarchy)
	}
	for i := range cfg.Routes {
		cfg.Routes[i].Interceptors = cfg.interceptors(cfg.Routes[i].Parent)
	}
}

func (d *decoder) checkScope(path string, r *Route, hierarchy Resources) {
	_, known := hierarchy.ancestors(r.Parent)
	hasChildren := len(under[kindOfResource(r.Parent)]) > 0
	switch {
	case r.Parent == "" && r.IncludeChildren:
		d.problem(path+".includeChildren", "whose children?", "write parent: organizations/ID or folders/ID")
	case r.Parent == "" && r.InterceptChildren:
		d.problem(path+".interceptChildren", "whose children?", "write parent: organizations/ID or folders/ID, and includeChildren: true")
	case r.Parent == "":
		return
	case !resourcePattern.MatchString(r.Parent):
		d.problem(path+".parent", fmt.Sprintf("%q is not a resource", r.Parent), resourceHint)
	case r.IncludeChildren && !hasChildren:
		d.problem(path+".includeChildren", r.Parent+" has no children", "only organizations and folders have")
	case r.IncludeChildren && !known:
		d.problem(path+".includeChildren", r.Parent+" is not in hierarchy, so that nobody is its child", "write its folders and projects into hierarchy")
	case r.InterceptChildren && !r.IncludeChildren:
		d.problem(path+".interceptChildren", "a route that does not see its children's entries cannot intercept them", "write includeChildren: true")
	case !known && len(hierarchy) > 0:
		d.warn(path+".parent", r.Parent+" is not in hierarchy", "no route above it sees its entries")
	}
	r.Scope = &Scope{Parent: r.Parent}
	if r.IncludeChildren {
		r.Scope.Children = hierarchy.below(r.Parent).Names()
	}
}

// interceptors are the routes that may hide a resource's entries from its own routes, from the root down.
func (c *Config) interceptors(resource string) (routes []*Route) {
	above, _ := c.Hierarchy.ancestors(resource)
	for _, name := range above {
		for i := range c.Routes {
			if r := &c.Routes[i]; r.Parent == name && r.InterceptChildren && !r.Disabled {
				routes = append(routes, r)
			}
		}
	}
	return routes
}

// checkRequired keeps a required route whole.
func (d *decoder) checkRequired(path string, r *Route) {
	if r.Required && len(r.Exclusions) > 0 {
		d.problem(path+".exclusions", "nothing can be excluded from a required route", "narrow its filter, or drop required")
	}
}

// checkEnabled refuses a route where its parent has as many enabled ones as may be.
func checkEnabled(cfg *Config, sites []site) {
	most := cfg.Bounds.EnabledRoutes.PerParent
	enabled := make(map[string][]string)
	for i := range cfg.Routes {
		r, at := &cfg.Routes[i], sites[i]
		if most == 0 || r.Disabled {
			continue
		}
		if others := enabled[r.Parent]; len(others) >= most {
			whose := "without parent"
			if r.Parent != "" {
				whose = "of " + r.Parent
			}
			at.d.problem(at.path, fmt.Sprintf("limits.enabledRoutes.perParent is %d, and enabled %s are already: %s", most, whose, strings.Join(others, ", ")),
				"disable one: disabled: true")
			continue
		}
		enabled[r.Parent] = append(enabled[r.Parent], r.Name)
	}
}
