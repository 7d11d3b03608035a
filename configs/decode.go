package configs

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"sluice/sinks"
	"sluice/sinks/driver"
)

// decoder turns a YAML tree into the configuration's types. It never stops at a mistake: it notes it and goes on. Each value
// has a path, by which later checks find its place in the file.
type decoder struct {
	file     string
	lines    [][]rune
	reg      sinks.Registry
	places   map[string]ast.Node // path → where its value stands, or its key when it has none
	anchors  map[string]ast.Node
	problems []Problem
	warnings []Problem
	read     []string // files of secrets
	quiet    bool     // while defaults are decoded, which stand nowhere
}

// decodable is a type that does not follow the tags alone.
type decodable interface {
	decode(d *decoder, n ast.Node, path string)
}

func newDecoder(file string, b []byte, reg sinks.Registry) *decoder {
	d := &decoder{file: file, reg: reg, places: make(map[string]ast.Node), anchors: make(map[string]ast.Node)}
	for line := range strings.SplitSeq(string(b), "\n") {
		d.lines = append(d.lines, []rune(strings.TrimSuffix(line, "\r")))
	}
	return d
}

// decode reads the value n, which is not null, into v.
func (d *decoder) decode(n ast.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if n = d.resolve(n, path); n == nil {
		return
	}
	if custom, ok := v.Addr().Interface().(decodable); ok {
		custom.decode(d, n, path)
		return
	}
	if v.Kind() == reflect.Pointer {
		target := reflect.New(v.Type().Elem())
		d.decode(n, path, target.Elem(), tag)
		v.Set(target)
		return
	}
	if v.Type() == durationType {
		d.duration(n, path, v, tag)
		return
	}
	if d.decodeForeign(n, path, v) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Slice:
		d.list(n, path, v)
	case reflect.Map:
		d.dictionary(n, path, v)
	default:
		d.scalar(n, path, v, tag)
	}
}

// structure reads a mapping into a struct by its tags.
func (d *decoder) structure(n ast.Node, path string, v reflect.Value) {
	pairs, ok := d.pairs(n, path)
	if !ok {
		return
	}
	fields := fieldsOf(v.Type())
	seen := make(map[string]bool)
	for _, p := range pairs {
		at := join(path, p.key)
		f, known := find(fields, p.key)
		switch hint, planned := later[v.Type()][p.key]; {
		case planned:
			d.problemAt(p.node, at, p.key+" is not supported by this version", hint)
		case !known:
			message, hint := unknownKey(v.Type(), fields, p.key)
			d.problemAt(p.node, at, message, hint)
		case p.value != nil:
			seen[p.key] = true
			d.decode(p.value, at, v.Field(f.index), f.tag)
		}
	}
	for _, f := range fields {
		switch at := join(path, f.key); {
		case seen[f.key]:
		case f.tag.Get("required") != "":
			d.problem(at, "is required", "")
		default:
			d.useDefault(at, v.Field(f.index), f.tag)
		}
	}
}

// useDefault fills a field whose key is absent.
func (d *decoder) useDefault(path string, v reflect.Value, tag reflect.StructTag) {
	if text, ok := tag.Lookup("default"); ok {
		file, err := parser.ParseBytes([]byte(text), 0)
		if err != nil {
			panic(fmt.Sprintf("default of %s is not YAML: %v", path, err)) // a mistake of this program, met by every test
		}
		quiet := d.quiet
		d.quiet = true
		d.decode(file.Docs[0].Body, path, v, tag)
		d.quiet = quiet
		return
	}
	if _, custom := v.Addr().Interface().(decodable); v.Kind() == reflect.Struct && !custom {
		for _, f := range fieldsOf(v.Type()) {
			d.useDefault(join(path, f.key), v.Field(f.index), f.tag)
		}
	}
}

func (d *decoder) list(n ast.Node, path string, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.mismatch(n, path, "a list")
		return
	}
	items := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		if isNull(item) {
			d.problemAt(item, at, "an empty item", "remove its -")
			continue
		}
		d.decode(item, at, items.Index(i), "")
	}
	v.Set(items)
}

// dictionary reads a mapping with keys of the author's choice.
func (d *decoder) dictionary(n ast.Node, path string, v reflect.Value) {
	pairs, ok := d.pairs(n, path)
	if !ok {
		return
	}
	m := reflect.MakeMap(v.Type())
	for _, p := range pairs {
		value := reflect.New(v.Type().Elem()).Elem()
		if p.value != nil {
			d.decode(p.value, join(path, p.key), value, "")
		}
		m.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), value)
	}
	v.Set(m)
}

// pair is one key of a mapping; value is nil when it is null, which means the same as no key.
type pair struct {
	key   string
	node  ast.Node // the key's
	value ast.Node
}

// pairs reads a mapping's keys: text, each once.
func (d *decoder) pairs(n ast.Node, path string) ([]pair, bool) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.mismatch(n, path, "a mapping")
		return nil, false
	}
	first := make(map[string]int)
	var pairs []pair
	for it := m.MapRange(); it.Next(); {
		key, value := ast.Node(it.Key()), it.Value()
		if _, merge := key.(*ast.MergeKeyNode); merge {
			d.problemAt(key, join(path, "<<"), "merge keys (<<) are not supported", "write the keys out")
			continue
		}
		name := key.GetToken().Value
		if line, _ := start(key); first[name] > 0 {
			d.problemAt(key, join(path, name), fmt.Sprintf("duplicate key, first on line %d", first[name]), "")
			continue
		} else if first[name] = line; isNull(value) {
			value = nil
		}
		if !d.quiet {
			d.places[join(path, name)] = key
		}
		pairs = append(pairs, pair{name, key, value})
	}
	return pairs, true
}

// field is a key of a struct.
type field struct {
	key   string
	index int
	tag   reflect.StructTag
}

// fieldsOf lists the keys of a struct, in its order.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key != "" && key != "-" && f.IsExported() {
			fields = append(fields, field{key, i, f.Tag})
		}
	}
	return fields
}

func find(fields []field, key string) (field, bool) {
	for _, f := range fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// durationType and secretType are read from text wherever they stand.
var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[driver.Secret]()
)
