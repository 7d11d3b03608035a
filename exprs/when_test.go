package exprs

import (
	"fmt"
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	friday := at("2026-01-30T17:59:00Z")
	for _, c := range []struct {
		src  string
		is   Conditions
		want bool
	}{
		{"quota.used > 0.8", Conditions{Used: 0.81}, true},
		{"quota.used > 0.8", Conditions{Used: 0.8}, false},
		{"quota.used > quota.passed", Conditions{Used: 0.5, Passed: 0.4}, true},
		{"quota.used > 1 - 0.1 * (1 - quota.passed)", Conditions{Used: 0.96, Passed: 0.5}, true},
		{"quota.used > 1", Conditions{Used: 1}, false},
		{"time.hour in 9..17", Conditions{Time: friday}, true},
		{"time.hour in 9..16", Conditions{Time: friday}, false},
		{"not (time.weekday in [0, 6]) and time.minute == 59", Conditions{Time: friday}, true},
		{"time.year == 2026 and time.month == 1 and time.day == 30", Conditions{Time: friday}, true},
		{"time.hour == 17", Conditions{Time: friday.In(time.FixedZone("far", 7*3600))}, true},
		{"max(quota.used, 0.5) == 0.5", Conditions{Used: 0.1}, true},
		{"true", Conditions{}, true},
	} {
		w, err := CompileWhen(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if got, err := w.Holds(c.is); got != c.want || err != nil {
			t.Errorf("%s of %+v is %t (%v)", c.src, c.is, got, err)
		}
	}
}

func TestWhenMistakes(t *testing.T) {
	for src, want := range map[string]string{
		"quota.usd > 0.8":        "1:7: unknown field usd (there are quota.used, quota.passed, time.year, .month, .day, .weekday, .hour and .minute)",
		"true and\n time.hr<9":   "2:7: unknown field hr (there are quota.used, quota.passed, time.year, .month, .day, .weekday, .hour and .minute)",
		"severity == 3":          "1:1: unknown name severity (a when knows quota and time; what it asks of entries belongs into filter and where)",
		"quota.used":             "1:1: expected bool, but got float64 (a when is true or false of the route's state)",
		`quota.used > "0.8"`:     "1:12: invalid operation: > (mismatched types float64 and string)",
		"now().Hour() > 3":       "1:1: unknown name now (a when knows quota and time; what it asks of entries belongs into filter and where)",
		"quota.used > 0.8 AND x": "",
		"":                       "",
	} {
		_, err := CompileWhen(src)
		e, ok := err.(*Error)
		if !ok {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Error()); want != "" && got != want {
			t.Errorf("%s: got\n%s, want\n%s", src, got, want)
		}
	}
}

// TestWhenFails: a when that fails is not active, and says why.
func TestWhenFails(t *testing.T) {
	w, err := CompileWhen("time.hour % time.minute == 1")
	if err != nil {
		t.Fatal(err)
	}
	if holds, err := w.Holds(Conditions{Time: time.Unix(0, 0)}); holds || err == nil {
		t.Errorf("%t, %v", holds, err)
	}
	if !(&When{quota: true}).AsksQuota() || w.AsksQuota() {
		t.Error("AsksQuota")
	}
}
