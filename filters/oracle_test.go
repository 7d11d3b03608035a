package filters

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// The oracle is a second, naive evaluator: it walks the syntax tree over an entry that encoding/json has decoded, one
// comparison at a time. It shares the parser with the engine and nothing of field resolution, conversion or evaluation.

// pair and document are a JSON object in the order of its text.
type pair struct {
	key   string
	value any
}
type document []pair

func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return decodeValue(d)
}

func decodeValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := document{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			o = append(o, pair{key.(string), v})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		a := []any{}
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err = d.Token()
		return a, err
	}
	return t, nil
}

// naive answers for one entry.
type naive struct{ entry any }

func (n naive) tree(t *tree) bool {
	switch t.op {
	case andOp:
		for _, k := range t.kids {
			if !n.tree(k) {
				return false
			}
		}
		return true
	case orOp:
		for _, k := range t.kids {
			if n.tree(k) {
				return true
			}
		}
		return false
	case notOp:
		return !n.tree(t.kids[0])
	}
	switch x := t.leaf.(type) {
	case *comparison:
		return n.argument(x, x.arg)
	case *call:
		return n.call(x)
	default:
		return n.global(x.(*value).text)
	}
}

func (n naive) argument(c *comparison, t *tree) bool {
	switch t.op {
	case andOp:
		for _, k := range t.kids {
			if !n.argument(c, k) {
				return false
			}
		}
		return true
	case orOp:
		for _, k := range t.kids {
			if n.argument(c, k) {
				return true
			}
		}
		return false
	case notOp:
		return !n.argument(c, t.kids[0])
	}
	v := t.leaf.(*value)
	if c.call != nil {
		for _, x := range n.chain(c.call) {
			if v.star || naiveCompare(x.value, x.kind, c.op, v) {
				return true
			}
		}
		return false
	}
	values, kind := n.values(c.path.parts)
	for _, x := range values {
		if v.star && naivePresent(x, kind) || !v.star && naiveCompare(x, kind, c.op, v) {
			return true
		}
	}
	return false
}

// naiveTypes are the types of LogEntry's scalars, by lower-case path.
var naiveTypes = func() map[string]string {
	types := map[string]string{}
	for kind, names := range map[string]string{
		"string": "logname textpayload insertid trace spanid resource.type httprequest.requestmethod httprequest.requesturl " +
			"httprequest.useragent httprequest.remoteip httprequest.serverip httprequest.referer httprequest.protocol " +
			"operation.id operation.producer sourcelocation.file sourcelocation.function split.uid errorgroups.id",
		"int":       "httprequest.requestsize httprequest.responsesize httprequest.cachefillbytes sourcelocation.line",
		"int32":     "httprequest.status split.index split.totalsplits",
		"bool":      "tracesampled httprequest.cachelookup httprequest.cachehit httprequest.cachevalidatedwithoriginserver operation.first operation.last",
		"time":      "timestamp receivetimestamp",
		"duration":  "httprequest.latency",
		"severity":  "severity",
		"container": "resource httprequest operation sourcelocation split labels metadata resource.labels metadata.systemlabels metadata.userlabels jsonpayload protopayload errorgroups",
	} {
		for _, name := range strings.Fields(names) {
			types[name] = kind
		}
	}
	return types
}()

var naiveDefaults = map[string]any{"string": "", "int": json.Number("0"), "int32": json.Number("0"), "bool": false, "severity": "DEFAULT",
	"time": "1970-01-01T00:00:00Z", "duration": "0s"}

func naiveFold(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}

// values finds a path's values and their type; "" is a payload's or map's value.
func (n naive) values(parts []part) (values []any, kind string) {
	name := ""
	for i, p := range parts {
		name += naiveFold(p.text)
		if k, ok := naiveTypes[name]; ok && i == len(parts)-1 {
			if kind = k; k == "container" {
				kind += " " + name
			}
		}
		name += "."
	}
	var found []any
	naiveSteps(n.entry, parts, "", &found)
	for _, v := range found {
		if v != nil || kind == "" {
			values = append(values, v)
		}
	}
	if d, ok := naiveDefaults[kind]; ok && len(values) == 0 && naiveFold(parts[0].text) != "errorgroups" {
		values = []any{d}
	}
	return values, kind
}

