package logentry

// Members visits the members of the JSON object raw in the order of the text, each with its key and its value as written, until
// visit returns false. raw is JSON that Extract has accepted, or a part of it; other text is visited as far as it looks like an
// object. Nothing derived is met. It allocates nothing itself, but a visit that captures variables escapes.
func Members(raw []byte, visit func(key Value, value []byte) bool) {
	i := blanks(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return
	}
	w := walker{raw: raw}
	for i = blanks(raw, i+1); i < len(raw) && raw[i] == '"'; i = blanks(raw, i+1) {
		var key Value
		if key, i = w.str(i); i < 0 {
			return
		}
		if i = blanks(raw, i); i >= len(raw) || raw[i] != ':' {
			return
		}
		start := blanks(raw, i+1)
		if i = past(raw, start); i < 0 || !visit(key, raw[start:i:i]) {
			return
		}
		if i = blanks(raw, i); i >= len(raw) || raw[i] != ',' {
			return
		}
	}
}

// past gives the position behind the value at i, without judging it; negative when it does not end.
func past(raw []byte, i int) int {
	start, depth := i, 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			end, _ := scanString(raw, i+1)
			if end < 0 {
				return end
			}
			i = end
		case '{', '[':
			depth++
		case '}', ']', ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				if i == start {
					return ^i // no value at all
				}
				return i
			}
			if raw[i] == '}' || raw[i] == ']' {
				depth--
			} else {
				i++
				continue
			}
		default:
			i++
			continue
		}
		if i++; depth == 0 {
			return i
		}
	}
	return ^i
}
