package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/pipeline/ledger"
)

// Acknowledgement says that a person knows that required routes go, or change what they keep.
type Acknowledgement struct {
	Who    string // as the ledger records it
	Routes []string
}

// RequiredError says that a change takes required routes away, or changes which entries they keep, and nobody acknowledged it.
// Nothing has changed.
type RequiredError struct{ Routes []string }

// Error names the routes and the remedy.
func (e *RequiredError) Error() string {
	return fmt.Sprintf("required routes would be removed, disabled or keep other entries: %s: put them back, or acknowledge it with --acknowledge %s",
		strings.Join(e.Routes, ", "), strings.Join(e.Routes, ","))
}

// Acknowledge lets the next Run or Reload that succeeds take required routes away. Each is recorded on every stream, with who and when.
func (r *Router) Acknowledge(a Acknowledgement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acknowledged = a
}

func (r *Router) acknowledgement() Acknowledgement {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acknowledged
}

// release records which required routes the routes let go of, as far as somebody acknowledged it; RequiredError tells of the rest.
func (c *control) release(ctx context.Context, routes []Route) error {
	ack := c.rs.router.acknowledgement()
	var gone, refused []string
	for name, required := range c.required {
		kept, err := c.keepsRequired(ctx, name, required, routes)
		switch {
		case err != nil:
			return err
		case kept:
		case slices.Contains(ack.Routes, name):
			gone = append(gone, name)
		default:
			refused = append(refused, name)
		}
	}
	if len(refused) > 0 {
		slices.Sort(refused)
		return &RequiredError{refused}
	}
	slices.Sort(gone)
	for _, name := range gone {
		act := ledger.Act{Who: ack.Who, What: "acknowledged that a required route is removed, disabled or changed", Route: name}
		if err := c.chain.append(ctx, ledger.Record{Kind: ledger.KindAct, Epoch: c.epoch, Act: &act}); err != nil {
			return fmt.Errorf("record the acknowledgement: %w", err)
		}
		delete(c.required, name)
		c.rs.log.Warn("a required route is removed, disabled or changed", "route", name, "acknowledgedBy", ack.Who)
	}
	return nil
}

// keepsRequired says whether the routes hold a required route as it was recorded.
func (c *control) keepsRequired(ctx context.Context, name string, required *Decision, routes []Route) (bool, error) {
	i := slices.IndexFunc(routes, func(r Route) bool { return r.Name == name })
	if i < 0 || routes[i].Disabled {
		return false, nil
	}
	now, err := c.rs.router.opts.Decide(name, routes[i].Decision)
	if err != nil {
		return false, err
	}
	return required.sameEntries(&now), nil
}

// sameEntries says whether another decision is as required and is about the same entries. What lies below the parent may change.
func (d *Decision) sameEntries(o *Decision) bool {
	filter := func(d *Decision) string {
		if d.Rule.Include == nil {
			return ""
		}
		return d.Rule.Include.String()
	}
	where := func(d *Decision) string {
		if d.Where == nil {
			return ""
		}
		return d.Where.String()
	}
	parent := func(d *Decision) (string, bool) {
		if d.Scope == nil {
			return "", false
		}
		return d.Scope.Parent, len(d.Scope.Children) > 0
	}
	myParent, mine := parent(d)
	itsParent, its := parent(o)
	return o.Required && filter(d) == filter(o) && where(d) == where(o) && myParent == itsParent && (its || !mine)
}
