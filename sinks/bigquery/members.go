package bigquery

import "bytes"

// members gives the members of a JSON object, in the order of the text: the bytes between the quotes of each key, and those of its
// value. raw is JSON that logentry has accepted.
func members(raw []byte, visit func(key, value []byte)) {
	i := bytes.IndexByte(raw, '{') + 1
	for {
		if i = blanks(raw, i); i >= len(raw) || raw[i] != '"' {
			return
		}
		end := stringEnd(raw, i)
		key := raw[i+1 : end-1]
		if i = blanks(raw, end); i >= len(raw) || raw[i] != ':' {
			return
		}
		i = blanks(raw, i+1)
		end = valueEnd(raw, i)
		visit(key, raw[i:end:end])
		if i = blanks(raw, end); i >= len(raw) || raw[i] != ',' {
			return
		}
		i++
	}
}

// items gives the items of a JSON array.
func items(raw []byte, visit func(value []byte)) {
	i := blanks(raw, bytes.IndexByte(raw, '[')+1)
	for i < len(raw) && raw[i] != ']' {
		end := valueEnd(raw, i)
		visit(raw[i:end:end])
		if i = blanks(raw, end); i < len(raw) && raw[i] == ',' {
			i = blanks(raw, i+1)
		}
	}
}

func blanks(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

// stringEnd is the place behind the string that begins at i.
func stringEnd(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// valueEnd is the place behind the value that begins at i.
func valueEnd(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i // behind a number
			}
			depth--
			i++
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return len(raw)
}
