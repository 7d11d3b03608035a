package filters

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// sampled hashes the text of each value.
func (n naive) sampled(c *call) bool {
	fraction, _ := strconv.ParseFloat(joinParts(c.args[1].parts), 64)
	values, kind := n.values(c.args[0].parts)
	for _, v := range values {
		text, ok := naiveText(v, kind)
		if ok && float64(xxhash.Sum64String(text))/math.MaxUint64 <= fraction {
			return true
		}
	}
	return false
}

// naiveText is the text of a scalar for cast to STRING.
func naiveText(v any, kind string) (string, bool) {
	switch v.(type) {
	case nil, document, []any:
		return "", false
	}
	text := fmt.Sprint(v)
	switch kind {
	case "int", "int32":
		n, ok := naiveInteger(text)
		return fmt.Sprint(n), ok
	case "severity":
		n, _ := naiveSeverity(text)
		if n%100 == 0 && n <= 800 {
			return strings.Fields("DEFAULT DEBUG INFO NOTICE WARNING ERROR CRITICAL ALERT EMERGENCY")[n/100], true
		}
		return strconv.Itoa(n), true
	case "time":
		t, ok := naiveTime(v)
		return t.UTC().Format(time.RFC3339Nano), ok
	case "duration":
		d, ok := naiveDuration(v)
		if !ok {
			return "", false
		}
		seconds, _ := d.Float64()
		return strconv.FormatFloat(seconds/1e9, 'f', -1, 64) + "s", true
	case "bool":
		return text, text == "true" || text == "false"
	}
	if number, ok := v.(json.Number); ok {
		f, _ := number.Float64()
		if f == 0 {
			return "0", true
		}
		return string(must(json.Marshal(f))), true
	}
	return text, true
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// cast and extracted values carry their type.
type typed struct {
	value any
	kind  string
}

// chain evaluates cast and regexp_extract from the inside.
func (n naive) chain(c *call) (out []typed) {
	var in []typed
	if inner := c.args[0].call; inner != nil {
		in = n.chain(inner)
	} else {
		values, kind := n.values(c.args[0].parts)
		for _, v := range values {
			in = append(in, typed{v, kind})
		}
	}
	for _, x := range in {
		if c.fn.kind == fnRegexpExtract {
			if text, ok := naiveText(x.value, x.kind); ok {
				if m := compiled(joinParts(c.args[1].parts)).FindStringSubmatchIndex(text); m != nil && m[2] >= 0 {
					out = append(out, typed{text[m[2]:m[3]], "string"})
				}
			}
		} else if v, ok := naiveCast(c, x); ok {
			out = append(out, v)
		}
	}
	return out
}

// naiveCast covers the casts that the random filters use: to STRING, to INT64 and to FLOAT64.
func naiveCast(c *call, x typed) (typed, bool) {
	text, ok := naiveText(x.value, x.kind)
	switch target := strings.ToUpper(joinParts(c.args[1].parts)); target {
	case "STRING":
		if len(c.args) == 3 && x.kind == "time" {
			t, ok := naiveTime(x.value)
			zone, _ := time.LoadLocation(joinParts(c.args[2].call.args[0].parts))
			return typed{t.In(zone).Format(time.RFC3339Nano), "string"}, ok
		}
		return typed{text, "string"}, ok
	case "INT64":
		switch {
		case x.kind == "severity":
			n, _ := naiveSeverity(fmt.Sprint(x.value))
			return typed{json.Number(strconv.Itoa(n)), "int"}, true
		case x.kind == "time" || x.kind == "duration":
			return typed{}, false
		}
		_, plain := x.value.(bool)
		if b, isBool := map[string]string{"true": "1", "false": "0"}[text]; isBool && (plain || x.kind == "bool") {
			return typed{json.Number(b), "int"}, true
		}
		if _, isNumber := x.value.(json.Number); isNumber && x.kind == "" {
			f, _ := strconv.ParseFloat(text, 64)
			return typed{json.Number(strconv.FormatFloat(math.Round(f), 'f', -1, 64)), "int"}, math.Abs(f) < 1<<63
		}
		_, err := strconv.ParseInt(text, 10, 64)
		return typed{json.Number(text), "int"}, ok && err == nil
	default:
		_, isBool := x.value.(bool)
		_, isFloat := naiveFloat(text)
		return typed{json.Number(text), ""}, ok && isFloat && !isBool && x.kind != "severity" && x.kind != "time" && x.kind != "duration" && x.kind != "bool"
	}
}

// search looks for every word and phrase in the texts of a field or of the whole entry.
func (n naive) search(c *call) bool {
	var texts []string
	gather := func(v any, kind string) {
		if s, ok := v.(string); ok && (kind == "" || kind == "string") {
			texts = append(texts, naiveCaseFold(s))
		}
	}
	if len(c.args) == 1 {
		n.leaves(gather)
	} else {
		values, kind := n.values(c.args[0].parts)
		for _, v := range values {
			naive{v}.leaves(func(x any, _ string) { gather(x, kind) })
			if strings.HasPrefix(kind, "container") {
				naive{document{{"x", v}}}.leaves(func(x any, _ string) { gather(x, "") })
			}
		}
	}
	for i, piece := range strings.Split(naiveCaseFold(joinParts(c.args[len(c.args)-1].parts)), "`") {
		phrase := compiled(`(?:^|` + naiveDelimiters + `)` + regexp.QuoteMeta(piece) + `(?:$|` + naiveDelimiters + `)`)
		if i%2 == 1 && piece != "" && !slices.ContainsFunc(texts, phrase.MatchString) {
			return false
		}
		for _, word := range naiveWords(piece) {
			if i%2 == 0 && !slices.ContainsFunc(texts, func(s string) bool { return slices.Contains(naiveWords(s), word) }) {
				return false
			}
		}
	}
	return true
}

const naiveDelimiters = `(?:%2526|%2520|%21|%26|%3b|%7c|%20|%2b|%3d|%5d|%5b|%3a|%0a|%2c|%28|%29|[\[\]<>(){}|!;,'"*&?+/:=@.$%\\_\n\r\t -])`

var naiveDelimiter = regexp.MustCompile(naiveDelimiters)

func naiveWords(s string) []string {
	return strings.Fields(naiveDelimiter.ReplaceAllString(s, " "))
}

// oracleKnows says that the oracle covers a query: it knows fewer spellings of times and casts than the engine.
func oracleKnows(query string) bool {
	lower := strings.ToLower(query)
	for _, word := range []string{"cast", "ip_in_net", "sample", "search", "log_id", "source", "apphub", "timestamp"} {
		if strings.Contains(lower, word) {
			return false
		}
	}
	for _, r := range query {
		if r >= 0x80 {
			return false
		}
	}
	return true
}
