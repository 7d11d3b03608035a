package bigquery

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sluice/exprs"
	"sluice/sinks/driver"
)

// Column is a column of the user's: `protoPayload.authenticationInfo.principalEmail`, or `{value: 'jsonPayload.n', type: INTEGER}`.
// It decodes from YAML and JSON and encodes to JSON.
type Column struct {
	Value string // an expression
	Type  string // of the column; empty: that of the expression, STRING where it has none
}

// typed is the long form of a Column.
type typed struct {
	Value string `json:"value" yaml:"value"`
	Type  string `json:"type" yaml:"type"`
}

// userTypes are the types that a user may ask for, in both spellings of BigQuery.
var userTypes = map[string]kind{
	"STRING": text, "INTEGER": integer, "INT64": integer, "FLOAT": double, "FLOAT64": double, "BOOLEAN": truth, "BOOL": truth,
	"TIMESTAMP": instant, "JSON": document,
}

// kinds are the columns of expressions whose type is known.
var kinds = [...]kind{exprs.Any: text, exprs.Text: text, exprs.Integer: integer, exprs.Double: double, exprs.Truth: truth, exprs.Time: instant, exprs.Span: seconds}

// compile reads the expression and decides on the column's type.
func (c Column) compile() (*exprs.Column, kind, error) {
	value, err := exprs.CompileColumn(c.Value)
	if err != nil {
		return nil, 0, err
	}
	natural := kinds[value.Type()]
	if c.Type == "" {
		return value, natural, nil
	}
	k, ok := userTypes[strings.ToUpper(c.Type)]
	switch {
	case !ok:
		return nil, 0, &typeError{fmt.Sprintf("unknown type %q", c.Type), "one of " + strings.Join(slices.Sorted(maps.Keys(userTypes)), ", ")}
	case value.Type() == exprs.Any, k == document, k == natural, k == double && natural == integer:
		return value, k, nil
	}
	return nil, 0, &typeError{fmt.Sprintf("the expression gives a %v, which does not fit a column of type %s", value.Type(), tableTypes[k]),
		"leave type out, or convert with string(…), int(…) or float(…)"}
}

// typeError is about the type of a column.
type typeError struct{ message, hint string }

// Error gives the message.
func (e *typeError) Error() string { return e.message }

var (
	columnName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,299}$`)
	// reserved are prefixes of BigQuery's own: https://cloud.google.com/bigquery/docs/schemas#column_names
	reserved = []string{"_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier", "_change_", "_sluice_", "jsonpayload_", "protopayload_"}
)

// maxUserColumns bounds them: a table has at most 10,000 columns in all.
const maxUserColumns = 1000

// problems says what is wrong with the user's columns.
func columnProblems(columns map[string]Column, taken []column) (problems []driver.Problem) {
	names := make(map[string]string)
	for _, c := range taken {
		names[strings.ToLower(c.name)] = "is a column that the table has anyway"
	}
	if len(columns) > maxUserColumns {
		problems = append(problems, driver.Problem{Path: "columns", Message: fmt.Sprintf("%d columns, at most %d", len(columns), maxUserColumns)})
	}
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		at, lower := "columns."+name, strings.ToLower(name)
		switch {
		case !columnName.MatchString(name):
			problems = append(problems, driver.Problem{Path: at, Message: fmt.Sprintf("%q is no column's name", name), Hint: "letters, digits and _"})
		case slices.ContainsFunc(reserved, func(p string) bool { return strings.HasPrefix(lower, p) }):
			problems = append(problems, driver.Problem{Path: at, Message: "the name begins as those of BigQuery or Sluice do"})
		case names[lower] != "":
			problems = append(problems, driver.Problem{Path: at, Message: names[lower], Hint: "choose another name"})
		}
		names[lower] = "is there already in another case"
		if _, _, err := columns[name].compile(); err != nil {
			problems = append(problems, expressionProblem(at, err))
		}
	}
	return problems
}

func expressionProblem(at string, err error) driver.Problem {
	var mistake *exprs.Error
	var wrong *typeError
	switch {
	case errors.As(err, &mistake):
		return driver.Problem{Path: at, Message: fmt.Sprintf("line %d, column %d: %s", mistake.Line, mistake.Column, mistake.Message), Hint: mistake.Hint}
	case errors.As(err, &wrong):
		return driver.Problem{Path: at, Message: wrong.message, Hint: wrong.hint}
	}
	return driver.Problem{Path: at, Message: err.Error()}
}

// JSONSchema describes what UnmarshalYAML takes, in JSON Schema 2020-12.
func (Column) JSONSchema() map[string]any {
	var names []any
	for _, name := range slices.Sorted(maps.Keys(userTypes)) {
		names = append(names, name)
	}
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "examples": []any{"protoPayload.authenticationInfo.principalEmail"}},
		map[string]any{
			"type": "object", "required": []any{"value"}, "additionalProperties": false,
			"properties": map[string]any{"value": map[string]any{"type": "string"}, "type": map[string]any{"type": "string", "enum": names}},
		},
	}}
}

// UnmarshalYAML takes the short or the long form.
func (c *Column) UnmarshalYAML(decode func(any) error) error {
	var value string
	if decode(&value) == nil {
		*c = Column{Value: value}
		return nil
	}
	var long typed
	if err := decode(&long); err != nil {
		return err
	}
	*c = Column(long)
	return nil
}

// UnmarshalJSON takes the short or the long form.
func (c *Column) UnmarshalJSON(b []byte) error {
	return c.UnmarshalYAML(func(v any) error { return json.Unmarshal(b, v) })
}

// MarshalJSON gives the form that was read.
func (c Column) MarshalJSON() ([]byte, error) {
	if c.Type != "" {
		return json.Marshal(typed(c))
	}
	return json.Marshal(c.Value)
}
