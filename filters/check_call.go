package filters

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// boolCall checks a function that is a term of its own.
func (c *checker) boolCall(x *call) (*node, *Error) {
	p := &predicate{}
	var err *Error
	switch x.fn.kind {
	case fnLogID:
		p.kind = logIDPredicate
		err = c.logNameCall(x, p)
	case fnSource:
		p.kind = sourcePredicate
		err = c.logNameCall(x, p)
	case fnSample:
		p.kind = samplePredicate
		err = c.sample(x, p)
	case fnIPInNet:
		p.kind = inNetPredicate
		err = c.ipInNet(x, p)
	default:
		p.kind = searchPredicate
		err = c.search(x, p)
	}
	if err != nil {
		return nil, err
	}
	p.text = printCall(x)
	return &node{pred: p}, nil
}

// logNameCall checks log_id and source, which look at logName.
func (c *checker) logNameCall(x *call, p *predicate) *Error {
	text, err := c.textArg(x, 0)
	if err != nil {
		return err
	}
	p.field, err = c.path(&path{parts: []part{{text: "logName"}}, pos: x.pos})
	if p.kind == logIDPredicate {
		p.name = foldedLogID(text)
		return err
	}
	p.name = appendFolded(nil, []byte(text))
	kind, id, _ := strings.Cut(text, "/")
	switch strings.ToLower(kind) {
	case "projects", "folders", "organizations", "billingaccounts":
		if id != "" && !strings.Contains(id, "/") {
			return err
		}
	}
	c.warns.never(x.args[0].pos, text, fmt.Sprintf("%q is no resource of a log", text), `as "projects/ID", "folders/ID" or "organizations/ID"`)
	return err
}

func (c *checker) sample(x *call, p *predicate) *Error {
	var err *Error
	if p.field, err = c.pathArg(x, 0); err != nil {
		return err
	}
	text, err := c.textArg(x, 1)
	if err != nil {
		return err
	}
	fraction, ok := parseNumber(text)
	if !ok || !(fraction > 0 && fraction <= 1) {
		return c.badArg(x, 1, fmt.Sprintf("%q is no fraction", text), "a number above 0 and up to 1")
	}
	p.threshold = threshold(fraction)
	if t := p.field.typ; t.container() {
		c.warns.never(x.args[0].pos, p.field.name, fmt.Sprintf("%s is a %s, which has no value to sample by", p.field.name, t), "")
	}
	return nil
}

func (c *checker) ipInNet(x *call, p *predicate) *Error {
	var err *Error
	if p.field, err = c.pathArg(x, 0); err != nil {
		return err
	}
	text, err := c.textArg(x, 1)
	if err != nil {
		return err
	}
	var ok bool
	if p.net, ok = parseNet(text); !ok {
		return c.badArg(x, 1, fmt.Sprintf("%q is no IP address or subnet", text), `as "10.1.2.3" or "10.1.2.0/24"`)
	}
	if t := p.field.typ; t != stringType && t != dynamicType {
		c.warns.never(x.args[0].pos, p.field.name, fmt.Sprintf("%s is a %s, not an address", p.field.name, t), "")
	}
	return nil
}

func (c *checker) search(x *call, p *predicate) *Error {
	last := len(x.args) - 1
	if last == 1 {
		var err *Error
		if p.field, err = c.pathArg(x, 0); err != nil {
			return err
		}
	}
	a := &x.args[last]
	if a.call != nil || a.quote == 0 || len(a.parts) != 1 {
		return c.badArg(x, last, "SEARCH takes its text as one string", "put it in double quotes")
	}
	if p.query = newQuery(a.text()); p.query == nil {
		return c.badArg(x, last, "the text of SEARCH holds no word", "")
	}
	return nil
}

// chain checks cast and regexp_extract inside each other, down to the field that they begin with.
func (c *checker) chain(x *call) (*field, []stage, *Error) {
	var f *field
	var chain []stage
	var err *Error
	if inner := x.args[0].call; inner != nil && inner.fn.value() {
		f, chain, err = c.chain(inner)
	} else {
		f, err = c.pathArg(x, 0)
	}
	if err != nil {
		return nil, nil, err
	}
	s, err := c.stage(x)
	if err != nil {
		return nil, nil, err
	}
	return f, append(chain, s), nil
}

func (c *checker) stage(x *call) (stage, *Error) {
	if x.fn.kind == fnRegexpExtract {
		return c.extract(x)
	}
	text, err := c.textArg(x, 1)
	if err != nil {
		return stage{}, err
	}
	t, ok := findCast(text)
	if !ok {
		return stage{}, c.badArg(x, 1, fmt.Sprintf("unknown type %q", text), "one of "+strings.Join(castNames, ", "))
	}
	s := stage{cast: t}
	if len(x.args) == 3 {
		s.zone, err = c.zone(x, t)
	}
	return s, err
}

// zone checks the option TIMEZONE("Area/City").
func (c *checker) zone(x *call, t castType) (*time.Location, *Error) {
	option := x.args[2].call
	if option == nil || option.fn.kind != fnTimezone || t != castString {
		return nil, c.badArg(x, 2, "the only option of cast is TIMEZONE, for STRING", `cast(FIELD, STRING, TIMEZONE("Area/City"))`)
	}
	name, err := c.textArg(option, 0)
	if err != nil {
		return nil, err
	}
	zone, failure := time.LoadLocation(name)
	if failure != nil || name == "" || name == "Local" {
		return nil, c.badArg(option, 0, fmt.Sprintf("unknown time zone %q", name), "a name of the IANA database, as Europe/Zurich")
	}
	return zone, nil
}

func (c *checker) extract(x *call) (stage, *Error) {
	a := &x.args[1]
	if a.call != nil || a.quote == 0 || len(a.parts) != 1 {
		return stage{}, c.badArg(x, 1, "regexp_extract takes its pattern as one string", "put it in double quotes")
	}
	re, err := regexp.Compile(a.text())
	if err != nil {
		return stage{}, c.badPattern(a.pos, err)
	}
	if n := re.NumSubexp(); n != 1 {
		return stage{}, c.badArg(x, 1, "the pattern of regexp_extract needs exactly one capture group, not "+strconv.Itoa(n), "write (?:…) for other groups")
	}
	return stage{extract: re}, nil
}

// pathArg reads an argument as a field.
func (c *checker) pathArg(x *call, i int) (*field, *Error) {
	a := &x.args[i]
	if a.call != nil {
		return nil, c.badArg(x, i, x.fn.name+" takes a field here", x.fn.usage)
	}
	p := &path{parts: a.parts, pos: a.pos}
	f, err := c.path(p)
	a.field = f
	return f, err
}

// textArg reads an argument as a value.
func (c *checker) textArg(x *call, i int) (string, *Error) {
	a := &x.args[i]
	if a.call != nil {
		return "", c.badArg(x, i, x.fn.name+" takes a value here", x.fn.usage)
	}
	return a.text(), nil
}

// badArg is an error at the i-th argument.
func (c *checker) badArg(x *call, i int, message, hint string) *Error {
	pos := x.args[i].pos
	e := errorAt(c.src, pos, c.literalAt(pos), message)
	e.Hint = hint
	return e
}
