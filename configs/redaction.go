package configs

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"sluice/redact"
	"sluice/sinks/driver"
)

// Redact is a rule of what a route's destination must not see.
type Redact struct {
	Preset string      `yaml:"preset" enum:"pii" doc:"A set of fields by name; pii: what identifies persons, and every e-mail and IP address in any text."`
	Fields []string    `yaml:"fields" doc:"Paths: keys joined by dots, others in quotes; * is any key, ** any number of keys: protoPayload.request.**.password."`
	With   redact.With `yaml:"with" default:"drop" enum:"drop|hash" doc:"What takes their place: nothing, or a hash under redaction.key."`
}

// RedactionKeys are the secrets behind hashes. An open plan is finished under the key it was begun with.
type RedactionKeys struct {
	Key          driver.Secret   `yaml:"key" doc:"The secret to hash with, at least 16 bytes. Another one is another revision of the routes that hash."`
	PreviousKeys []driver.Secret `yaml:"previousKeys" doc:"Secrets that key was before, for entries that were not delivered yet when it changed."`
}

// Redaction is a route's redaction as its decision settings pin it.
type Redaction struct {
	Rules []redact.Rule
	Key   string // the key's fingerprint; empty: nothing is hashed
}

// decode reads a rule, whose short form is the name of a preset.
func (r *Redact) decode(d *decoder, n ast.Node, path string) {
	if _, short := n.(*ast.StringNode); short {
		r.Preset, _ = d.text(n, path)
		r.With = redact.Drop
		d.oneOf(n, path, r.Preset, []string{redact.PII})
		return
	}
	d.structure(n, path, reflect.ValueOf(r).Elem())
	if r.Preset == "" && len(r.Fields) == 0 {
		d.problem(path, "what is to be redacted?", "write pii, or {fields: [jsonPayload.user.email], with: hash}")
	}
}

// checkRedaction settles a route's redaction under the keys of the main file.
func (d *decoder) checkRedaction(path string, r *Route, keys RedactionKeys) {
	if len(r.Redact) == 0 {
		return
	}
	r.Redaction = &Redaction{}
	for i, rule := range r.Redact {
		at, compiled := fmt.Sprintf("%s.redact[%d]", path, i), redact.Rule(rule)
		var field *redact.FieldError
		if _, err := redact.New([]redact.Rule{compiled}, nil); errors.As(err, &field) {
			d.problem(fmt.Sprintf("%s.fields[%d]", at, slices.Index(rule.Fields, field.Field)), err.Error(), "")
		}
		if rule.With == redact.Hash && keys.Key == "" {
			d.problem(at, "hash needs a key", "write redaction: {key: file:/etc/sluice/redaction.key} into the main file")
		}
		r.Redaction.Rules = append(r.Redaction.Rules, compiled)
		if rule.With == redact.Hash {
			if key, err := redact.NewKey(keys.Key.Reveal()); err == nil {
				r.Redaction.Key = key.Fingerprint()
			}
		}
	}
}

// checkKeys refuses secrets that are too short.
func (d *decoder) checkKeys(keys RedactionKeys) {
	for i, secret := range append([]driver.Secret{keys.Key}, keys.PreviousKeys...) {
		path := "redaction.key"
		if i > 0 {
			path = fmt.Sprintf("redaction.previousKeys[%d]", i-1)
		}
		if _, err := redact.NewKey(secret.Reveal()); err != nil && (i > 0 || secret != "") {
			d.problem(path, err.Error(), "openssl rand -hex 32 makes one")
		}
	}
}

// RedactionKey gives the configured key with a fingerprint. The error tells of one that is not configured.
func (c *Config) RedactionKey(fingerprint string) (redact.Key, error) {
	for _, secret := range append([]driver.Secret{c.Redaction.Key}, c.Redaction.PreviousKeys...) {
		if key, err := redact.NewKey(secret.Reveal()); err == nil && key.Fingerprint() == fingerprint {
			return key, nil
		}
	}
	return redact.Key{}, fmt.Errorf("no key with the fingerprint %s is configured: add the one that redaction.key was before to redaction.previousKeys, then resume the route", fingerprint)
}

// Redactor compiles the redaction. key gives the key with a fingerprint, now or later.
func (r *Redaction) Redactor(key func(fingerprint string) (redact.Key, error)) (*redact.Redactor, error) {
	return redact.New(r.Rules, func() (redact.Key, error) { return key(r.Key) })
}

// decisionRedaction is the stored form of a redaction.
type decisionRedaction struct {
	V     int            `json:"v"` // what rules and presets mean
	Rules []decisionRule `json:"rules"`
	Key   string         `json:"key,omitempty"` // the fingerprint
}

type decisionRule struct {
	Preset string   `json:"preset,omitempty"`
	Fields []string `json:"fields,omitempty"`
	With   string   `json:"with"`
}

func (r *Redaction) stored() *decisionRedaction {
	if r == nil {
		return nil
	}
	s := &decisionRedaction{V: redact.Version, Key: r.Key}
	for _, rule := range r.Rules {
		s.Rules = append(s.Rules, decisionRule{rule.Preset, rule.Fields, string(rule.With)})
	}
	return s
}

func recordedRedaction(s *decisionRedaction) (*Redaction, error) {
	if s == nil {
		return nil, nil
	}
	if s.V != redact.Version {
		return nil, fmt.Errorf("redaction of version %d, this program knows version %d", s.V, redact.Version)
	}
	r := &Redaction{Key: s.Key}
	for _, rule := range s.Rules {
		r.Rules = append(r.Rules, redact.Rule{Preset: rule.Preset, Fields: rule.Fields, With: redact.With(rule.With)})
	}
	_, err := redact.New(r.Rules, nil)
	return r, err
}
