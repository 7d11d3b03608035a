package configs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

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
}

type decisionExclusion struct {
	Name     string `json:"name"`
	Filter   string `json:"filter"`
	Where    string `json:"where,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
}

type decisionLimits struct {
	Entry int `json:"entry"`
	Depth int `json:"depth"`
}

// Decision is the canonical JSON of all that decides which entries the route keeps under the given limits: filters and
// expressions as they are written, disabled exclusions included. Equal settings give equal bytes. ParseDecision is its inverse.
func (r *Route) Decision(limits logentry.Limits) []byte {
	limits = effective(limits)
	d := decision{V: 1, Filter: r.FilterText, Where: r.WhereText, Limits: decisionLimits(limits), Sample: sampleHash}
	for _, x := range r.Exclusions {
		d.Exclusions = append(d.Exclusions, decisionExclusion{x.Name, x.FilterText, x.WhereText, x.Disabled})
	}
	return canonical(d)
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
}

// Terms gives the route's decision settings, compiled. ParseDecision gives the same of what Decision wrote.
func (r *Route) Terms(limits logentry.Limits) Terms {
	t := Terms{Rule: filters.Rule{Include: r.Filter}, Where: r.Where, Limits: effective(limits)}
	for _, x := range r.Exclusions {
		if !x.Disabled {
			t.Rule.Exclude = append(t.Rule.Exclude, x.Filter)
			t.Exclusions = append(t.Exclusions, x.Name)
			t.ExclusionWheres = append(t.ExclusionWheres, x.Where)
		}
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
	var r Route
	var err error
	if r.Filter, r.Where, err = compileRecorded(d.Filter, d.Where); err != nil {
		return fail(err)
	}
	if d.Filter == "" {
		r.Filter = nil // every entry
	}
	for _, x := range d.Exclusions {
		f, w, err := compileRecorded(x.Filter, x.Where)
		if err != nil {
			return fail(fmt.Errorf("exclusion %s: %w", x.Name, err))
		}
		r.Exclusions = append(r.Exclusions, Exclusion{Name: x.Name, Filter: f, Where: w, Disabled: x.Disabled})
	}
	return r.Terms(logentry.Limits(d.Limits)), nil
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
