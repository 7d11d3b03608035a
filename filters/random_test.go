package filters

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random filters and random entries over one small vocabulary, so that they often meet.
type generator struct {
	*rand.Rand
	paths []string // what filters ask about
}

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, 1)), randomPaths}
}

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

var (
	randomWords = strings.Fields("alpha Beta gamma alphabet beta-gamma user.get User.Get ab abc bcd error Straße STRASSE ﬁne fine Kelvin kelvin café café cafe 5 5.0 -3 1e2 true False null NULL_VALUE 10.1.2.3 10.1.2.0/25 3s 2.5s projects/p activity")
	randomPaths = strings.Fields("logName resource.type resource.labels.zone resource.labels.alpha resource severity insertId trace textPayload jsonPayload jsonPayload.a jsonPayload.b jsonPayload.list jsonPayload.deep.x jsonPayload.deep jsonPayload.items.name labels labels.env labels.k8s-pod/app protoPayload.methodName protoPayload.method_name protoPayload.list.granted protoPayload.deep.a protoPayload.status.value protoPayload http_request.status httpRequest.latency httpRequest.cacheHit httpRequest.requestSize httpRequest timestamp operation.first errorGroups.id spanId")
	randomLogs  = []string{"projects/p/logs/activity", "projects/p/logs/a%2Fb", "folders/7/logs/alpha", "Projects/P/logs/Activity", "odd"}
)

// filter makes the text of a filter.
func (g generator) filter(depth int) string {
	switch n := g.IntN(10); {
	case depth > 0 && n < 2:
		return g.filter(depth-1) + pick(g, " AND ", " ", "\n") + g.filter(depth-1)
	case depth > 0 && n < 4:
		return g.filter(depth-1) + " OR " + g.filter(depth-1)
	case depth > 0 && n < 5:
		return "(" + g.filter(depth-1) + ")"
	case n < 6:
		return pick(g, "NOT (", "-(") + g.filter(depth-1) + ")"
	}
	return g.term()
}

func (g generator) term() string {
	switch g.IntN(16) {
	case 0:
		return quoteText(pick(g, randomWords...))
	case 1:
		return g.function()
	case 2:
		return pick(g, g.paths...) + ":*"
	case 3:
		return g.computed()
	case 4:
		return pick(g, g.paths...) + pick(g, "=~", "!~") + g.pattern()
	case 5:
		return fmt.Sprintf("%s%s(%s %s %s)", pick(g, g.paths...), pick(g, "=", ":", "!=", "<"), g.value(), pick(g, "OR", "AND", "OR NOT"), g.value())
	case 6:
		return "severity" + pick(g, ">=", "<", "=", "!=") + pick(g, "ERROR", "info", "DEFAULT", "400", "nope")
	case 7:
		return "timestamp" + pick(g, ">=", "<", "=") + pick(g, `"2024-01-01"`, `"2024-01-01T10:00:00+01:00"`, `"2024-01-01T09:00:00.5Z"`, `"x"`)
	}
	return pick(g, g.paths...) + pick(g, "=", "=", "=", ":", ":", "!=", "<", ">=", ">", "<=") + g.value()
}

func (g generator) value() string {
	if word := pick(g, randomWords...); word == "NULL_VALUE" && g.IntN(2) == 0 {
		return word
	} else if g.IntN(12) == 0 {
		return quoteText(pick(g, "", "al", "ta-ga", "a needle that is longer than the automaton's"))
	} else {
		return quoteText(word)
	}
}

func (g generator) pattern() string {
	return pick(g, `"alpha"`, `"^Be"`, `"b.c"`, `"(?i)ALPHA"`, `"abc|gamma"`, `"[0-9]+"`, `"ta-(ga|gu)"`, `"User\.Get$"`, `"."`, `"(?i)stras"`, `"ﬁne"`, `"(alpha){2}"`, `"Kelvin"`, `"cafe"`, `"(?i)CAFÉ"`)
}

func (g generator) function() string {
	path := pick(g, g.paths...)
	switch g.IntN(5) {
	case 0:
		return "log_id(" + pick(g, `"activity"`, `"a/b"`, `"a%2Fb"`, `"alpha"`) + ")"
	case 1:
		return "source(" + pick(g, `"projects/p"`, `"folders/7"`) + ")"
	case 2:
		return "sample(" + path + ", " + pick(g, "0.5", "1", "0.01", "0.9") + ")"
	case 3:
		return "ip_in_net(" + path + ", " + pick(g, `"10.1.2.0/24"`, `"10.1.2.3"`, `"::/0"`) + ")"
	}
	return "SEARCH(" + pick(g, "", "", path+", ") + pick(g, `"alpha"`, `"beta gamma"`, "\"`beta-gamma`\"", `"user get"`, `"STRASSE"`, "\"fine `user.get`\"") + ")"
}

func (g generator) computed() string {
	path := pick(g, g.paths...)
	call := pick(g, "cast(%s, STRING)", "cast(%s, INT64)", "cast(%s, FLOAT64)", `regexp_extract(%s, "([a-z]+)")`,
		`cast(%s, STRING, TIMEZONE("Asia/Tokyo"))`, `cast(regexp_extract(%s, "(\\d+)"), INT64)`, `regexp_extract(cast(%s, STRING), "^(.)")`)
	return fmt.Sprintf(call, path) + pick(g, "=", "!=", ":", "<", ">=") + g.value()
}

