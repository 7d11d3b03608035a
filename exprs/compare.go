package exprs

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
)

// compareNumbers orders two numbers exactly, whatever their types; false when one of them is no number, or is not a number at
// all (NaN).
func compareNumbers(a, b any) (int, bool) {
	switch x := a.(type) {
	case int:
		switch y := b.(type) {
		case int:
			return compareInts(x, y), true
		case float64:
			if math.Abs(y) < 1<<53 && x > -1<<53 && x < 1<<53 {
				return compareFloats(float64(x), y), true
			}
		}
	case float64:
		if y, ok := b.(float64); ok {
			return compareFloats(x, y), x == x && y == y
		}
	}
	x, okX := exactly(a)
	y, okY := exactly(b)
	if !okX || !okY {
		return 0, false
	}
	return x.Cmp(y), true
}

func compareInts(x, y int) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func compareFloats(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// exactly gives a number without rounding.
func exactly(v any) (*big.Float, bool) {
	switch n := v.(type) {
	case int:
		return new(big.Float).SetInt64(int64(n)), true
	case *big.Int:
		return new(big.Float).SetInt(n), true
	case float64:
		if n == n {
			return big.NewFloat(n), true
		}
	}
	return nil, false
}

// equal compares two values: numbers by value, texts and times likewise, lists and objects member by member. Values of
// different kinds differ.
func (r *run) equal(a, b any) (bool, error) {
	switch x := a.(type) {
	case nil:
		return b == nil, nil
	case bool:
		return b == x, nil
	case string:
		y, ok := b.(string)
		return ok && x == y, nil
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y), nil
	case time.Duration:
		return b == x, nil
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return r.equalObjects(x, y)
	}
	if x, err := list(a); err == nil {
		y, err := list(b)
		if err != nil || b == nil || len(x) != len(y) {
			return false, nil
		}
		return r.equalLists(x, y)
	}
	order, ok := compareNumbers(a, b)
	return ok && order == 0, nil
}

func (r *run) equalObjects(x, y map[string]any) (bool, error) {
	if err := r.spend(len(x)); err != nil {
		return false, err
	}
	for key, v := range x {
		w, ok := y[key]
		if !ok {
			return false, nil
		}
		if same, err := r.equal(v, w); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *run) equalLists(x, y []any) (bool, error) {
	if err := r.spend(len(x)); err != nil {
		return false, err
	}
	for i := range x {
		if same, err := r.equal(x[i], y[i]); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// order compares two values that have an order; known is false when one of them is nil or NaN: nothing is above or below those.
func order(a, b any) (sign int, known bool, err error) {
	if a == nil || b == nil {
		return 0, false, nil
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), true, nil
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true, nil
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return compareInts(int(x), int(y)), true, nil
		}
	}
	if isNumber(a) && isNumber(b) {
		sign, known = compareNumbers(a, b)
		return sign, known, nil
	}
	return 0, false, fmt.Errorf("cannot compare %s with %s", nameOf(a), nameOf(b))
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, *big.Int, float64:
		return true
	}
	return false
}

// nameOf says in words what a value is.
func nameOf(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "true or false"
	case string:
		return "a text"
	case int, *big.Int, float64:
		return "a number"
	case time.Time:
		return "a time"
	case time.Duration:
		return "a duration"
	case map[string]any:
		return "an object"
	default:
		return "a list"
	}
}
