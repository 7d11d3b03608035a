package logentry

import (
	"strconv"
	"strings"
)

// Severity is a LogEntry's severity, by its number in google.logging.type.LogSeverity. The zero value is the default.
type Severity int32

// The levels.
const (
	Default   Severity = 0
	Debug     Severity = 100
	Info      Severity = 200
	Notice    Severity = 300
	Warning   Severity = 400
	Error     Severity = 500
	Critical  Severity = 600
	Alert     Severity = 700
	Emergency Severity = 800
)

// severities are the levels' names; a level's number is 100 times its place.
var severities = [...]string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}

// ParseSeverity reads a level's name, in any case, or a number. Numbers between the levels are accepted, as protocol buffers
// accept unknown enum numbers; negative ones and any other text are not.
func ParseSeverity(s string) (Severity, bool) {
	for i, name := range severities {
		if len(s) == len(name) && strings.EqualFold(s, name) {
			return Severity(100 * i), true
		}
	}
	n, err := strconv.ParseUint(s, 10, 31)
	return Severity(n), err == nil
}

// String gives the level's name, or the number of one that has none.
func (s Severity) String() string {
	if i := int(s) / 100; s >= 0 && s%100 == 0 && i < len(severities) {
		return severities[i]
	}
	return strconv.Itoa(int(s))
}
