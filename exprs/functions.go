package exprs

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// allowedFunctions are those of expr's that an expression may call. Left out are what reads the clock or the host (now,
// timezone), what has no fixed order (keys, values), and what can make something large of something small (repeat, reduce).
var allowedFunctions = []string{
	"abs", "all", "any", "ceil", "count", "date", "duration", "filter", "find", "findIndex", "first", "float", "floor", "indexOf", "int",
	"last", "lastIndexOf", "len", "lower", "map", "max", "min", "none", "one", "round", "split", "string", "sum", "trim", "trimPrefix",
	"trimSuffix", "upper",
}

func isAllowed(name string) bool { return slices.Contains(allowedFunctions, name) }

// functions are what a rewritten tree calls. The first argument of each is the *run.
var functions = map[string]func(args ...any) (any, error){
	"read":      read,
	"ask":       func(args ...any) (any, error) { return args[0].(*run).value(args[1].(int)) },
	"truth":     truthOf,
	"pass":      func(args ...any) (any, error) { return args[1], args[0].(*run).spend(1) },
	"member":    func(args ...any) (any, error) { return member(args[1], args[2]) },
	"method":    func(args ...any) (any, error) { return method(args[1], args[2].(string)) },
	"list":      func(args ...any) (any, error) { return list(args[1]) },
	"searched":  func(args ...any) (any, error) { return args[0].(*run).searched(args[1]) },
	"orEmpty":   func(args ...any) (any, error) { return orEmpty(args[1]), nil },
	"level":     func(args ...any) (any, error) { return levelOf(args[1]), nil },
	"equal":     func(args ...any) (any, error) { return args[0].(*run).equal(args[1], args[2]) },
	"in":        func(args ...any) (any, error) { return args[0].(*run).in(args[1], args[2]) },
	"add":       func(args ...any) (any, error) { return args[0].(*run).join(args[1], args[2]) },
	"subtract":  func(args ...any) (any, error) { return arithmetic('-', args[1], args[2]) },
	"multiply":  func(args ...any) (any, error) { return arithmetic('*', args[1], args[2]) },
	"divide":    func(args ...any) (any, error) { return divide(args[1], args[2]) },
	"remainder": func(args ...any) (any, error) { return remainder(args[1], args[2]) },
	"negative":  func(args ...any) (any, error) { return negative(args[1]) },
	"below":     ordered(func(sign int) bool { return sign < 0 }),
	"above":     ordered(func(sign int) bool { return sign > 0 }),
	"notAbove":  ordered(func(sign int) bool { return sign <= 0 }),
	"notBelow":  ordered(func(sign int) bool { return sign >= 0 }),

	"int":         func(args ...any) (any, error) { return toInteger(args[1]) },
	"float":       func(args ...any) (any, error) { return toDouble(args[1]) },
	"string":      func(args ...any) (any, error) { return toText(args[1]) },
	"date":        func(args ...any) (any, error) { return date(args[1]) },
	"duration":    func(args ...any) (any, error) { return duration(args[1]) },
	"first":       func(args ...any) (any, error) { return end(args[1], 0) },
	"last":        func(args ...any) (any, error) { return end(args[1], -1) },
	"sum":         sum,
	"min":         extreme(-1),
	"max":         extreme(+1),
	"lower":       ofText(func(a ...string) any { return strings.ToLower(a[0]) }),
	"upper":       ofText(func(a ...string) any { return strings.ToUpper(a[0]) }),
	"trim":        ofText(func(a ...string) any { return strings.Trim(a[0], orBlanks(a)) }),
	"trimPrefix":  ofText(func(a ...string) any { return strings.TrimPrefix(a[0], a[1]) }),
	"trimSuffix":  ofText(func(a ...string) any { return strings.TrimSuffix(a[0], a[1]) }),
	"indexOf":     ofText(func(a ...string) any { return strings.Index(a[0], a[1]) }),
	"lastIndexOf": ofText(func(a ...string) any { return strings.LastIndex(a[0], a[1]) }),
	"split":       split,
}

// read gives a name's value, its type's default when the entry does not have it.
func read(args ...any) (any, error) {
	r, slot := args[0].(*run), args[1].(int)
	v, err := r.value(slot)
	if v == nil && err == nil {
		v = absent[r.wants.slots[slot].kind]
	}
	return v, err
}

