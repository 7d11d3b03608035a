package configs

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sluice/exprs"
	"sluice/filters"
	"sluice/logentry"
)

// maxExclusions is Google's limit for a sink, and what a Hit's bits hold.
const maxExclusions = 50

// Names are parts of folders, of subjects and of the ledger's lanes.
var (
	namePattern      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	exclusionPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
)

// check holds the decoded configuration against the rules that no single value shows, and completes it. sites says where each
// of its routes stands; d is the main file.
func (d *decoder) check(cfg *Config, sites []site) {
	cfg.Limits = logentry.Limits{Entry: cfg.Bounds.Entry, Depth: cfg.Bounds.Depth}
	d.checkBus(&cfg.Bus)
	if p := cfg.SinkErrors.Parent; !resourcePattern.MatchString(p) {
		d.problem("sinkErrors.parent", fmt.Sprintf("%q is not a resource", p), resourceHint)
	}
	d.checkListen("http.listen", cfg.HTTP.Listen)
	d.checkPrices(&cfg.Prices)
	d.checkKeys(cfg.Redaction)
	if cfg.Ledger.File == "" {
		d.problem("ledger.file", "want a folder", "")
	}
	if len(cfg.Routes) == 0 {
		d.noRoute(len(cfg.Include) > 0)
	}
	names := make(map[string]site)
	for i := range cfg.Routes {
		r, at := &cfg.Routes[i], sites[i]
		at.d.checkRouteName(at, r.Name, names)
		at.d.checkRoute(at.path, r)
		at.d.checkRequired(at.path, r)
		at.d.checkRedaction(at.path, r, cfg.Redaction)
		at.d.checkQuotas(at.path, r)
		if r.Streams = 0; len(r.Quotas) > 0 {
			r.Streams = len(cfg.Bus.Streams)
		}
		if _, written := at.d.places[at.path+".batch.bytes"]; written && r.Batch.Bytes > cfg.Memory {
			at.d.problem(at.path+".batch.bytes", "larger than memory, so that no batch would ever get there", "raise memory or lower it")
		}
	}
	d.checkScopes(cfg, sites)
	checkEnabled(cfg, sites)
	d.checkDiverts(cfg, sites)
	checkDuplicates(cfg, sites)
	d.checkDestinations(cfg, sites)
	for i, at := range sites {
		at.d.checkLoop(&cfg.Bus, at.path+".sink", &cfg.Routes[i].Sink)
	}
	for i := range cfg.Routes {
		if cfg.Routes[i].DeadLetter == nil {
			cfg.Routes[i].DeadLetter = cfg.DeadLetter
		}
	}
}

func (d *decoder) noRoute(includes bool) {
	_, written := d.places["routes"]
	switch {
	case includes && !d.troubled("include"):
		d.problem("include", "no route, neither here nor in an included file", "sluice init writes an example")
	case written:
		d.problem("routes", "no route", "sluice init writes an example")
	case !includes:
		d.problem("routes", "is required", "")
	}
}

func routePath(i int) string { return "routes[" + strconv.Itoa(i) + "]" }

// checkRouteName also keeps names apart that are one folder where file systems ignore case.
func (d *decoder) checkRouteName(at site, name string, names map[string]site) {
	path := at.path
	if name == "" {
		if _, written := d.places[path+".name"]; written {
			d.problem(path+".name", "want a name", "")
		}
		return
	}
	if strings.HasPrefix(name, "_") {
		d.problem(path+".name", fmt.Sprintf("%q: names that begin with _ are reserved", name), "begin with a letter or digit")
	} else {
		d.checkName(path+".name", name)
	}
	key := strings.ToLower(name)
	if first, twice := names[key]; twice {
		d.problem(path+".name", fmt.Sprintf("%q is the name of %s already", name, first.seenFrom(d)), "names must differ, not only in case")
		return
	}
	names[key] = at
}

func (d *decoder) checkName(path, name string) {
	if !namePattern.MatchString(name) {
		d.problem(path, fmt.Sprintf("%q is not a name", name), "use letters, digits, - and _, at most 100")
	}
}