// naiveSteps follows the parts from v, which stands at the folded path at.
func naiveSteps(v any, parts []part, at string, found *[]any) {
	if a, ok := v.([]any); ok && (len(a) > 0 || len(parts) > 0) {
		for _, x := range a {
			naiveSteps(x, parts, at, found)
		}
		return
	}
	if len(parts) == 0 {
		*found = append(*found, v)
		return
	}
	o, ok := v.(document)
	if !ok {
		return
	}
	key := parts[0].text
	here := strings.TrimPrefix(at+"."+naiveFold(key), ".")
	payload := strings.HasPrefix(at, "protopayload") || strings.HasPrefix(at, "apphub")
	folds := at == "" || payload || naiveTypes[here] != "" && naiveTypes[at] == "container"
	if !payload && folds {
		key = logEntrySpelling(here)
	}
	if next, ok := naiveMember(o, key, folds); ok {
		naiveSteps(next, parts[1:], here, found)
		return
	}
	if _, typed := naiveMember(o, "@type", false); payload && typed {
		if inner, ok := naiveMember(o, "value", false); ok {
			naiveSteps(inner, parts, at, found)
		}
	}
}

// logEntrySpelling gives the last name of a folded path as LogEntry spells it.
func logEntrySpelling(folded string) string {
	s := logEntry
	for _, name := range strings.Split(folded, ".") {
		s = s.child(name)
	}
	return s.name
}

func naiveMember(o document, key string, folds bool) (any, bool) {
	for _, p := range o {
		if p.key == key {
			return p.value, true
		}
	}
	for _, p := range o {
		if folds && naiveFold(p.key) == naiveFold(key) {
			return p.value, true
		}
	}
	return nil, false
}

func naivePresent(v any, kind string) bool {
	switch x := v.(type) {
	case []any:
		return false
	case document:
		return len(x) > 0
	}
	switch {
	case kind == "", strings.HasPrefix(kind, "container"):
		return true
	case kind == "string":
		return v != ""
	}
	zero, ok := naiveCompareTo(v, kind, opEq, fmt.Sprint(naiveDefaults[kind]))
	return !ok || !zero
}

func naiveCompare(v any, kind string, o op, lit *value) bool {
	if lit.null() && !o.regex() {
		_, array := v.([]any)
		object, isObject := v.(document)
		if array || isObject && len(object) == 0 {
			return false
		}
		return o == opEq && v == nil || o == opNe && v != nil
	}
	holds, ok := naiveCompareTo(v, kind, o, lit.text)
	return ok && holds
}

// naiveCompareTo compares one value with a literal; not ok when one of them cannot be converted.
func naiveCompareTo(v any, kind string, o op, lit string) (holds, ok bool) {
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	if o.regex() {
		return isText && (kind == "" || kind == "string") && compiled(lit).MatchString(text) == (o == opMatch), true
	}
	switch x := v.(type) {
	case document:
		at, container := strings.CutPrefix(kind, "container ")
		return o == opHas && (kind == "" || container) && naiveInside(x, at, lit), true
	case []any, nil:
		return false, false
	}
	if o == opHas && strings.HasPrefix(kind, "container") {
		kind = "" // a scalar where an object should stand: by its own JSON kind
	}
	switch kind {
	case "int", "int32":
		size := map[string]int{"int": 64, "int32": 32}[kind]
		a, ok1 := naiveInteger(fmt.Sprint(v))
		b, err := strconv.ParseInt(lit, 10, size)
		return ok1 && order(o, a.Cmp(big.NewInt(b))), ok1 && err == nil
	case "severity":
		a, _ := naiveSeverity(fmt.Sprint(v))
		b, ok2 := naiveSeverity(lit)
		return order(o, a-b), ok2
	case "time":
		a, ok1 := naiveTime(v)
		b, ok2 := naiveTime(lit)
		return order(o, a.Compare(b)), ok1 && ok2
	case "duration":
		a, ok1 := naiveDuration(v)
		b, ok2 := naiveDuration(lit)
		return ok1 && ok2 && order(o, a.Cmp(b)), ok1 && ok2
	case "bool":
		v = map[string]any{"true": true, "false": false}[fmt.Sprint(v)]
	}
	if b, isBool := v.(bool); isBool {
		lit = strings.ToLower(lit)
		return order(o, map[bool]int{true: 1}[b]-map[string]int{"true": 1}[lit]), lit == "true" || lit == "false"
	}
	if isNumber {
		a, _ := strconv.ParseFloat(string(number), 64)
		b, ok2 := naiveFloat(lit)
		if a != a || b != b {
			return o == opNe, ok2
		}
		c := 0
		if a < b {
			c = -1
		} else if a > b {
			c = 1
		}
		return order(o, c), ok2
	}
	if !isText || kind != "" && kind != "string" {
		return false, false
	}
	a, b := naiveCaseFold(text), naiveCaseFold(lit)
	if o == opHas {
		return strings.Contains(a, b), true
	}
	return order(o, strings.Compare(a, b)), true
}

