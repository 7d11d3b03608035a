package logentry

import "bytes"

// Frame splits a message into entries: if the payload as a whole is one JSON value, it is one entry with index 0; otherwise
// each line that is not blank is one, its index the number of such lines before it. An empty message has none. raw is a view
// into payload, without surrounding white space. It does not judge the lines: Extract does.
func Frame(payload []byte, yield func(index int, raw []byte) bool) {
	payload = bytes.Trim(payload, blankBytes)
	if len(payload) == 0 {
		return
	}
	cut := bytes.IndexByte(payload, '\n')
	if cut < 0 || isOneValue(payload) {
		yield(0, payload)
		return
	}
	for index := 0; len(payload) > 0; cut = bytes.IndexByte(payload, '\n') {
		line := payload
		if cut >= 0 {
			line, payload = payload[:cut], payload[cut+1:]
		} else {
			payload = nil
		}
		if line = bytes.Trim(line, blankBytes); len(line) > 0 {
			if !yield(index, line) {
				return
			}
			index++
		}
	}
}

// blankBytes is JSON's white space.
const blankBytes = " \t\r\n"

// isOneValue says whether text, without surrounding white space, is by its grammar one JSON value, however deep and whatever
// its keys. It reads no further than the first value, so that a pack costs one entry.
func isOneValue(text []byte) bool {
	var few [8]uint64
	open := nesting{bits: few[:0]}
	i := 0
	for {
		i = blanks(text, i)
		if i >= len(text) {
			return false
		}
		opened := false
		switch text[i] {
		case '{', '[':
			open.push(text[i] == '{')
			i, opened = i+1, true
		default:
			if i = scalar(text, i); i < 0 {
				return false
			}
		}
		if i = open.advance(text, i, opened); i < 0 {
			return false
		}
		if open.depth == 0 {
			return i == len(text)
		}
	}
}

// scalar scans a string, a number or a literal.
func scalar(text []byte, i int) int {
	switch text[i] {
	case '"':
		end, _ := scanString(text, i+1)
		if end < 0 {
			return end
		}
		return end + 1
	case 't', 'f', 'n':
		end, _ := literal(text, i)
		return end
	}
	return number(text, i)
}

// nesting is the stack of open containers, a bit for each: set for an object.
type nesting struct {
	bits  []uint64
	depth int
}

func (s *nesting) push(object bool) {
	word, bit := s.depth/64, uint64(1)<<(s.depth%64)
	if word == len(s.bits) {
		s.bits = append(s.bits, 0)
	}
	s.bits[word] &^= bit
	if object {
		s.bits[word] |= bit
	}
	s.depth++
}

func (s *nesting) inObject() bool {
	return s.bits[(s.depth-1)/64]&(1<<((s.depth-1)%64)) != 0
}

// advance scans from behind a value, or from behind an opening bracket, over closing brackets to where the next value begins;
// at depth 0 the text is over. Negative: a fault.
func (s *nesting) advance(text []byte, i int, opened bool) int {
	for s.depth > 0 {
		i = blanks(text, i)
		if i >= len(text) {
			return ^i
		}
		closing := byte(']')
		if s.inObject() {
			closing = '}'
		}
		if text[i] == closing {
			s.depth--
			i, opened = i+1, false
			continue
		}
		if !opened {
			if text[i] != ',' {
				return ^i
			}
			i = blanks(text, i+1)
		}
		if s.inObject() {
			return memberName(text, i)
		}
		return i
	}
	return i
}

// memberName scans a key and its colon.
func memberName(text []byte, i int) int {
	if i >= len(text) || text[i] != '"' {
		return ^i
	}
	end, _ := scanString(text, i+1)
	if end < 0 {
		return end
	}
	if i = blanks(text, end+1); i >= len(text) || text[i] != ':' {
		return ^i
	}
	return i + 1
}
