package exprs

import (
	"fmt"
	"strings"
	"time"

	"sluice/logentry"
)

// The functions that an expression calls by name. nil counts as an empty text and as an empty list.

// ofText makes a function of texts.
func ofText(f func(texts ...string) any) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		texts := make([]string, len(args)-1)
		for i, v := range args[1:] {
			t, ok := v.(string)
			if !ok && v != nil {
				return nil, fmt.Errorf("want a text, found %s", nameOf(v))
			}
			if err := args[0].(*run).spend(1 + len(t)>>10); err != nil {
				return nil, err
			}
			texts[i] = t
		}
		return f(texts...), nil
	}
}

// orBlanks are the characters that trim cuts off.
func orBlanks(texts []string) string {
	if len(texts) > 1 {
		return texts[1]
	}
	return " \t\r\n\v\f"
}

// split gives the parts of a text between separators.
func split(args ...any) (any, error) {
	var parts []string
	if _, err := ofText(func(a ...string) any {
		parts = strings.Split(a[0], a[1])
		return nil
	})(args...); err != nil {
		return nil, err
	}
	l := make([]any, len(parts))
	for i := range parts {
		l[i] = parts[i]
	}
	return l, args[0].(*run).spend(len(l))
}

// end is the first or the last member of a list, nil of an empty one.
func end(v any, at int) (any, error) {
	l, err := list(v)
	if err != nil || len(l) == 0 {
		return nil, err
	}
	return member(l, at)
}

// sum adds the members of a list; 0 when it is empty.
func sum(args ...any) (any, error) {
	l, err := list(args[1])
	if err != nil {
		return nil, err
	}
	total := any(0)
	if len(l) > 0 {
		if _, spans := l[0].(time.Duration); spans {
			total = time.Duration(0)
		}
	}
	for _, v := range l {
		if _, text := v.(string); text {
			return nil, fmt.Errorf("sum wants numbers, found a text")
		}
		if total, err = arithmetic('+', total, v); err != nil {
			return nil, err
		}
	}
	return total, args[0].(*run).spend(len(l))
}

// extreme is min or max of its arguments, or of the members of a list if that is the only one; nil of none.
func extreme(sign int) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		all := args[1:]
		if len(all) == 1 && !isNumber(all[0]) {
			l, err := list(all[0])
			if err != nil {
				return nil, err
			}
			all = l
		}
		var best any
		for _, v := range all {
			s, known, err := order(v, best)
			switch {
			case err != nil:
				return nil, err
			case best == nil || known && s == sign:
				best = v
			}
		}
		return best, args[0].(*run).spend(len(all))
	}
}

// date reads a time: RFC 3339, or a day, which begins at midnight UTC.
func date(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	t, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("date wants a text, found %s", nameOf(v))
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, t); err == nil {
			return at.UTC(), nil
		}
	}
	return nil, fmt.Errorf("date wants a time like 2026-01-31T00:00:00Z or a day like 2026-01-31")
}

// duration reads a length of time: 90s, 1.5h, 2m30s.
func duration(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	t, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("duration wants a text, found %s", nameOf(v))
	}
	d, err := time.ParseDuration(t)
	if err != nil {
		return nil, fmt.Errorf("duration wants a text like 1.5s, 2m30s or 24h")
	}
	return d, nil
}

// levelOf gives a severity's number, of a list those of its members; nil for what is none, which is neither above nor below any.
func levelOf(v any) any {
	switch v := v.(type) {
	case string:
		if severity, ok := logentry.ParseSeverity(v); ok {
			return int(severity)
		}
	case []any:
		levels := make([]any, len(v))
		for i := range v {
			levels[i] = levelOf(v[i])
		}
		return levels
	}
	return nil
}
