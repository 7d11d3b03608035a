package configs

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"sluice/sinks"
)

// Load reads the configuration in the file at path and the files that it includes. reg names the kinds of sinks there are. Every
// error is an Errors: all mistakes of all files at once.
func Load(path string, reg sinks.Registry) (*Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, Errors{unreadable(path, err)}
	}
	return Parse(path, b, reg)
}

// Parse reads a configuration from b, which messages call name; otherwise it is Load.
func Parse(name string, b []byte, reg sinks.Registry) (*Config, error) {
	d := newDecoder(name, b, reg)
	root := d.parse(b)
	if len(d.problems) > 0 {
		return nil, Errors(inOrder(d.problems))
	}
	cfg := &Config{Files: []string{name}}
	d.decode(root, "", reflect.ValueOf(cfg).Elem(), "")
	sites := sitesOf(d, cfg.Routes)
	included := d.include(cfg.Include)
	for _, in := range included {
		cfg.Routes = append(cfg.Routes, in.routes...)
		sites = append(sites, sitesOf(in.d, in.routes)...)
	}
	d.check(cfg, sites)

	problems, read := inOrder(d.problems), d.read
	cfg.Warnings = inOrder(d.warnings)
	for _, in := range included {
		problems = append(problems, inOrder(in.d.problems)...)
		cfg.Warnings = append(cfg.Warnings, inOrder(in.d.warnings)...)
		cfg.Files = append(cfg.Files, in.d.file)
		read = append(read, in.d.read...)
	}
	if len(problems) > 0 {
		return nil, Errors(problems)
	}
	for _, file := range read {
		if !slices.Contains(cfg.Files, file) {
			cfg.Files = append(cfg.Files, file)
		}
	}
	return cfg, nil
}

// unreadable is the problem of a file that the system does not give.
func unreadable(path string, err error) Problem {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return Problem{File: path, Message: "read the configuration: " + err.Error()}
}

// parse gives the tree of the file's one document. YAML itself shows no more than its first mistake.
func (d *decoder) parse(b []byte) ast.Node {
	if line, column, ok := badUTF8(b); ok {
		d.note(line, column, "", "the file is not UTF-8", "")
		return nil
	}
	file, err := parser.ParseBytes(b, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.noteYAML(err)
		return nil
	}
	var bodies []ast.Node
	for _, document := range file.Docs {
		if document.Body != nil && document.Body.Type() != ast.CommentType {
			bodies = append(bodies, document.Body)
		}
	}
	switch len(bodies) {
	case 0:
		d.note(1, 1, "", "the configuration is empty", "sluice init writes one to begin with")
		return nil
	case 1:
		d.findAnchors(bodies[0])
		return bodies[0]
	}
	d.problemAt(bodies[1], "", "a second YAML document", "write one document in a file")
	return nil
}

// noteYAML notes an error of the YAML package.
func (d *decoder) noteYAML(err error) {
	line, column, message := 1, 1, err.Error()
	var at yaml.Error
	if errors.As(err, &at) {
		message = at.GetMessage()
		if token := at.GetToken(); token != nil {
			line, column = token.Position.Line, token.Position.Column
		}
	}
	d.note(line, column, "", "not YAML: "+message, "")
}

// badUTF8 gives the place of the first byte that is not UTF-8.
func badUTF8(b []byte) (line, column int, found bool) {
	line, column = 1, 1
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1:
			return line, column, true
		case r == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		b = b[size:]
	}
	return 0, 0, false
}