// truthOf is what stands where true or false is asked for: nil is false.
func truthOf(args ...any) (any, error) {
	holds, ok := args[1].(bool)
	if !ok && args[1] != nil {
		return nil, fmt.Errorf("want true or false, found %s", nameOf(args[1]))
	}
	return holds, args[0].(*run).spend(1)
}

// member is whole.key or whole[key]: nil when it is not there. A place that a list does not have is an error, and so is a key of
// a list, where any was meant.
func member(whole, key any) (any, error) {
	switch k := key.(type) {
	case nil:
		return nil, nil
	case string:
		if object, ok := whole.(map[string]any); ok {
			return object[k], nil
		}
		if _, err := list(whole); err == nil && whole != nil {
			return nil, fmt.Errorf("a list has no .%s: write any(list, .%s …)", k, k)
		}
		return nil, nil
	case int:
		if whole == nil {
			return nil, nil
		}
		l, err := list(whole)
		if err != nil {
			return nil, err
		}
		i := k
		if i < 0 {
			i += len(l)
		}
		if i < 0 || i >= len(l) {
			return nil, fmt.Errorf("no [%d] in a list of %d", k, len(l))
		}
		return l[i], nil
	}
	return nil, fmt.Errorf("want a key or a place, found %s", nameOf(key))
}

// list gives the members of a list; none of nil.
func list(v any) ([]any, error) {
	switch l := v.(type) {
	case nil:
		return []any{}, nil
	case []any:
		return l, nil
	case []int: // a range
		out := make([]any, len(l))
		for i := range l {
			out[i] = l[i]
		}
		return out, nil
	}
	return nil, fmt.Errorf("want a list, found %s", nameOf(v))
}

// orEmpty is what can be measured and cut: nil counts as an empty text.
func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

// searched is an operand of contains, startsWith, endsWith and matches: a text, or nil, of which none of them holds.
func (r *run) searched(v any) (any, error) {
	t, ok := v.(string)
	if !ok && v != nil {
		return nil, fmt.Errorf("want a text, found %s", nameOf(v))
	}
	return v, r.spend(1 + len(t)>>10)
}

// in says whether a list has the value as a member, or an object as a key.
func (r *run) in(v, whole any) (any, error) {
	if object, ok := whole.(map[string]any); ok {
		key, ok := v.(string)
		if !ok {
			return false, nil
		}
		_, has := object[key]
		return has, nil
	}
	l, err := list(whole)
	if err != nil {
		return nil, err
	}
	if err := r.spend(1 + len(l)>>4); err != nil {
		return nil, err
	}
	for _, member := range l {
		if same, err := r.equal(member, v); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// join is a + b.
func (r *run) join(a, b any) (any, error) {
	v, err := arithmetic('+', a, b)
	if t, ok := v.(string); ok && err == nil {
		err = r.spend(len(t) >> 10)
	}
	return v, err
}

func ordered(holds func(sign int) bool) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		sign, known, err := order(args[1], args[2])
		return known && holds(sign), err
	}
}

// method is a part of a time or a duration.
func method(v any, name string) (any, error) {
	switch x := v.(type) {
	case time.Time:
		if part, ok := timeParts[name]; ok {
			return part(x), nil
		}
	case time.Duration:
		if part, ok := durationParts[name]; ok {
			return part(x), nil
		}
	}
	return nil, fmt.Errorf("%s has no %s()", nameOf(v), name)
}

// Times are in UTC.
var timeParts = map[string]func(time.Time) any{
	"Year":    func(t time.Time) any { return t.Year() },
	"Month":   func(t time.Time) any { return int(t.Month()) },
	"Day":     func(t time.Time) any { return t.Day() },
	"Weekday": func(t time.Time) any { return int(t.Weekday()) },
	"Hour":    func(t time.Time) any { return t.Hour() },
	"Minute":  func(t time.Time) any { return t.Minute() },
	"Second":  func(t time.Time) any { return t.Second() },
	"Unix":    func(t time.Time) any { return int(t.Unix()) },
}

var durationParts = map[string]func(time.Duration) any{
	"Hours":        func(d time.Duration) any { return d.Hours() },
	"Minutes":      func(d time.Duration) any { return d.Minutes() },
	"Seconds":      func(d time.Duration) any { return d.Seconds() },
	"Milliseconds": func(d time.Duration) any { return int(d.Milliseconds()) },
}
