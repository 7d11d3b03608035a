package configs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
)

// sampleHash names the hash behind sample(): a decision says by which it was made.
const sampleHash = "xxhash64"

// decision is the stored form of a route's decision settings.
type decision struct {
	V          int                 `json:"v"`
	Filter     string              `json:"filter"`
	Where      string              `json:"where,omitempty"` // a program that knows no where refuses it
	Exclusions []decisionExclusion `json:"exclusions,omitempty"`
	Limits     decisionLimits      `json:"limits"`
	Sample     string              `json:"sample"`

	Scope        *decisionScope        `json:"scope,omitempty"`
	Interceptors []decisionInterceptor `json:"interceptors,omitempty"`
	Required     bool                  `json:"required,omitempty"`
	Redact       *decisionRedaction    `json:"redact,omitempty"`
	Window       uint64                `json:"window,omitempty"` // of duplicates
	Quotas       []decisionQuota       `json:"quotas,omitempty"`
	Diverted     []decisionSource      `json:"diverted,omitempty"`
}

// decisionSource is a route that diverts, whole: who gets what it diverts must decide as it does.
type decisionSource struct {
	Route    string   `json:"route"`
	Decision decision `json:"decision"`
}

// decisionScope is the route's slice of the hierarchy.
type decisionScope struct {
	Parent   string   `json:"parent"`
	Children []string `json:"children,omitempty"`
}

// decisionInterceptor is what a route above takes, of its settings what decides that.
type decisionInterceptor struct {
	Route      string              `json:"route"`
	Filter     string              `json:"filter"`
	Where      string              `json:"where,omitempty"`
	Exclusions []decisionExclusion `json:"exclusions,omitempty"`
}

