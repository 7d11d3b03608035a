package exprs

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"
)

// arithmetic is +, - or * of two values. Integers stay exact at any size.
func arithmetic(op byte, a, b any) (any, error) {
	if isNumber(a) && isNumber(b) {
		return compute(op, a, b)
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok && op == '+' {
			if len(x)+len(y) > maxText {
				return nil, fmt.Errorf("a text of more than %d bytes", maxText)
			}
			return x + y, nil
		}
	case time.Time:
		switch y := b.(type) {
		case time.Time:
			if op == '-' {
				return x.Sub(y), nil
			}
		case time.Duration:
			switch op {
			case '+':
				return x.Add(y), nil
			case '-':
				return x.Add(-y), nil
			}
		}
	case time.Duration:
		return durations(op, x, b)
	}
	if y, ok := b.(time.Duration); ok && op == '*' {
		return durations(op, y, a)
	}
	return nil, fmt.Errorf("cannot compute %s %c %s", nameOf(a), op, nameOf(b))
}

// durations computes with a duration on the left.
func durations(op byte, x time.Duration, b any) (any, error) {
	switch y := b.(type) {
	case time.Duration:
		switch op {
		case '+':
			return x + y, nil
		case '-':
			return x - y, nil
		}
	case time.Time:
		if op == '+' {
			return y.Add(x), nil
		}
	case int:
		if op == '*' {
			return x * time.Duration(y), nil
		}
	case float64:
		if op == '*' {
			return time.Duration(float64(x) * y), nil
		}
	}
	return nil, fmt.Errorf("cannot compute a duration %c %s", op, nameOf(b))
}

// compute is arithmetic of numbers: with doubles if one of them is one, else exact.
func compute(op byte, a, b any) (any, error) {
	x, okX := a.(float64)
	y, okY := b.(float64)
	if okX || okY {
		if !okX {
			x = toFloat(a)
		}
		if !okY {
			y = toFloat(b)
		}
		switch op {
		case '+':
			return x + y, nil
		case '-':
			return x - y, nil
		}
		return x * y, nil
	}
	if i, ok := a.(int); ok {
		if j, ok := b.(int); ok {
			if n, ok := small(op, i, j); ok {
				return n, nil
			}
		}
	}
	n := new(big.Int)
	switch op {
	case '+':
		n.Add(toBig(a), toBig(b))
	case '-':
		n.Sub(toBig(a), toBig(b))
	default:
		n.Mul(toBig(a), toBig(b))
	}
	return fit(n)
}

// small computes with ints that are small enough that nothing can overflow.
func small(op byte, i, j int) (int, bool) {
	const half = math.MaxInt >> 1
	switch {
	case op != '*' && i <= half && i >= -half && j <= half && j >= -half:
		if op == '-' {
			return i - j, true
		}
		return i + j, true
	case op == '*' && i <= math.MaxInt32>>1 && i >= math.MinInt32>>1 && j <= math.MaxInt32>>1 && j >= math.MinInt32>>1:
		return int(int64(i) * int64(j)), math.MaxInt > math.MaxInt32
	}
	return 0, false
}

// fit gives an integer as an int where it is one.
func fit(n *big.Int) (any, error) {
	if n.IsInt64() && int64(int(n.Int64())) == n.Int64() {
		return int(n.Int64()), nil
	}
	if n.BitLen() > maxBits {
		return nil, fmt.Errorf("an integer of more than %d bits", maxBits)
	}
	return n, nil
}

func toBig(v any) *big.Int {
	if n, ok := v.(*big.Int); ok {
		return n
	}
	return big.NewInt(int64(v.(int)))
}

func toFloat(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case *big.Int:
		f, _ := new(big.Float).SetInt(n).Float64()
		return f
	}
	return v.(float64)
}

// divide is the double a / b, or a duration's part.
func divide(a, b any) (any, error) {
	if isNumber(a) && isNumber(b) {
		return toFloat(a) / toFloat(b), nil
	}
	return nil, fmt.Errorf("cannot compute %s / %s", nameOf(a), nameOf(b))
}

// remainder is a % b of integers, with the sign of a.
func remainder(a, b any) (any, error) {
	if _, double := a.(float64); double || !isNumber(a) {
		return nil, fmt.Errorf("%% wants an integer, found %s", nameOf(a))
	}
	if _, double := b.(float64); double || !isNumber(b) {
		return nil, fmt.Errorf("%% wants an integer, found %s", nameOf(b))
	}
	if toBig(b).Sign() == 0 {
		return nil, fmt.Errorf("%% by zero")
	}
	return fit(new(big.Int).Rem(toBig(a), toBig(b)))
}

func negative(v any) (any, error) {
	if !isNumber(v) {
		if d, ok := v.(time.Duration); ok {
			return -d, nil
		}
		return nil, fmt.Errorf("- wants a number, found %s", nameOf(v))
	}
	if f, ok := v.(float64); ok {
		return -f, nil
	}
	return fit(new(big.Int).Neg(toBig(v)))
}

// toInteger is int(v): of a number its integer part, of a text the integer that it writes, of nil nil.
func toInteger(v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case int, *big.Int:
		return x, nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("int of a number that is not finite")
		}
		n, _ := big.NewFloat(x).Int(nil)
		return fit(n)
	case string:
		if len(x) <= maxDigits {
			if n, err := strconv.Atoi(x); err == nil {
				return n, nil
			}
			if n, ok := new(big.Int).SetString(x, 10); ok {
				return fit(n)
			}
		}
		return nil, fmt.Errorf("int of a text that is no integer")
	}
	return nil, fmt.Errorf("int wants a number or a text, found %s", nameOf(v))
}

// toDouble is float(v); of nil nil.
func toDouble(v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case int, *big.Int, float64:
		return toFloat(x), nil
	case string:
		f, err := strconv.ParseFloat(x, 64)
		if err != nil {
			return nil, fmt.Errorf("float of a text that is no number")
		}
		return f, nil
	}
	return nil, fmt.Errorf("float wants a number or a text, found %s", nameOf(v))
}

// toText is string(v): of a number its shortest decimal text.
func toText(v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case int:
		return strconv.Itoa(x), nil
	case *big.Int:
		return x.String(), nil
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64), nil
	case bool:
		return strconv.FormatBool(x), nil
	case time.Time:
		return x.Format(time.RFC3339Nano), nil
	case time.Duration:
		return x.String(), nil
	}
	return nil, fmt.Errorf("string of %s", nameOf(v))
}
