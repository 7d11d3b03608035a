package codec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/exprs"
	"sluice/sinks/driver"
)

// Columns are a table's columns as the configuration writes them. A list chooses them: `[timestamp, severity, {actor:
// protoPayload.authenticationInfo.principalEmail}]`, each a name of Builtin, an expression that is its own name, or a name with an
// expression; '*' stands for all default ones. A mapping adds to the default ones, in the order of the names: `{actor: …}`. None
// are the default ones. Columns decode from YAML and JSON and encode to JSON, as a list.
type Columns []ColumnSpec

// ColumnSpec is one column: a name alone is a built-in column, '*' or an expression.
type ColumnSpec struct{ Name, Expression string }

// defaults stands for the default columns.
const defaults = "*"

// UnmarshalYAML takes a list or a mapping.
func (c *Columns) UnmarshalYAML(decode func(any) error) error {
	var list []any
	if decode(&list) == nil {
		return c.fromList(list)
	}
	var added map[string]string
	if err := decode(&added); err != nil {
		return errors.New("want a list of columns, or a mapping from names to expressions")
	}
	*c = Columns{{Name: defaults}}
	for _, name := range slices.Sorted(maps.Keys(added)) {
		*c = append(*c, ColumnSpec{name, added[name]})
	}
	return nil
}

func (c *Columns) fromList(list []any) error {
	*c = Columns{}
	for i, item := range list {
		switch item := item.(type) {
		case string:
			*c = append(*c, ColumnSpec{Name: item})
			continue
		case map[string]any:
			for name, v := range item {
				if expression, ok := v.(string); ok && len(item) == 1 {
					*c = append(*c, ColumnSpec{name, expression})
				}
			}
		}
		if len(*c) != i+1 {
			return fmt.Errorf("column %d is neither a name nor {NAME: EXPRESSION}", i+1)
		}
	}
	return nil
}

// UnmarshalJSON takes a list or an object.
func (c *Columns) UnmarshalJSON(b []byte) error {
	return c.UnmarshalYAML(func(v any) error { return json.Unmarshal(b, v) })
}

// MarshalJSON gives the list.
func (c Columns) MarshalJSON() ([]byte, error) {
	list := make([]any, len(c))
	for i, column := range c {
		list[i] = column.Name
		if column.Expression != "" {
			list[i] = map[string]string{column.Name: column.Expression}
		}
	}
	return json.Marshal(list)
}

// JSONSchema describes what UnmarshalYAML takes, in JSON Schema 2020-12.
func (Columns) JSONSchema() map[string]any {
	named := map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}, "minProperties": 1, "maxProperties": 1}
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{map[string]any{"type": "string"}, named}}},
		map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
		map[string]any{"type": "null"},
	}}
}

// column is one of a table.
type column struct {
	name    string
	builtin *builtin // nil: expr
	expr    *exprs.Column
}

// kind is what the column's cells are where they are something: what has no type of its own is text.
func (c *column) kind() exprs.Type {
	k := exprs.Any
	if c.builtin != nil {
		k = c.builtin.kind
	} else {
		k = c.expr.Type()
	}
	if k == exprs.Any || k == exprs.Span {
		return exprs.Text
	}
	return k
}

const (
	maxColumns = 1000
	maxName    = 300 // bytes of a column's name
)

// parquetName is what every reader of Parquet takes for a column's name.
var parquetName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// compile makes the columns, and says what is wrong with those of which none can be made.
func (c Columns) compile(f Format) ([]column, []driver.Problem) {
	if len(c) == 0 {
		c = Columns{{Name: defaults}}
	}
	var columns []column
	var problems []driver.Problem
	seen := make(map[string]bool)
	add := func(i int, made column) {
		if message, hint := nameMistake(f, made.name); message != "" {
			problems = append(problems, driver.Problem{Path: fmt.Sprintf("columns[%d]", i), Message: message, Hint: hint})
		} else if seen[made.name] {
			problems = append(problems, driver.Problem{Path: fmt.Sprintf("columns[%d]", i), Message: fmt.Sprintf("a second column %q", made.name), Hint: "give it another name"})
		}
		seen[made.name] = true
		columns = append(columns, made)
	}
	for i, spec := range c {
		if spec.Name == defaults && spec.Expression == "" {
			for b := range builtins {
				if builtins[b].byDefault {
					add(i, column{name: builtins[b].name, builtin: &builtins[b]})
				}
			}
			continue
		}
		made, err := spec.compile()
		if err != nil {
			problems = append(problems, expressionProblem(fmt.Sprintf("columns[%d]", i), err))
			continue
		}
		add(i, made)
	}
	if len(columns) > maxColumns {
		problems = append(problems, driver.Problem{Path: "columns", Message: fmt.Sprintf("%d columns, at most %d", len(columns), maxColumns)})
	}
	return columns, problems
}

func (c Columns) problems(f Format) []driver.Problem {
	_, problems := c.compile(f)
	return problems
}

func (s ColumnSpec) compile() (column, error) {
	expression := s.Expression
	if expression == "" {
		if i := slices.IndexFunc(builtins, func(b builtin) bool { return b.name == s.Name }); i >= 0 {
			return column{name: s.Name, builtin: &builtins[i]}, nil
		}
		expression = s.Name
	}
	expr, err := exprs.CompileColumn(expression)
	return column{name: s.Name, expr: expr}, err
}

func expressionProblem(path string, err error) driver.Problem {
	var at *exprs.Error
	if !errors.As(err, &at) {
		return driver.Problem{Path: path, Message: err.Error()}
	}
	return driver.Problem{Path: path, Message: fmt.Sprintf("line %d, column %d: %s", at.Line, at.Column, at.Message), Hint: at.Hint}
}

func nameMistake(f Format, name string) (message, hint string) {
	switch {
	case name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Sprintf("%.40q is no column's name", name), "text of at most 300 bytes"
	case f == FormatParquet && !parquetName.MatchString(name):
		return fmt.Sprintf("%q is a name that not every reader of Parquet takes", name), "write {NAME: EXPRESSION}, the name of letters, digits and _"
	}
	return "", ""
}

// hashOf names a table's columns for driver.Unit.Columns: their names and what they are computed by, in order.
func hashOf(columns []column) string {
	h := sha256.New()
	for i := range columns {
		c := &columns[i]
		from := "builtin"
		if c.expr != nil {
			from = c.expr.String()
		}
		fmt.Fprintf(h, "%q %q\n", c.name, from)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