type decisionExclusion struct {
	Name     string `json:"name"`
	Filter   string `json:"filter"`
	Where    string `json:"where,omitempty"`
	When     string `json:"when,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
}

type decisionLimits struct {
	Entry int `json:"entry"`
	Depth int `json:"depth"`
}

// Decision is the canonical JSON of all that decides which entries the route keeps under the given limits: filters and
// expressions as they are written, disabled exclusions included, its slice of the hierarchy, what the routes above it
// intercept, and what is redacted. Equal settings give equal bytes. ParseDecision is its inverse.
func (r *Route) Decision(limits logentry.Limits) []byte {
	d := r.decision(effective(limits))
	for _, from := range r.Diverted {
		d.Diverted = append(d.Diverted, decisionSource{from.Name, from.decision(effective(limits))})
	}
	return canonical(d)
}

// decision is Decision without what is diverted to the route.
func (r *Route) decision(limits logentry.Limits) decision {
	d := decision{
		V: 1, Filter: r.FilterText, Where: r.WhereText, Limits: decisionLimits(limits), Sample: sampleHash,
		Scope: (*decisionScope)(r.Scope), Required: r.Required, Redact: r.Redaction.stored(), Window: r.Duplicates.Window,
	}
	for _, x := range r.Exclusions {
		d.Exclusions = append(d.Exclusions, decisionExclusion{x.Name, x.FilterText, x.WhereText, x.WhenText, x.Disabled})
	}
	for _, above := range r.Interceptors {
		d.Interceptors = append(d.Interceptors, above.intercepts())
	}
	for i := range r.Quotas {
		d.Quotas = append(d.Quotas, r.Quotas[i].perLane(r.Streams))
	}
	return d
}

// intercepts is what the route takes from the routes below it: what its filter matches and its exclusions do not.
func (r *Route) intercepts() decisionInterceptor {
	i := decisionInterceptor{Route: r.Name, Filter: r.FilterText, Where: r.WhereText}
	for _, x := range r.Exclusions {
		if !x.Disabled && x.WhenText == "" {
			i.Exclusions = append(i.Exclusions, decisionExclusion{Name: x.Name, Filter: x.FilterText, Where: x.WhereText})
		}
	}
	return i
}

// DecisionHash is the hex sha256 of Decision.
func (r *Route) DecisionHash(limits logentry.Limits) string { return hash(r.Decision(limits)) }

// Terms are decision settings, compiled.
type Terms struct {
	Rule            filters.Rule   // without disabled exclusions
	Exclusions      []string       // names, in the order of Rule.Exclude
	Where           *exprs.Where   // of the route; nil: none
	ExclusionWheres []*exprs.Where // in the order of Rule.Exclude; nil: none
	Limits          logentry.Limits
	Scope           *Scope        // nil: every entry
	Interceptors    []Interceptor // from the root down
	Required        bool
	Redaction       *Redaction    // nil: nothing is redacted
	Whens           []*exprs.When // in the order of Exclusions; nil: always
	Quotas          []QuotaTerms
	Diverted        []Interceptor // routes that divert here; if any, nothing else is seen
	Window          uint64        // of duplicates; 0: none
}

// Interceptor is what a route above takes before a route sees it, compiled.
type Interceptor struct {
	Route string
	Text  string // the same for interceptors that take the same
	Terms Terms
}

// Terms gives the route's decision settings, compiled. ParseDecision gives the same of what Decision wrote.
func (r *Route) Terms(limits logentry.Limits) Terms {
	t := Terms{Rule: filters.Rule{Include: r.Filter}, Where: r.Where, Limits: effective(limits), Scope: r.Scope, Required: r.Required, Redaction: r.Redaction, Window: r.Duplicates.Window}
	for _, x := range r.Exclusions {
		if !x.Disabled {
			t.Rule.Exclude = append(t.Rule.Exclude, x.Filter)
			t.Exclusions = append(t.Exclusions, x.Name)
			t.ExclusionWheres = append(t.ExclusionWheres, x.Where)
			t.Whens = append(t.Whens, x.When)
		}
	}
	for i := range r.Quotas {
		q := &r.Quotas[i]
		s := q.perLane(r.Streams)
		terms := QuotaTerms{q.id(), q.Bytes > 0, uint64(s.Limit), q.Per, q.By, q.Over, q.Sample, q.Divert, -1}
		if q.Spare != nil {
			terms.Spare = len(t.Rule.Exclude)
			t.Rule.Exclude = append(t.Rule.Exclude, q.Spare)
		}
		t.Quotas = append(t.Quotas, terms)
	}
	for _, from := range r.Diverted {
		source := *from
		source.Diverted = nil
		t.Diverted = append(t.Diverted, Interceptor{from.Name, string(canonical(from.decision(effective(limits)))), source.Terms(limits)})
	}
	for _, above := range r.Interceptors {
		takes := *above
		takes.Scope, takes.Interceptors, takes.Required, takes.Quotas, takes.Diverted, takes.Redaction = nil, nil, false, nil, nil, nil
		takes.Exclusions = slices.DeleteFunc(slices.Clone(takes.Exclusions), func(x Exclusion) bool { return x.WhenText != "" })
		takes.Duplicates = Duplicates{}
		t.Interceptors = append(t.Interceptors, Interceptor{above.Name, string(canonical(above.intercepts())), takes.Terms(limits)})
	}
	return t
}

// ParseDecision makes decision settings of what Decision wrote, perhaps in an earlier version of the program. It fails when this
// version cannot decide as that one did.
func ParseDecision(b []byte) (Terms, error) {
	fail := func(err error) (Terms, error) { return Terms{}, fmt.Errorf("recorded decision settings: %w", err) }
	var d decision
	if err := strict(b, &d); err != nil {
		return fail(err)
	}
	if d.V != 1 || d.Sample != sampleHash {
		return fail(fmt.Errorf("version %d with sample hash %q, this program knows version 1 with %q", d.V, d.Sample, sampleHash))
	}
	r, err := d.route()
	if err != nil {
		return fail(err)
	}
	return r.Terms(logentry.Limits(d.Limits)), nil
}

// route makes a route of all that the settings say.
func (d *decision) route() (*Route, error) {
	r, err := recordedRoute(d.Filter, d.Where, d.Exclusions)
	if err != nil {
		return nil, err
	}
	r.Scope, r.Required = (*Scope)(d.Scope), d.Required
	r.Duplicates.Window = d.Window
	if r.Redaction, err = recordedRedaction(d.Redact); err != nil {
		return nil, err
	}
	for _, i := range d.Interceptors {
		above, err := recordedRoute(i.Filter, i.Where, i.Exclusions)
		if err != nil {
			return nil, fmt.Errorf("interceptor %s: %w", i.Route, err)
		}
		above.Name = i.Route
		r.Interceptors = append(r.Interceptors, above)
	}
	for _, s := range d.Quotas {
		q, err := recordedQuota(s)
		if err != nil {
			return nil, err
		}
		r.Quotas = append(r.Quotas, q)
	}
	for i := range d.Diverted {
		from, err := d.Diverted[i].Decision.route()
		if err != nil {
			return nil, fmt.Errorf("diverted from %s: %w", d.Diverted[i].Route, err)
		}
		from.Name = d.Diverted[i].Route
		r.Diverted = append(r.Diverted, from)
	}
	return r, nil
}

// recordedRoute makes a route of the part of its settings that decides.
func recordedRoute(filter, where string, exclusions []decisionExclusion) (*Route, error) {
	r := &Route{FilterText: filter, WhereText: where}
	var err error
	if r.Filter, r.Where, err = compileRecorded(filter, where); err != nil {
		return nil, err
	}
	if filter == "" {
		r.Filter = nil // every entry
	}
	for _, x := range exclusions {
		f, w, err := compileRecorded(x.Filter, x.Where)
		if err != nil {
			return nil, fmt.Errorf("exclusion %s: %w", x.Name, err)
		}
		var when *exprs.When
		if x.When != "" {
			if when, err = exprs.CompileWhen(x.When); err != nil {
				return nil, fmt.Errorf("exclusion %s: when: %w", x.Name, err)
			}
		}
		r.Exclusions = append(r.Exclusions, Exclusion{
			Name: x.Name, Filter: f, FilterText: x.Filter, Where: w, WhereText: x.Where, When: when, WhenText: x.When, Disabled: x.Disabled,
		})
	}
	return r, nil
}

// compileRecorded compiles a filter and a where, which is nil when it is empty.
func compileRecorded(filter, where string) (f *filters.Filter, w *exprs.Where, err error) {
	if f, err = filters.Compile(filter); err != nil {
		return nil, nil, fmt.Errorf("filter: %w", err)
	}
	if where != "" {
		if w, err = exprs.CompileWhere(where); err != nil {
			return nil, nil, fmt.Errorf("where: %w", err)
		}
	}
	return f, w, nil
}

// effective puts the defaults in the place of zeros.
func effective(limits logentry.Limits) logentry.Limits {
	if limits.Entry == 0 {
		limits.Entry = 1 << 20
	}
	if limits.Depth == 0 {
		limits.Depth = 100
	}
	return limits
}

// canonical gives v's JSON on one line, with < and & as they are. Maps are sorted, structs have a fixed order.
func canonical(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("settings of type %T have no JSON: %v", v, err)) // a mistake of a sink's options type
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// strict decodes JSON in which every key is known, and nothing follows.
func strict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if dec.More() {
		return fmt.Errorf("something after the value")
	}
	return nil
}
