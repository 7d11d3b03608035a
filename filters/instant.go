package filters

import "cmp"

// instant is a point in time: seconds since 1970 in UTC, and nanoseconds within the second.
type instant struct {
	sec  int64
	nano int32
}

func (a instant) compare(b instant) int {
	return cmp.Or(cmp.Compare(a.sec, b.sec), cmp.Compare(a.nano, b.nano))
}

// parseInstant reads RFC 3339 or an ISO 8601 date. Beyond the documentation it takes what is seen in the wild: ±hhmm and ±hh, a
// time cut after the minutes or the hours, no zone (UTC), lower case t and z. Digits beyond nanoseconds are dropped.
func parseInstant(s []byte) (instant, bool) {
	r := timeReader{s: s}
	year, month, day := r.digits(4), r.after('-', 2), r.after('-', 2)
	if r.bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || year < 1 {
		return instant{}, false
	}
	at := instant{sec: days(year, month, day) * 86400}
	if r.done() {
		return at, true
	}
	if !r.take('T') && !r.take('t') && !r.take(' ') {
		return instant{}, false
	}
	hour, minute, second := r.digits(2), 0, 0
	if r.take(':') {
		minute = r.digits(2)
		if r.take(':') {
			second = r.digits(2)
			at.nano = r.fraction()
		}
	}
	offset := r.zone()
	if r.bad || !r.done() || hour > 23 || minute > 59 || second > 59 {
		return instant{}, false
	}
	at.sec += int64(hour*3600 + minute*60 + second - offset)
	return at, true
}

// timeReader reads the pieces of a time; bad is set by the first piece that is not there.
type timeReader struct {
	s   []byte
	bad bool
}

func (r *timeReader) done() bool { return len(r.s) == 0 }

func (r *timeReader) take(c byte) bool {
	if len(r.s) > 0 && r.s[0] == c {
		r.s = r.s[1:]
		return true
	}
	return false
}

func (r *timeReader) digits(n int) int {
	if len(r.s) < n {
		r.bad = true
		return 0
	}
	v := 0
	for _, c := range r.s[:n] {
		r.bad = r.bad || !isDigit(c)
		v = v*10 + int(c-'0')
	}
	r.s = r.s[n:]
	return v
}

func (r *timeReader) after(c byte, n int) int {
	if !r.take(c) {
		r.bad = true
		return 0
	}
	return r.digits(n)
}

// fraction reads nanoseconds.
func (r *timeReader) fraction() int32 {
	if !r.take('.') {
		return 0
	}
	nano, unit := int32(0), int32(100_000_000)
	n := 0
	for ; n < len(r.s) && isDigit(r.s[n]); n++ {
		nano += int32(r.s[n]-'0') * unit
		unit /= 10
	}
	r.bad = r.bad || n == 0
	r.s = r.s[n:]
	return nano
}

// zone reads an offset in seconds east of UTC.
func (r *timeReader) zone() int {
	sign := 1
	switch {
	case r.done(), r.take('Z'), r.take('z'):
		return 0
	case r.take('-'):
		sign = -1
	case !r.take('+'):
		r.bad = true
		return 0
	}
	hours, minutes := r.digits(2), 0
	if !r.done() {
		r.take(':')
		minutes = r.digits(2)
	}
	r.bad = r.bad || hours > 23 || minutes > 59
	return sign * (hours*3600 + minutes*60)
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month int) int {
	switch {
	case month == 2 && leap(year):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// days counts the days from 1970-01-01 to a date, by Howard Hinnant's days_from_civil.
func days(year, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := year / 400
	yearOfEra := year - era*400
	dayOfYear := (153*((month+9)%12)+2)/5 + day - 1
	return int64(era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468)
}
