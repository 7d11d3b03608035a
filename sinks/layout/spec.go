package layout

import (
	"encoding/json"
	"errors"
	"fmt"

	"sluice/sinks/driver"
)

// Spec is a layout as the configuration writes it: `hourly`, `databricks`, or `{template: '…'}`. Decoding accepts any word;
// Problems judges it. It decodes from YAML and JSON and encodes to JSON.
type Spec struct {
	Name     string // hourly or databricks; empty when Template is set
	Template string
}

// templated is the long form of a Spec.
type templated struct {
	Template string `json:"template" yaml:"template"`
}

// Problems says what is wrong with a Spec, for a sink's Validate.
func (s Spec) Problems() []driver.Problem {
	if s.Template != "" {
		_, err := parseTemplate(s.Template)
		var bad *TemplateError
		if errors.As(err, &bad) {
			return []driver.Problem{{Path: "layout.template", Message: fmt.Sprintf("column %d: %s", bad.Column, bad.Message), Hint: bad.Hint}}
		}
		return nil
	}
	if s.Name != "hourly" && s.Name != "databricks" {
		return []driver.Problem{{
			Path:    "layout",
			Message: fmt.Sprintf("unknown layout %q", s.Name),
			Hint:    "one of hourly, databricks, {template: '…'}",
		}}
	}
	return nil
}

// Layout makes the layout of a Spec without Problems.
func (s Spec) Layout() *Layout {
	if l, err := Template(s.Template); s.Template != "" && err == nil {
		return l
	}
	if s.Name == "databricks" {
		return Databricks()
	}
	return Hourly()
}

// JSONSchema describes what UnmarshalYAML takes, in JSON Schema 2020-12.
func (Spec) JSONSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "enum": []any{"hourly", "databricks"}},
		map[string]any{
			"type": "object", "required": []any{"template"}, "additionalProperties": false,
			"properties": map[string]any{"template": map[string]any{"type": "string", "examples": []any{"team={labels.team}/{yyyy}/{MM}/{dd}/{HH}"}}},
		},
		map[string]any{"type": "null"},
	}}
}

// UnmarshalYAML takes the short or the long form.
func (s *Spec) UnmarshalYAML(decode func(any) error) error {
	var name string
	if decode(&name) == nil {
		*s = Spec{Name: name}
		return nil
	}
	var long templated
	if err := decode(&long); err != nil {
		return err
	}
	*s = Spec{Template: long.Template}
	return nil
}

// UnmarshalJSON takes the short or the long form.
func (s *Spec) UnmarshalJSON(b []byte) error {
	return s.UnmarshalYAML(func(v any) error { return json.Unmarshal(b, v) })
}

// MarshalJSON gives the form that was read.
func (s Spec) MarshalJSON() ([]byte, error) {
	if s.Template != "" {
		return json.Marshal(templated{s.Template})
	}
	return json.Marshal(s.Name)
}
