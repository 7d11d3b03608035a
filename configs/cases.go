package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Cases is a file of tests for a configuration: entries, and what its routes must make of them. Its YAML follows the same rules as
// a configuration.
type Cases struct {
	Config string `yaml:"config" doc:"The configuration that is tested, relative to the working directory."` // empty: whoever runs them says
	Cases  []Case `yaml:"cases" required:"true" doc:"What is tested."`

	File string `yaml:"-"`
}

// Case is one entry and the verdicts that are expected of routes.
type Case struct {
	Name   string              `yaml:"name" required:"true" verbatim:"true" doc:"What the case shows, for people; unique in the file."`
	Entry  Sample              `yaml:"entry" required:"true" doc:"The entry: a mapping, or its JSON as text."`
	Routes map[string]Expected `yaml:"routes" doc:"By route: a verdict, or {excluded: NAME} with what it was by."`
	Others *Expected           `yaml:"others" doc:"The verdict of each route that routes does not name; absent: any."`

	Line int `yaml:"-"`
}

// Sample is an entry's JSON as a case gives it: text byte for byte, less white space around it; a mapping written out in its order.
type Sample []byte

// Expected is the verdict that a case expects. What By is depends on the verdict: the name of an exclusion, a reason of dead
// letters, the intercepting route; empty: any.
type Expected struct {
	Verdict string
	By      string

	Line, Column int // where it stands
}

// Verdicts that a case may expect: those that depend on nothing but the entry and the configuration.
var caseVerdicts = []string{"kept", "notMatched", "excluded", "intercepted", "dead"}

// LoadCases reads a file of cases. Every error is an Errors.
func LoadCases(path string) (*Cases, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, Errors{unreadable(path, err)}
	}
	d := newDecoder(path, b, nil)
	cases := &Cases{File: path}
	if root := d.parse(b); len(d.problems) == 0 {
		d.decode(root, "", reflect.ValueOf(cases).Elem(), "")
		d.checkCases(cases.Cases)
	}
	if len(d.problems) > 0 {
		return nil, Errors(inOrder(d.problems))
	}
	return cases, nil
}

func (d *decoder) checkCases(cases []Case) {
	if _, written := d.places["cases"]; written && len(cases) == 0 {
		d.problem("cases", "no case", "write {name: …, entry: {…}, routes: {ROUTE: kept}}")
	}
	first := make(map[string]int)
	for i := range cases {
		c, path := &cases[i], fmt.Sprintf("cases[%d]", i)
		c.Line, _ = d.place(path)
		if len(c.Routes) == 0 && c.Others == nil {
			d.problem(path, "expects nothing", "write routes: {ROUTE: kept}, or others: notMatched")
		}
		if line, twice := first[c.Name]; twice && c.Name != "" {
			d.problem(path+".name", fmt.Sprintf("%q is the name of the case on line %d already", c.Name, line), "")
		}
		first[c.Name] = c.Line
	}
}

// Against says what the cases ask of routes that the configuration does not have, as an Errors. also names built-in routes that
// give verdicts.
func (c *Cases) Against(cfg *Config, also ...string) error {
	enabled, all := make(map[string]*Route), slices.Clone(also)
	for i := range cfg.Routes {
		all = append(all, cfg.Routes[i].Name)
		enabled[cfg.Routes[i].Name] = &cfg.Routes[i]
	}
	var problems []Problem
	for i := range c.Cases {
		for _, name := range slices.Sorted(maps.Keys(c.Cases[i].Routes)) {
			want := c.Cases[i].Routes[name]
			note := func(message, hint string) {
				problems = append(problems, Problem{c.File, want.Line, want.Column, fmt.Sprintf("cases[%d].routes.%s", i, name), message, hint})
			}
			switch route := enabled[name]; {
			case slices.Contains(also, name):
			case route == nil:
				note("no such route", suggest(name, all))
			case route.Disabled:
				note("the route is disabled and gives no verdict", "remove the line")
			case want.Verdict == "excluded" && want.By != "":
				names := exclusionNames(route)
				if !slices.Contains(names, want.By) {
					note(fmt.Sprintf("the route has no exclusion %q that is not disabled", want.By), suggest(want.By, names))
				}
			}
		}
	}
	if len(problems) > 0 {
		return Errors(inOrder(problems))
	}
	return nil
}

func exclusionNames(r *Route) (names []string) {
	for _, x := range r.Exclusions {
		if !x.Disabled {
			names = append(names, x.Name)
		}
	}
	return names
}

// decode reads a verdict, or a mapping of one verdict to what it was by.
func (e *Expected) decode(d *decoder, n ast.Node, path string) {
	e.Line, e.Column = start(n)
	hint := "write " + strings.Join(caseVerdicts, ", ") + ", or {excluded: NAME}"
	if _, mapping := n.(ast.MapNode); mapping {
		pairs, ok := d.pairs(n, path)
		if !ok {
			return
		}
		if len(pairs) != 1 || pairs[0].value == nil {
			d.problemAt(n, path, "want one verdict with what it was by", hint)
			return
		}
		e.Verdict = pairs[0].key
		if e.Verdict == "kept" || e.Verdict == "notMatched" {
			d.problemAt(n, path, e.Verdict+" is by nothing", "write "+e.Verdict+" alone")
			return
		}
		if by := d.resolve(pairs[0].value, join(path, e.Verdict)); by != nil {
			e.By, _ = d.text(by, path)
		}
	} else {
		e.Verdict, _ = d.text(n, path)
	}
	if e.Verdict != "" {
		d.oneOf(n, path, e.Verdict, caseVerdicts)
	}
}

// decode reads an entry: text as it stands, a mapping as JSON.
func (s *Sample) decode(d *decoder, n ast.Node, path string) {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		text, _ := d.text(n, path)
		*s = Sample(strings.TrimSpace(text))
	case ast.MapNode:
		var b bytes.Buffer
		d.writeJSON(&b, n, path)
		*s = b.Bytes()
	default:
		d.problemAt(n, path, "want a mapping or the entry's JSON as text, found "+kindOf(n), "")
	}
}

// writeJSON writes a YAML value as JSON, in its order, numbers as they are written.
func (d *decoder) writeJSON(b *bytes.Buffer, n ast.Node, path string) {
	if n = d.resolve(n, path); n == nil {
		return
	}
	switch t := n.(type) {
	case ast.MapNode:
		pairs, _ := d.pairs(n, path)
		b.WriteByte('{')
		for i, p := range pairs {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(canonical(p.key))
			b.WriteByte(':')
			if p.value == nil {
				b.WriteString("null")
			} else {
				d.writeJSON(b, p.value, join(path, p.key))
			}
		}
		b.WriteByte('}')
	case *ast.SequenceNode:
		b.WriteByte('[')
		for i, item := range t.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			d.writeJSON(b, item, fmt.Sprintf("%s[%d]", path, i))
		}
		b.WriteByte(']')
	case *ast.NullNode:
		b.WriteString("null")
	case *ast.BoolNode:
		fmt.Fprint(b, t.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		if written := n.GetToken().Value; json.Valid([]byte(written)) {
			b.WriteString(written)
		} else {
			b.Write(canonical(n.(ast.ScalarNode).GetValue()))
		}
	default:
		text, _ := d.text(n, path)
		b.Write(canonical(text))
	}
}