func order(o op, c int) bool {
	return map[op]bool{opEq: c == 0, opHas: c == 0, opNe: c != 0, opLt: c < 0, opLe: c <= 0, opGt: c > 0, opGe: c >= 0}[o]
}

// naiveInside is field:text for an object at a folded path: a value inside that holds it, or a key that is it.
func naiveInside(v any, at, lit string) bool {
	switch x := v.(type) {
	case document:
		for _, p := range x {
			if p.key == lit || naiveInside(p.value, at+"."+naiveFold(p.key), lit) {
				return true
			}
		}
		return false
	case []any:
		for _, e := range x {
			if naiveInside(e, at+"[]", lit) {
				return true
			}
		}
		return false
	}
	holds, ok := naiveCompareTo(v, naiveTypes[at], opHas, lit)
	return ok && holds
}

// leaves visits every scalar of the entry with its type.
func (n naive) leaves(visit func(v any, kind string)) {
	var walk func(v any, at string, depth int)
	walk = func(v any, at string, depth int) {
		switch x := v.(type) {
		case document:
			for _, p := range x {
				walk(p.value, strings.TrimPrefix(at+"."+naiveFold(p.key), "."), depth+1)
			}
		case []any:
			for _, e := range x {
				walk(e, at+"[]", depth+1)
			}
		case nil:
		default:
			visit(v, naiveTypes[at])
		}
	}
	walk(n.entry, "", 0)
}

func (n naive) global(text string) (found bool) {
	n.leaves(func(v any, kind string) {
		holds, ok := naiveCompareTo(v, kind, opHas, text)
		found = found || ok && holds
	})
	return found
}

func (n naive) call(c *call) bool {
	text := func(i int) string { return joinParts(c.args[i].parts) }
	switch c.fn.kind {
	case fnLogID, fnSource:
		values, _ := n.values([]part{{text: "logName"}})
		name, _ := values[0].(string)
		parent, id, ok := strings.Cut(name, "/logs/")
		if c.fn.kind == fnSource {
			return ok && strings.EqualFold(parent, text(0))
		}
		have, _ := url.PathUnescape(id)
		want, _ := url.PathUnescape(text(0))
		return ok && strings.EqualFold(have, want)
	case fnIPInNet:
		values, kind := n.values(c.args[0].parts)
		for _, v := range values {
			if s, ok := v.(string); ok && (kind == "" || kind == "string") && naiveInNet(s, text(1)) {
				return true
			}
		}
		return false
	case fnSearch:
		return n.search(c)
	}
	return n.sampled(c)
}

func naiveInNet(s, net string) bool {
	if !strings.Contains(net, "/") {
		return s == net
	}
	p := netip.MustParsePrefix(net)
	if a, err := netip.ParseAddr(s); err == nil {
		return p.Contains(a)
	}
	q, err := netip.ParsePrefix(s)
	return err == nil && q.Bits() >= p.Bits() && p.Contains(q.Addr())
}