func (d *decoder) checkRoute(path string, r *Route) {
	if r.FilterText != "" {
		r.Filter = d.compile(path+".filter", &r.FilterText)
	}
	r.Where = compileAt(d, path+".where", r.WhereText, exprs.CompileWhere)
	if len(r.Exclusions) > maxExclusions {
		d.problem(path+".exclusions", fmt.Sprintf("%d exclusions, at most %d", len(r.Exclusions), maxExclusions), "join some with OR")
	}
	names := make(map[string]int)
	for i := range r.Exclusions {
		x, at := &r.Exclusions[i], fmt.Sprintf("%s.exclusions[%d]", path, i)
		if _, written := d.places[at+".name"]; written && !exclusionPattern.MatchString(x.Name) {
			d.problem(at+".name", fmt.Sprintf("%q is not a name", x.Name), "use letters, digits, -, _ and dots, at most 100")
		}
		if first, twice := names[x.Name]; twice && x.Name != "" {
			d.problem(at+".name", fmt.Sprintf("%q is the name of exclusions[%d] already", x.Name, first), "")
		} else {
			names[x.Name] = i
		}
		_, written := d.places[at+".filter"]
		switch {
		case x.FilterText != "":
			x.Filter = d.compile(at+".filter", &x.FilterText)
		case written:
			d.problem(at+".filter", "an empty filter would exclude every entry", "use disabled: true on the route to stop it")
		}
		x.Where = compileAt(d, at+".where", x.WhereText, exprs.CompileWhere)
		x.When = compileAt(d, at+".when", x.WhenText, exprs.CompileWhen)
	}
}

// compile compiles the filter at path and shows its mistakes and warnings where they stand in the file. A name that it begins with
// is spelled out, in text too.
func (d *decoder) compile(path string, text *string) *filters.Filter {
	written := *text
	expanded, moved := spelledOut(written)
	*text = expanded
	if name := misplacedName(expanded); name != "" {
		d.problem(path, name+" behind something else would be a text to search for", "write it at the beginning, or in quotes")
		return nil
	}
	within := func(line, column int) (int, int) {
		if line == 1 && column > moved {
			column -= moved
		}
		return d.withinText(path, written, line, column)
	}
	f, err := filters.Compile(expanded)
	if err == nil {
		for _, w := range f.Warnings() {
			line, column := within(w.Line, w.Column)
			d.warnings = append(d.warnings, d.placed(line, column, path, w.Message, w.Hint))
		}
		return f
	}
	var at *filters.Error
	if !errors.As(err, &at) {
		d.problem(path, err.Error(), "")
		return nil
	}
	line, column := within(at.Line, at.Column)
	d.note(line, column, path, at.Message, at.Hint)
	return nil
}

// compileAt compiles the expression at path and shows its mistake where it stands in the file. nil for none.
func compileAt[X any](d *decoder, path, text string, compile func(string) (*X, error)) *X {
	if text == "" {
		return nil
	}
	x, err := compile(text)
	if err == nil {
		return x
	}
	var at *exprs.Error
	if !errors.As(err, &at) {
		d.problem(path, err.Error(), "")
		return nil
	}
	line, column := d.withinText(path, text, at.Line, at.Column)
	d.note(line, column, path, at.Message, at.Hint)
	return nil
}

// withinText gives the place in the file of a line and column of the filter or expression at path.
func (d *decoder) withinText(path, text string, line, column int) (int, int) {
	n, ok := d.places[path]
	if !ok {
		return d.place(path)
	}
	if n = d.target(n); n == nil {
		return d.place(path)
	}
	k, lines := 0, strings.Split(text, "\n")
	for i := 0; i < line-1 && i < len(lines); i++ {
		k += len([]rune(lines[i])) + 1
	}
	return d.within(n, k+column-1)
}

// target gives the text that an anchored or aliased node stands for, nil when it is none.
func (d *decoder) target(n ast.Node) ast.Node {
	switch t := n.(type) {
	case *ast.AnchorNode:
		return d.target(t.Value)
	case *ast.AliasNode:
		return d.target(d.anchors[t.Value.GetToken().Value])
	case *ast.StringNode, *ast.LiteralNode:
		return n
	}
	return nil
}

// decode reads a start in one of its four forms.
func (s *Start) decode(d *decoder, n ast.Node, path string) {
	const hint = "write earliest, latest, a time like 2026-01-31T00:00:00Z, or a sequence from 1"
	if i, ok := n.(*ast.IntegerNode); ok {
		sequence, err := strconv.ParseUint(fmt.Sprint(i.Value), 10, 64)
		if err != nil || sequence == 0 {
			d.problemAt(n, path, n.GetToken().Value+" is not a sequence", hint)
		}
		s.Sequence = sequence
		return
	}
	text, ok := n.(*ast.StringNode)
	if !ok {
		d.problemAt(n, path, "want a start, found "+kindOf(n), hint)
		return
	}
	switch text.Value {
	case "earliest":
		s.Earliest = true
		return
	case "latest":
		s.Latest = true
		return
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text.Value); err == nil {
			s.Time = t.UTC()
			return
		}
	}
	d.problemAt(n, path, fmt.Sprintf("%q is not a start", text.Value), hint)
}
