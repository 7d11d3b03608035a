package gcs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// day and year are the units of retention periods; a year has 365.25 days, as in gcloud's --retention-period.
// https://docs.cloud.google.com/storage/docs/bucket-lock
const (
	day  = 24 * time.Hour
	year = 8766 * time.Hour
)

// maxPeriod is the service's longest retention period, 100 years.
const maxPeriod = 100 * year

// Period is a length of time written 6y, 90d, 12h.
type Period time.Duration

// UnmarshalText reads a whole number of years, days, hours or seconds.
func (p *Period) UnmarshalText(b []byte) error {
	text := string(b)
	units := map[string]time.Duration{"y": year, "d": day, "h": time.Hour, "s": time.Second}
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
	case d > 0 && d%year == 0:
		return fmt.Sprintf("%dy", d/year)
	case d > 0 && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d > 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// JSONSchema describes a period in JSON Schema 2020-12.
func (Period) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^([0-9]+[ydhs]|.*\$\{.*)$`, "examples": []any{"6y", "90d"}}
}
