package configs

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"sluice/redact"
	"sluice/sinks"
)

// object is a JSON object; encoding/json writes its keys sorted, so that the schema is one text.
type object = map[string]any

// Described is a part of a sink's options that reads its YAML itself and so must say what it accepts.
type Described interface {
	// JSONSchema gives the schema of the value in JSON Schema 2020-12.
	JSONSchema() map[string]any
}

// Schema gives the JSON Schema (2020-12) of the configuration with the sinks of reg, indented, ending in a line feed. Editors use
// it; what it refuses, Load refuses too, and more.
func Schema(reg sinks.Registry) []byte {
	g := schemaMaker{reg: reg}
	root := g.structure(reflect.TypeFor[Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Sluice configuration"
	root["anyOf"] = []any{object{"required": []any{"routes"}}, object{"required": []any{"include"}}}
	root["$defs"] = object{
		"sink": g.sink(),
		"resources": object{
			"type": []any{"object", "null"}, "additionalProperties": object{"$ref": "#/$defs/resources"},
			"propertyNames": object{"pattern": resourcePattern.String()},
		},
		"size":     object{"type": []any{"integer", "string"}, "minimum": 0, "pattern": `^([0-9]+ *([kKMGTP]?B|[KMGTP]iB)?|.*\$\{.*)$`, "examples": []any{"192MiB", "50GiB"}},
		"duration": object{"type": "string", "pattern": `^(([0-9]{1,5}d)?([0-9.]+(ns|us|µs|ms|s|m|h))*|.*\$\{.*)$`, "examples": []any{"60s", "12h", "7d"}},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		panic("schema has no JSON: " + err.Error()) // a mistake of this program
	}
	return b.Bytes()
}

// schemaMaker describes the types that decoder decodes, by the same tags.
type schemaMaker struct {
	reg sinks.Registry
}

func (g schemaMaker) structure(t reflect.Type) object {
	properties := object{}
	var required []any
	for _, f := range fieldsOf(t) {
		p := g.value(t.Field(f.index).Type, f.tag)
		if doc := f.tag.Get("doc"); doc != "" {
			p["description"] = doc
		}
		if text, ok := f.tag.Lookup("default"); ok {
			p["default"] = plain(text)
		}
		if f.tag.Get("required") != "" {
			required = append(required, f.key)
		} else {
			p = orNull(p)
		}
		properties[f.key] = p
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		o["required"] = required
	}
	return o
}

func (g schemaMaker) value(t reflect.Type, tag reflect.StructTag) object {
	switch t {
	case reflect.TypeFor[Sink]():
		return object{"$ref": "#/$defs/sink"}
	case reflect.TypeFor[Start]():
		return object{"type": []any{"string", "integer"}, "minimum": 1, "examples": []any{"earliest", "latest", "2026-01-31T00:00:00Z"}}
	case reflect.TypeFor[Stream]():
		return object{"anyOf": []any{object{"type": "string"}, g.structure(t)}}
	case reflect.TypeFor[Quotas]():
		one := g.structure(reflect.TypeFor[Quota]())
		return object{"anyOf": []any{one, object{"type": "array", "items": one, "maxItems": maxQuotas}, object{"type": "null"}}}
	case reflect.TypeFor[Resources]():
		return object{"$ref": "#/$defs/resources"}
	case reflect.TypeFor[Redact]():
		return object{"anyOf": []any{object{"enum": []any{redact.PII}}, g.structure(t)}}
	case durationType:
		return object{"$ref": "#/$defs/duration"}
	case reflect.TypeFor[Servers]():
		return object{"type": []any{"string", "array"}, "items": object{"type": "string"}}
	case secretType, reflect.TypeFor[Credential]():
		return object{"type": "string", "description": "${NAME} or file:PATH"}
	}
	switch v := reflect.New(t).Interface().(type) {
	case Described:
		return maps.Clone(v.JSONSchema())
	case yaml.InterfaceUnmarshaler, yaml.BytesUnmarshaler, yaml.NodeUnmarshaler:
		return object{} // it accepts what it accepts
	case encoding.TextUnmarshaler:
		return object{"type": "string"}
	}
	return g.plainKind(t, tag)
}

func (g schemaMaker) plainKind(t reflect.Type, tag reflect.StructTag) object {
	switch t.Kind() {
	case reflect.Pointer:
		return g.value(t.Elem(), tag)
	case reflect.Struct:
		return g.structure(t)
	case reflect.Slice:
		items := object{"type": "array", "items": g.value(t.Elem(), "")}
		if t == reflect.TypeFor[[]Exclusion]() {
			items["maxItems"] = maxExclusions
		}
		return items
	case reflect.Map:
		return object{"type": "object", "additionalProperties": g.value(t.Elem(), "")}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		o := object{"type": "string"}
		if words := tag.Get("enum"); words != "" {
			var enum []any
			for word := range strings.SplitSeq(words, "|") {
				enum = append(enum, word)
			}
			o["enum"] = enum
		}
		return o
	}
	return g.count(t, tag)
}

// count describes whole numbers and sizes.
func (g schemaMaker) count(t reflect.Type, tag reflect.StructTag) object {
	if tag.Get("size") != "" {
		return object{"$ref": "#/$defs/size"}
	}
	o := object{"type": "integer"}
	for tagName, keyword := range map[string]string{"min": "minimum", "max": "maximum"} {
		if text, ok := tag.Lookup(tagName); ok {
			limit, err := ParseSize(text)
			if err != nil {
				panic(fmt.Sprintf("tag %s of %s: %v", tagName, t, err)) // a mistake of this program
			}
			o[keyword] = limit
		}
	}
	return o
}

// sink describes the choice between the kinds of sinks.
func (g schemaMaker) sink() object {
	properties := g.structure(reflect.TypeFor[Calls]())["properties"].(object)
	var one []any
	for _, kind := range slices.Sorted(maps.Keys(g.reg)) {
		build := g.reg[kind]
		one = append(one, object{"required": []any{kind}})
		options := reflect.ValueOf(build()).Elem()
		schema := g.structure(options.Type())
		for _, f := range fieldsOf(options.Type()) {
			if v := options.Field(f.index); !v.IsZero() {
				schema["properties"].(object)[f.key].(object)["default"] = v.Interface()
			}
		}
		properties[kind] = orNull(schema)
	}
	return object{
		"type": "object", "properties": properties, "additionalProperties": false, "oneOf": one,
		"description": "One kind of destination with its own options, and how it is called.",
	}
}

// orNull lets an optional key stand without a value, which means its default.
func orNull(o object) object {
	switch t := o["type"].(type) {
	case string:
		if o["enum"] != nil {
			o["enum"] = append(slices.Clone(o["enum"].([]any)), nil)
		}
		o["type"] = []any{t, "null"}
	case []any:
		o["type"] = append(slices.Clone(t), "null")
	}
	if ref, ok := o["$ref"]; ok {
		delete(o, "$ref")
		o["anyOf"] = []any{object{"$ref": ref}, object{"type": "null"}}
	}
	return o
}

// plain gives the JSON value of a default.
func plain(text string) any {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		panic(fmt.Sprintf("default %s is not YAML: %v", text, err)) // a mistake of this program
	}
	return v
}
