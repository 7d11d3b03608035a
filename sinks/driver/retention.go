package driver

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Retention is what a bucket must guarantee about the objects in it; its zero value demands nothing.
type Retention struct {
	AtLeast Period `json:"-" yaml:"atLeast" doc:"The least retention period of the bucket: 6y, 90d, 12h."`
	Locked  bool   `json:"-" yaml:"locked" doc:"The retention must be locked, so that nobody can shorten it."`
}

// Demanding says whether anything is demanded.
func (r Retention) Demanding() bool { return r.AtLeast > 0 || r.Locked }

// Day and Year are the units of retention periods; a year has 365.25 days, as in gcloud's --retention-period.
// https://docs.cloud.google.com/storage/docs/bucket-lock
const (
	Day  = 24 * time.Hour
	Year = 8766 * time.Hour
)

// maxPeriod is the longest retention period of the services, 100 years.
const maxPeriod = 100 * Year

// Period is a length of time written 6y, 90d, 12h.
type Period time.Duration

// UnmarshalText reads a whole number of years, days, hours or seconds.
func (p *Period) UnmarshalText(b []byte) error {
	text := string(b)
	units := map[string]time.Duration{"y": Year, "d": Day, "h": time.Hour, "s": time.Second}
	number := strings.TrimRight(text, "ydhs")
	unit, known := units[text[len(number):]]
	n, err := strconv.ParseInt(number, 10, 64)
	if !known || err != nil || n <= 0 || n > int64(maxPeriod/unit) {
		return fmt.Errorf("%q is no period: write 6y, 90d or 12h, at most 100y", text)
	}
	*p = Period(time.Duration(n) * unit)
	return nil
}

// MarshalText writes it as UnmarshalText reads it.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String gives the largest unit that divides it; seconds if none does.
func (p Period) String() string {
	d := time.Duration(p)
	switch {
	case d > 0 && d%Year == 0:
		return fmt.Sprintf("%dy", d/Year)
	case d > 0 && d%Day == 0:
		return fmt.Sprintf("%dd", d/Day)
	case d > 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// JSONSchema describes a period in JSON Schema 2020-12.
func (Period) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^([0-9]+[ydhs]|.*\$\{.*)$`, "examples": []any{"6y", "90d"}}
}
