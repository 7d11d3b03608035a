package bigquery

import (
	"bytes"

	"sluice/logentry"
)

// members gives the members of a JSON object: the bytes between the quotes of each key, and those of its value.
func members(raw []byte, visit func(key, value []byte)) {
	logentry.Members(raw, func(key logentry.Value, value []byte) bool {
		visit(key.Text, value)
		return true
	})
}

// items gives the items of a JSON array, which logentry has accepted.
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

// stringEnd is the place behind the string that begins at i: behind the first quote that an even number of backslashes precedes.
func stringEnd(raw []byte, i int) int {
	for from := i + 1; ; {
		n := bytes.IndexByte(raw[from:], '"')
		if n < 0 {
			return len(raw)
		}
		end, slashes := from+n, 0
		for raw[end-1-slashes] == '\\' {
			slashes++
		}
		if from = end + 1; slashes%2 == 0 {
			return from
		}
	}
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
