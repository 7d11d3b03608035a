package layout

import (
	"time"

	"sluice/logentry"
)

// moment is the UTC time by which an entry is filed: its timestamp if that is a date-time of RFC 3339 whose UTC lies in the years
// 0000 to 9999, else its stored time.
func moment(e *logentry.Entry) time.Time {
	if v := e.Get(logentry.PathTimestamp); v.Kind == logentry.String && !v.Escaped {
		if t, ok := parseHour(v.Text); ok {
			return t
		}
	}
	return e.Stored.UTC()
}

// parseHour reads a date-time of RFC 3339 (https://www.rfc-editor.org/rfc/rfc3339#section-5.6) to the minute. It is our own, so
// that no version of the standard library can move an entry to another object.
func parseHour(s []byte) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	year, month, day := number(s[0:4]), number(s[5:7]), number(s[8:10])
	hour, minute, second := number(s[11:13]), number(s[14:16]), number(s[17:19])
	zone, ok := offset(skipFraction(s[19:]))
	if !ok || year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 60 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
	if t.Day() != day { // the 30th of February
		return time.Time{}, false
	}
	t = t.Add(-zone)
	return t, t.Year() >= 0 && t.Year() <= 9999
}

// skipFraction drops a fraction of a second, if a whole one stands there.
func skipFraction(s []byte) []byte {
	if s[0] != '.' {
		return s
	}
	i := 1
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if i == 1 {
		return nil
	}
	return s[i:]
}

// offset reads Z or ±HH:MM.
func offset(s []byte) (time.Duration, bool) {
	if len(s) == 1 {
		return 0, s[0]|0x20 == 'z'
	}
	if len(s) != len("+00:00") || s[3] != ':' || (s[0] != '+' && s[0] != '-') {
		return 0, false
	}
	hours, minutes := number(s[1:3]), number(s[4:6])
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		d = -d
	}
	return d, true
}

// number reads digits, or gives -1.
func number(s []byte) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// appendDigits appends n with at least width digits.
func appendDigits(dst []byte, n, width int) []byte {
	var digits [20]byte
	i := len(digits)
	for ; n > 0 || width > 0; n, width = n/10, width-1 {
		i--
		digits[i] = byte('0' + n%10)
	}
	return append(dst, digits[i:]...)
}
