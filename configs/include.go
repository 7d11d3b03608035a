package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// includedFile is what a file of a team holds.
type includedFile struct {
	Routes []Route `yaml:"routes" required:"true"`
}

// included is a file that was read for an include.
type included struct {
	d      *decoder
	routes []Route
}

// site is where a route stands: in whose file, and under which path there.
type site struct {
	d    *decoder
	path string
}

func sitesOf(d *decoder, routes []Route) []site {
	sites := make([]site, len(routes))
	for i := range routes {
		sites[i] = site{d, routePath(i)}
	}
	return sites
}

// seenFrom names the site for a message in the file of d.
func (s site) seenFrom(d *decoder) string {
	if s.d == d {
		return s.path
	}
	line, _ := s.d.place(s.path)
	return fmt.Sprintf("%s in %s:%d", s.path, s.d.file, line)
}

// Watched lists the files whose change calls for a reload: Files, and what Include matches by now.
func (c *Config) Watched() []string {
	files := slices.Clone(c.Files)
	for _, pattern := range c.Include {
		found, _ := matching(pattern) // Load has refused malformed patterns
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// matching lists the files of a pattern. As in a shell, a name that begins with a dot is not matched by a wildcard, so that what
// editors leave behind is no configuration; neither are folders.
func matching(pattern string) ([]string, error) {
	found, err := filepath.Glob(pattern)
	return slices.DeleteFunc(found, func(file string) bool {
		info, err := os.Stat(file)
		hidden := strings.HasPrefix(filepath.Base(file), ".") && !strings.HasPrefix(filepath.Base(pattern), ".")
		return hidden || err == nil && info.IsDir()
	}), err
}

// include reads the files of all patterns, each once, by name.
func (d *decoder) include(patterns []string) []included {
	var files []string
	for i, pattern := range patterns {
		path := fmt.Sprintf("include[%d]", i)
		found, err := matching(pattern)
		switch {
		case err != nil:
			d.problem(path, fmt.Sprintf("%q is not a pattern", pattern), "write routes.d/*.yaml")
		case len(found) == 0:
			d.warn(path, fmt.Sprintf("%q matches no file", pattern), "it is relative to the working directory")
		case slices.ContainsFunc(found, d.isItself):
			d.problem(path, fmt.Sprintf("%q matches this file itself", pattern), "keep the files of teams in a folder: routes.d/*.yaml")
		default:
			files = append(files, found...)
		}
	}
	slices.Sort(files)
	var all []included
	for _, file := range slices.Compact(files) {
		all = append(all, d.readIncluded(file))
	}
	return all
}

func (d *decoder) isItself(file string) bool {
	a, errA := os.Stat(d.file)
	b, errB := os.Stat(file)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

func (d *decoder) readIncluded(file string) included {
	b, err := os.ReadFile(file)
	in := newDecoder(file, b, d.reg)
	if err != nil {
		in.problems = append(in.problems, unreadable(file, err))
		return included{d: in}
	}
	var content includedFile
	if root := in.parse(b); len(in.problems) == 0 {
		in.decode(root, "", reflect.ValueOf(&content).Elem(), "")
	}
	return included{in, content.Routes}
}

// unknownKey words what is wrong with a key that a struct has not.
func unknownKey(t reflect.Type, fields []field, key string) (message, hint string) {
	if t == reflect.TypeFor[includedFile]() {
		if _, known := find(fieldsOf(reflect.TypeFor[Config]()), key); known {
			return key + " in an included file, which holds routes only", "write it in the main file"
		}
	}
	return "unknown key", suggest(key, keysOf(fields))
}
