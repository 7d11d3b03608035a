package driver_test

import (
	"testing"
	"time"

	"sluice/sinks/driver"
)

func TestPeriod(t *testing.T) {
	for text, want := range map[string]time.Duration{"6y": 6 * 8766 * time.Hour, "90d": 90 * 24 * time.Hour, "12h": 12 * time.Hour, "7s": 7 * time.Second} {
		var p driver.Period
		if err := p.UnmarshalText([]byte(text)); err != nil || time.Duration(p) != want || p.String() != text {
			t.Errorf("%s gives %d, %s, %v", text, p, p, err)
		}
	}
	for _, text := range []string{"", "y", "6", "-1y", "0d", "101y", "1.5y", "6yy", "9999999999999999999s", "6m"} {
		if err := new(driver.Period).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