// entry makes the text of an entry.
func (g generator) entry() []byte {
	o := document{}
	add := func(chance int, key string, value func() any) {
		if g.IntN(100) < chance {
			o = append(o, pair{key, value()})
		}
	}
	word := func() any { return g.text() }
	add(90, pick(g, "logName", "log_name"), func() any { return pick(g, randomLogs...) })
	add(80, "resource", func() any {
		return g.members(pair{"type", g.text()}, pair{"labels", g.members(pair{"zone", g.text()}, pair{"alpha", g.text()})})
	})
	add(70, "severity", func() any { return pick[any](g, "ERROR", "INFO", "error", 400, "nope", nil, "DEFAULT") })
	add(60, "insertId", word)
	add(30, "trace", word)
	add(20, "spanId", func() any { return pick[any](g, "", "alpha", nil) })
	add(40, "textPayload", word)
	add(60, "jsonPayload", func() any { return g.payload() })
	add(50, "labels", func() any { return g.members(pair{"env", g.text()}, pair{"k8s-pod/app", g.text()}, pair{"alpha", "x"}) })
	add(50, "protoPayload", func() any { return g.proto() })
	add(40, "httpRequest", func() any {
		return g.members(pair{"status", pick[any](g, 5, 500, "5", 5.5)}, pair{"latency", pick[any](g, "3s", "2.5s", "x", 3)},
			pair{pick(g, "cacheHit", "cache_hit"), pick[any](g, true, false, "true")}, pair{"requestSize", pick[any](g, "5", "100", 5, "x")})
	})
	add(60, "timestamp", func() any {
		return pick[any](g, "2024-01-01T09:00:00Z", "2024-01-01T09:00:00.5Z", "1970-01-01T00:00:00Z", "x", nil)
	})
	add(20, "operation", func() any { return g.members(pair{"first", g.IntN(2) == 0}) })
	add(20, "errorGroups", func() any { return pick[any](g, []any{}, []any{document{{"id", "alpha"}}, document{{"id", g.text()}}}) })
	add(10, "other", func() any { return g.any(2) })
	return g.write(nil, o)
}

// members keeps some of them, in any order.
func (g generator) members(pairs ...pair) document {
	o := document{}
	for _, i := range g.Perm(len(pairs)) {
		if g.IntN(4) > 0 {
			o = append(o, pairs[i])
		}
	}
	return o
}

func (g generator) text() string {
	w := pick(g, randomWords...)
	if g.IntN(4) == 0 {
		w += pick(g, " ", "", "-", ".") + pick(g, randomWords...)
	}
	return w
}

func (g generator) payload() any {
	return g.members(pair{"a", g.any(1)}, pair{"b", g.any(1)}, pair{"list", []any{g.any(1), g.any(1)}},
		pair{"deep", g.members(pair{"x", g.any(1)}, pair{"alpha", g.any(0)})},
		pair{"items", []any{document{{"name", g.any(0)}}, document{{"name", g.any(0)}, {"q", 1}}}})
}

func (g generator) proto() any {
	deep := g.members(pair{"a", g.any(1)}, pair{"A", g.any(0)}, pair{"@type", "t"},
		pair{"value", g.members(pair{"a", g.any(0)}, pair{"@type", "u"}, pair{"value", document{{"a", g.any(0)}}})})
	p := g.members(pair{pick(g, "methodName", "method_name", "METHODNAME"), g.text()}, pair{"list", []any{document{{"granted", true}}, g.any(1)}},
		pair{"deep", pick[any](g, deep, []any{deep, g.any(0)})}, pair{"status", g.members(pair{"value", g.any(1)})}, pair{"@type", "alpha"})
	if g.IntN(6) == 0 {
		return document{{"@type", "t"}, {"value", p}}
	}
	return p
}

// any makes a random JSON value.
func (g generator) any(depth int) any {
	switch n := g.IntN(12); {
	case n < 6:
		return g.text()
	case n < 7:
		return nil
	case n < 8:
		return g.IntN(2) == 0
	case n < 9:
		return json.Number(pick(g, "5", "-3", "100", "5.0", "0.5", "1e2", "123456789012345678901234567890"))
	case depth > 0 && n < 10:
		return pick[any](g, []any{}, []any{g.any(depth - 1), g.any(depth - 1)}, []any{[]any{g.any(0)}})
	case depth > 0:
		return g.members(pair{"x", g.any(depth - 1)}, pair{"alpha", g.any(0)})
	}
	return json.Number("7")
}

// write writes JSON with odd white space and needless escapes.
func (g generator) write(b []byte, v any) []byte {
	blank := func() string { return pick(g, "", "", "", " ", "\n") }
	switch x := v.(type) {
	case document:
		b = append(b, '{')
		for i, p := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, blank()...)
			b = append(g.write(b, p.key), ':')
			b = append(b, blank()...)
			b = g.write(b, p.value)
		}
		return append(append(b, blank()...), '}')
	case []any:
		b = append(b, '[')
		for i, e := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = g.write(append(b, blank()...), e)
		}
		return append(b, ']')
	case string:
		if g.IntN(8) > 0 {
			return append(b, must(json.Marshal(x))...)
		}
		b = append(b, '"')
		for _, r := range x {
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		return append(b, '"')
	}
	return append(b, must(json.Marshal(v))...)
}
