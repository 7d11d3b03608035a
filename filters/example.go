package filters

import (
	"encoding/json"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Examples yields entries that may be such a case, as JSON, until yield returns true: whoever wants to be sure asks the filters.
func (c Case) Examples(yield func(entry []byte) bool) {
	s := c.solver()
	s.search(func() bool {
		entry := make(map[string]any)
		for _, p := range s.fields {
			if q := p.find(s, -1); q != nil && !q.absent {
				var keys []string
				for _, segment := range p.field.path {
					keys = append(keys, segment.Key)
				}
				if value := p.witness(s, q); value != nil {
					put(entry, keys, value)
				}
			}
		}
		b, err := json.Marshal(entry)
		return err == nil && yield(b)
	})
}

func put(into map[string]any, keys []string, value any) {
	for _, k := range keys[:len(keys)-1] {
		next, ok := into[k].(map[string]any)
		if !ok {
			next = make(map[string]any)
			into[k] = next
		}
		into = next
	}
	into[keys[len(keys)-1]] = value
}

// witness gives a value of a profile.
func (p *profiles) witness(s *solver, q *profile) any {
	if q.value != nil || !q.text {
		return q.value
	}
	var parts []string
	for _, i := range p.atoms {
		switch a := &s.atoms[i]; {
		case a.is == isTrue && a.pred.kind == comparePredicate && a.pred.op == opHas:
			parts = append(parts, a.pred.lit.text)
		case a.is == isTrue && a.pred.kind == matchPredicate && a.pred.op == opMatch:
			parts = append(parts, matchOf(a.pred.pattern))
		}
	}
	if len(parts) == 0 {
		return "example"
	}
	return strings.Join(parts, " ")
}

// matchOf gives a text that a pattern most likely matches.
func matchOf(re *regexp.Regexp) string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	writeMatch(&b, tree)
	return b.String()
}

func writeMatch(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			b.WriteRune(re.Rune[len(re.Rune)-1])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpAlternate, syntax.OpPlus, syntax.OpCapture:
		writeMatch(b, re.Sub[0])
	case syntax.OpRepeat:
		for range re.Min {
			writeMatch(b, re.Sub[0])
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			writeMatch(b, sub)
		}
	}
}

// anyCase is the pattern without regard to case.
func anyCase(re *regexp.Regexp) *regexp.Regexp {
	folded, err := regexp.Compile("(?i:" + re.String() + ")")
	if err != nil {
		return re
	}
	return folded
}
