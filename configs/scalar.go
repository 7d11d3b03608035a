package configs

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// scalar reads a single value by the kind of v.
func (d *decoder) scalar(n ast.Node, path string, v reflect.Value, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.String:
		text, ok := d.text(n, path)
		if ok && tag.Get("verbatim") == "" {
			text, ok = d.expand(path, text)
		}
		if words := tag.Get("enum"); ok && words != "" {
			d.oneOf(n, path, text, strings.Split(words, "|"))
		}
		v.SetString(text)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.mismatch(n, path, "true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.number(n, path, v, tag)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.GetToken().Value, 64)
		if !strings.HasPrefix(kindOf(n), "the number") || err != nil {
			d.mismatch(n, path, "a number")
			return
		}
		v.SetFloat(f)
	default:
		panic(fmt.Sprintf("configuration type %s of %s cannot be read", v.Type(), path)) // a mistake of this program
	}
}

// text reads text, in any of YAML's styles.
func (d *decoder) text(n ast.Node, path string) (string, bool) {
	switch t := n.(type) {
	case *ast.StringNode:
		return t.Value, true
	case *ast.LiteralNode:
		return t.Value.Value, true
	}
	d.mismatch(n, path, "text")
	return "", false
}

func (d *decoder) oneOf(n ast.Node, path, text string, words []string) {
	for _, word := range words {
		if text == word {
			return
		}
	}
	hint := suggest(text, words)
	if strings.HasPrefix(hint, "known") {
		hint = "" // the message names them
	}
	d.problemAt(n, path, fmt.Sprintf("want %s, found %q", strings.Join(words, " or "), text), hint)
}

// number reads a count, or with the tag size a number of bytes.
func (d *decoder) number(n ast.Node, path string, v reflect.Value, tag reflect.StructTag) {
	isSize := tag.Get("size") != ""
	var value int64
	switch t := n.(type) {
	case *ast.IntegerNode:
		i, err := strconv.ParseInt(fmt.Sprint(t.Value), 10, 64)
		if err != nil {
			d.problemAt(n, path, "the number "+t.GetToken().Value+" is too large", "")
			return
		}
		value = i
	case *ast.StringNode:
		if !isSize {
			d.mismatch(n, path, "a whole number")
			return
		}
		text, ok := d.expand(path, t.Value)
		if !ok {
			return
		}
		size, err := ParseSize(text)
		if err != nil {
			d.problemAt(n, path, err.Error(), "write 192MiB, 50GiB or a number of bytes")
			return
		}
		value = size
	default:
		if isSize {
			d.mismatch(n, path, "a size")
		} else {
			d.mismatch(n, path, "a whole number")
		}
		return
	}
	bound := func(text string) int64 {
		limit, _ := ParseSize(text)
		return limit
	}
	if !d.bounds(n, path, value, tag, bound) {
		return
	}
	if v.CanInt() && !v.OverflowInt(value) {
		v.SetInt(value)
	} else if v.CanUint() && value >= 0 && !v.OverflowUint(uint64(value)) {
		v.SetUint(uint64(value))
	} else {
		d.problemAt(n, path, "the number "+n.GetToken().Value+" does not fit here", "")
	}
}

// bounds holds a value against the tags min and max.
func (d *decoder) bounds(n ast.Node, path string, value int64, tag reflect.StructTag, parse func(string) int64) bool {
	if least, ok := tag.Lookup("min"); ok && value < parse(least) {
		d.problemAt(n, path, fmt.Sprintf("%s is too small", n.GetToken().Value), "the least is "+least)
		return false
	}
	if most, ok := tag.Lookup("max"); ok && value > parse(most) {
		d.problemAt(n, path, fmt.Sprintf("%s is too large", n.GetToken().Value), "the most is "+most)
		return false
	}
	return true
}

// decodeForeign reads the types that are text everywhere, and those of others which read YAML or text themselves.
func (d *decoder) decodeForeign(n ast.Node, path string, v reflect.Value) bool {
	if v.Type() == secretType {
		if text, ok := d.text(n, path); ok {
			v.SetString(d.secret(path, text))
		}
		return true
	}
	switch target := v.Addr().Interface().(type) {
	case yaml.InterfaceUnmarshaler, yaml.BytesUnmarshaler, yaml.NodeUnmarshaler:
		if err := yaml.NodeToValue(n, target, yaml.Strict()); err != nil {
			d.problemAt(n, path, foreignMessage(n, err), "")
		}
		return true
	case encoding.TextUnmarshaler:
		if text, ok := d.text(n, path); ok {
			text, ok = d.expand(path, text)
			if err := target.UnmarshalText([]byte(text)); ok && err != nil {
				d.problemAt(n, path, err.Error(), "")
			}
		}
		return true
	}
	return false
}

