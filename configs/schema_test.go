package configs

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"sluice/sinks"
)

// schemaComplaint says what the schema has against a configuration, "" when nothing. It reads YAML by the library's own decoder, not by
// ours.
func schemaComplaint(t *testing.T, text []byte, reg sinks.Registry) string {
	t.Helper()
	var schema, value any
	if err := json.Unmarshal(Schema(reg), &schema); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &value); err != nil {
		return "not YAML"
	}
	b, err := json.Marshal(value)
	if err != nil {
		return "not JSON"
	}
	if err := json.Unmarshal(b, &value); err != nil {
		t.Fatal(err)
	}
	c := schemaCheck{root: schema.(map[string]any)}
	return c.complain(c.root, value, "")
}

// schemaCheck is as much of JSON Schema 2020-12 as Schema uses; a keyword that it does not know fails the test.
type schemaCheck struct {
	root map[string]any
}

// said are the keywords that only describe.
var said = []string{"$schema", "$defs", "title", "description", "default", "examples"}

func (c schemaCheck) complain(schema map[string]any, value any, path string) string {
	for keyword, want := range schema {
		if slices.Contains(said, keyword) {
			continue
		}
		if complaint := c.keyword(schema, keyword, want, value, path); complaint != "" {
			return complaint
		}
	}
	return ""
}

func (c schemaCheck) keyword(schema map[string]any, keyword string, want, value any, path string) string {
	bad := fmt.Sprintf("%s: %v is against %s %v", path, value, keyword, want)
	ok := true
	text, isText := value.(string)
	number, isNumber := value.(float64)
	items, isList := value.([]any)
	fields, isObject := value.(map[string]any)
	switch keyword {
	case "$ref":
		name := strings.TrimPrefix(want.(string), "#/$defs/")
		return c.complain(c.root["$defs"].(map[string]any)[name].(map[string]any), value, path)
	case "type":
		types, several := want.([]any)
		if !several {
			types = []any{want}
		}
		ok = slices.ContainsFunc(types, func(t any) bool { return hasType(value, t.(string)) })
	case "enum":
		ok = slices.ContainsFunc(want.([]any), func(w any) bool { return reflect.DeepEqual(w, value) })
	case "pattern":
		ok = !isText || regexp.MustCompile(want.(string)).MatchString(text)
	case "minimum":
		ok = !isNumber || number >= want.(float64)
	case "maximum":
		ok = !isNumber || number <= want.(float64)
	case "minItems":
		ok = !isList || float64(len(items)) >= want.(float64)
	case "maxItems":
		ok = !isList || float64(len(items)) <= want.(float64)
	case "required":
		for _, key := range want.([]any) {
			if _, there := fields[key.(string)]; isObject && !there {
				return path + ": no " + key.(string)
			}
		}
	case "anyOf":
		ok = slices.ContainsFunc(want.([]any), func(w any) bool { return c.complain(w.(map[string]any), value, path) == "" })
	case "oneOf":
		fits := 0
		for _, w := range want.([]any) {
			if c.complain(w.(map[string]any), value, path) == "" {
				fits++
			}
		}
		ok = fits == 1
	case "items":
		for i, item := range items {
			if complaint := c.complain(want.(map[string]any), item, fmt.Sprintf("%s[%d]", path, i)); complaint != "" {
				return complaint
			}
		}
	case "properties":
		for key, field := range fields {
			if s, known := want.(map[string]any)[key]; known {
				if complaint := c.complain(s.(map[string]any), field, join(path, key)); complaint != "" {
					return complaint
				}
			}
		}
	case "additionalProperties":
		for key, field := range fields {
			properties, _ := schema["properties"].(map[string]any)
			if _, known := properties[key]; known {
				continue
			}
			if s, open := want.(map[string]any); !open {
				return path + ": unknown " + key
			} else if complaint := c.complain(s, field, join(path, key)); complaint != "" {
				return complaint
			}
		}
	case "propertyNames":
		for key := range fields {
			if complaint := c.complain(want.(map[string]any), key, join(path, key)); complaint != "" {
				return complaint
			}
		}
	default:
		return "keyword " + keyword + " is not known to this test"
	}
	if !ok {
		return bad
	}
	return ""
}

func hasType(value any, name string) bool {
	switch v := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}

// TestSchemaKnowsEveryKey ties the schema to the types: each key of a struct has an entry with a sentence for people.
func TestSchemaKnowsEveryKey(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Description string
		}
	}
	if err := json.Unmarshal(Schema(nil), &schema); err != nil {
		t.Fatal(err)
	}
	for _, f := range fieldsOf(reflect.TypeFor[Config]()) {
		if schema.Properties[f.key].Description == "" {
			t.Errorf("no description of %s", f.key)
		}
	}
	if len(schema.Properties) != len(fieldsOf(reflect.TypeFor[Config]())) {
		t.Errorf("other keys than the type's: %v", schema.Properties)
	}
}
