package configs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sluice/filters"
	"sluice/logentry"
)

// sampleHash names the hash behind sample(): a decision says by which it was made.
const sampleHash = "xxhash64"

// decision is the stored form of a route's decision settings.
type decision struct {
	V          int                 `json:"v"`
	Filter     string              `json:"filter"`
	Exclusions []decisionExclusion `json:"exclusions,omitempty"`
	Limits     decisionLimits      `json:"limits"`
	Sample     string              `json:"sample"`
}

type decisionExclusion struct {
	Name     string `json:"name"`
	Filter   string `json:"filter"`
	Disabled bool   `json:"disabled,omitempty"`
}

type decisionLimits struct {
	Entry int `json:"entry"`
	Depth int `json:"depth"`
}

// Decision is the canonical JSON of all that decides which entries the route keeps under the given limits: the filters as they
// are written, disabled exclusions included. Equal settings give equal bytes. ParseDecision is its inverse.
func (r *Route) Decision(limits logentry.Limits) []byte {
	limits = effective(limits)
	d := decision{V: 1, Filter: r.FilterText, Limits: decisionLimits(limits), Sample: sampleHash}
	for _, x := range r.Exclusions {
		d.Exclusions = append(d.Exclusions, decisionExclusion{x.Name, x.FilterText, x.Disabled})
	}
	return canonical(d)
}

// DecisionHash is the hex sha256 of Decision.
func (r *Route) DecisionHash(limits logentry.Limits) string { return hash(r.Decision(limits)) }

// Rule gives the route's question to an entry and the names of its exclusions, in the order of Rule.Exclude; disabled ones are
// in neither. ParseDecision gives the same of what Decision wrote.
func (r *Route) Rule() (filters.Rule, []string) {
	rule := filters.Rule{Include: r.Filter}
	var names []string
	for _, x := range r.Exclusions {
		if !x.Disabled {
			rule.Exclude = append(rule.Exclude, x.Filter)
			names = append(names, x.Name)
		}
	}
	return rule, names
}

// ParseDecision makes decision settings of what Decision wrote, perhaps in an earlier version of the program: the rule, the names
// of its exclusions and the limits. It fails when this version cannot decide as that one did.
func ParseDecision(b []byte) (filters.Rule, []string, logentry.Limits, error) {
	fail := func(err error) (filters.Rule, []string, logentry.Limits, error) {
		return filters.Rule{}, nil, logentry.Limits{}, fmt.Errorf("recorded decision settings: %w", err)
	}
	var d decision
	if err := strict(b, &d); err != nil {
		return fail(err)
	}
	if d.V != 1 || d.Sample != sampleHash {
		return fail(fmt.Errorf("version %d with sample hash %q, this program knows version 1 with %q", d.V, d.Sample, sampleHash))
	}
	r := Route{FilterText: d.Filter}
	if d.Filter != "" {
		f, err := filters.Compile(d.Filter)
		if err != nil {
			return fail(fmt.Errorf("filter: %w", err))
		}
		r.Filter = f
	}
	for _, x := range d.Exclusions {
		f, err := filters.Compile(x.Filter)
		if err != nil {
			return fail(fmt.Errorf("exclusion %s: %w", x.Name, err))
		}
		r.Exclusions = append(r.Exclusions, Exclusion{Name: x.Name, Filter: f, FilterText: x.Filter, Disabled: x.Disabled})
	}
	rule, names := r.Rule()
	return rule, names, logentry.Limits(d.Limits), nil
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