// foreignMessage words an error of a type that reads its YAML itself, without the names of Go types.
func foreignMessage(n ast.Node, err error) string {
	var mismatch *yaml.TypeError
	var at yaml.Error
	switch {
	case errors.As(err, &mismatch):
		return kindOf(n) + " does not fit here"
	case errors.As(err, &at):
		return at.GetMessage()
	}
	return err.Error()
}

// duration reads a length of time.
func (d *decoder) duration(n ast.Node, path string, v reflect.Value, tag reflect.StructTag) {
	const hint = "write 60s, 15m, 12h or 7d"
	text, ok := n.(*ast.StringNode)
	if !ok {
		d.problemAt(n, path, "want a duration, found "+kindOf(n), hint)
		return
	}
	expanded, ok := d.expand(path, text.Value)
	if !ok {
		return
	}
	length, err := ParseDuration(expanded)
	if err != nil {
		d.problemAt(n, path, err.Error(), hint)
		return
	}
	bound := func(text string) int64 {
		limit, _ := ParseDuration(text)
		return int64(limit)
	}
	if d.bounds(n, path, int64(length), tag, bound) {
		v.SetInt(int64(length))
	}
}

// variable is a reference to the environment.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand puts the environment's values in the place of ${NAME}. One that is not set is a mistake, an empty one is not.
func (d *decoder) expand(path, text string) (string, bool) {
	var unset []string
	text = variable.ReplaceAllStringFunc(text, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value, ok := os.LookupEnv(name)
		if !ok {
			unset = append(unset, name)
		}
		return value
	})
	if len(unset) > 0 {
		d.problem(path, "not set in the environment: "+strings.Join(unset, ", "), "")
	}
	return text, len(unset) == 0
}

// secret reads a secret from where the configuration says that it stands: ${NAME}, alone or within text, or file:PATH.
func (d *decoder) secret(path, text string) string {
	if name, ok := strings.CutPrefix(text, "file:"); ok {
		file, ok := d.expand(path, name)
		if !ok {
			return ""
		}
		d.read = append(d.read, file)
		text, err := readSecret(file)
		if err != nil {
			d.problem(path, err.Error(), "")
			return ""
		}
		return text
	}
	if !variable.MatchString(text) {
		d.problem(path, "a secret must not stand in the configuration", "write ${NAME} for an environment variable, or file:PATH")
		return ""
	}
	text, _ = d.expand(path, text)
	return text
}

// sizeUnits are the units of sizes.
var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
	"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
}

// ParseSize reads a number of bytes: 192MiB, 50 GiB, 10MB, 4096.
func ParseSize(text string) (int64, error) {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	unit, ok := sizeUnits[strings.TrimSpace(text[digits:])]
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	switch {
	case digits == 0 || !ok:
		return 0, fmt.Errorf("%q is not a size", text)
	case err != nil || n > math.MaxInt64/unit:
		return 0, fmt.Errorf("size %s is too large", text)
	}
	return n * unit, nil
}

// dayPart is a number of days at the beginning of a duration.
var dayPart = regexp.MustCompile(`^(\d{1,5})d`)

// ParseDuration reads a length of time as time.ParseDuration does, and days before it: 60s, 1h30m, 7d, 1d12h. It is not negative.
func ParseDuration(text string) (time.Duration, error) {
	var days, rest time.Duration
	tail := text
	if m := dayPart.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		days, tail = time.Duration(n)*24*time.Hour, text[len(m[0]):]
	}
	if tail != "" || days == 0 && tail == text {
		var err error
		if rest, err = time.ParseDuration(tail); err != nil || strings.HasPrefix(tail, "+") {
			return 0, fmt.Errorf("%q is not a duration", text)
		}
	}
	if rest < 0 || days+rest < days {
		return 0, fmt.Errorf("duration %s is negative or too long", text)
	}
	return days + rest, nil
}
