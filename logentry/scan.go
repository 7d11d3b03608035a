package logentry

// The scanners below read one token from a position of a JSON text and return the position after it, or the bitwise
// complement of the position of the fault, which is negative. They are shared by Extract, Frame and Walk, but
// for scanString: Extract has a faster way.

// scanString scans from behind the opening quote and gives the position of the closing one, and whether there are escapes. An
// escape is judged, so the string can be unescaped without fail.
func scanString(raw []byte, i int) (end int, escaped bool) {
	for i < len(raw) {
		switch c := raw[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			if i = escape(raw, i); i < 0 {
				return i, true
			}
			escaped = true
		case c < ' ':
			return ^i, escaped
		default:
			i++
		}
	}
	return ^i, escaped
}

// escape scans a backslash escape; anything else is a fault.
func escape(raw []byte, i int) int {
	if i+1 >= len(raw) || raw[i] != '\\' {
		return ^i
	}
	switch raw[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 > len(raw) {
			return ^i
		}
		for _, c := range raw[i+2 : i+6] {
			if hexValue(c) < 0 {
				return ^i
			}
		}
		return i + 6
	}
	return ^i
}

// hexValue gives the value of a hexadecimal digit, or -1.
func hexValue(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// blanks skips white space: most often there is none.
func blanks(raw []byte, i int) int {
	if i < len(raw) && raw[i] > ' ' {
		return i
	}
	return skipBlanks(raw, i)
}

func skipBlanks(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// number scans a number of JSON's strict grammar, of any magnitude.
func number(raw []byte, i int) int {
	if i < len(raw) && raw[i] == '-' {
		i++
	}
	if i < len(raw) && raw[i] == '0' {
		i++
	} else if i = digits(raw, i); i < 0 {
		return i
	}
	if i < len(raw) && raw[i] == '.' {
		if i = digits(raw, i+1); i < 0 {
			return i
		}
	}
	if i < len(raw) && raw[i]|0x20 == 'e' {
		i++
		if i < len(raw) && (raw[i] == '+' || raw[i] == '-') {
			i++
		}
		return digits(raw, i)
	}
	return i
}

// digits scans one digit or more.
func digits(raw []byte, i int) int {
	start := i
	for i < len(raw) && raw[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return ^i
	}
	return i
}

// literal scans true, false or null.
func literal(raw []byte, i int) (end int, kind Kind) {
	word, kind := "true", Bool
	switch raw[i] {
	case 'f':
		word = "false"
	case 'n':
		word, kind = "null", Null
	}
	if len(raw)-i < len(word) || string(raw[i:i+len(word)]) != word {
		return ^i, Absent
	}
	return i + len(word), kind
}
