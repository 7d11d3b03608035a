package logentry

// value walks the value at i, of which node n wants something (nil: nothing), inside depth containers. It returns the position
// behind it, or -1 with x.defect set.
func (x *found) value(i int, n *node, depth int) int {
	raw := x.raw
	if i >= len(raw) {
		return x.fault(i)
	}
	switch raw[i] {
	case '"':
		end, marks := scanString(raw, i+1)
		if end < 0 {
			return x.fault(^end)
		}
		x.high |= marks & highBits
		if n != nil && n.slot != noSlot {
			x.add(hit{slot: n.slot, kind: String, escaped: marks&escaped != 0, start: uint32(i + 1), end: uint32(end)})
		}
		return end + 1
	case '{':
		return x.object(i, n, depth+1)
	case '[':
		return x.array(i, n, depth+1)
	}
	return x.plain(i, n)
}

// plain walks a number or a literal.
func (x *found) plain(i int, n *node) int {
	end, kind := i, Number
	if c := x.raw[i]; c == 't' || c == 'f' || c == 'n' {
		end, kind = literal(x.raw, i)
	} else {
		end = number(x.raw, i)
	}
	if end < 0 {
		return x.fault(^end)
	}
	if n != nil && n.slot != noSlot {
		x.add(hit{slot: n.slot, kind: kind, start: uint32(i), end: uint32(end)})
	}
	return end
}

// object walks the object at i, the depth-th container.
func (x *found) object(i int, n *node, depth int) int {
	if depth > x.limit {
		return x.tooDeep(i)
	}
	self := -1
	if n != nil {
		if n.slot != noSlot {
			self = len(x.values)
			x.add(hit{slot: n.slot, kind: Object, start: uint32(i)})
		}
		if len(n.children) == 0 {
			n = nil
		}
	}
	i = blanks(x.raw, i+1)
	if i < len(x.raw) && x.raw[i] == '}' {
		i++
	} else {
		keys, arena := len(x.keys), len(x.arena)
		if i = x.members(i, n, depth); i < 0 {
			return i
		}
		if len(x.keys)-keys > manyKeys {
			if k, twice := x.duplicate(keys); twice {
				return x.repeated(int(k.start))
			}
		}
		x.keys, x.arena = x.keys[:keys], x.arena[:arena]
		if len(x.loose) > 0 {
			x.forgetLoose(depth)
		}
	}
	if self >= 0 {
		x.values[self].end = uint32(i)
	}
	return i
}

// members walks an object from its first key at i to behind its closing bracket and leaves its keys on the stack.
func (x *found) members(i int, n *node, depth int) int {
	raw, base := x.raw, len(x.keys)
	var seen [4]uint64 // a bit for each hash: most keys are new at one look
	for {
		if i >= len(raw) || raw[i] != '"' {
			return x.fault(i)
		}
		end, hash, marks := scanKey(raw, i+1)
		if end < 0 {
			return x.fault(^end)
		}
		k, text := key{hash: hash, start: uint32(i + 1), size: uint32(end - i - 1)}, raw[i+1:end]
		if marks != 0 {
			k, text = x.unusual(k, marks)
		}
		if some, bit := &seen[k.hash>>6&3], uint64(1)<<(k.hash&63); *some&bit == 0 {
			*some |= bit
		} else if len(x.keys)-base < manyKeys && x.holds(base, k.hash, text) {
			return x.repeated(i)
		}
		x.keys = append(x.keys, k)
		if i = end + 2; i >= len(raw) || raw[i-1] != ':' || raw[i] <= ' ' { // not written close together
			if i = blanks(raw, end+1); i >= len(raw) || raw[i] != ':' {
				return x.fault(i)
			}
			i = blanks(raw, i+1)
		}
		var e *edge
		if n != nil {
			e = n.find(k.hash, text)
		}
		if e != nil {
			if e.only != nil && len(x.loose) == 0 {
				i = x.value(i, e.only, depth)
			} else {
				i = x.contested(i, e, depth, base)
			}
		} else if i < len(raw) && raw[i] == '"' { // most often; spares a call
			i, marks = scanString(raw, i+1)
			if i < 0 {
				return x.fault(^i)
			}
			x.high |= marks & highBits
			i++
		} else {
			i = x.value(i, nil, depth)
		}
		if i < 0 {
			return i
		}
		if i+1 < len(raw) && raw[i] == ',' && raw[i+1] == '"' {
			i++
			continue
		}
		if i = blanks(raw, i); i >= len(raw) || raw[i] != ',' {
			return x.shut(i, '}')
		}
		i = blanks(raw, i+1)
	}
}

// shut reads the bracket that ends a container.
func (x *found) shut(i int, bracket byte) int {
	if i >= len(x.raw) || x.raw[i] != bracket {
		return x.fault(i)
	}
	return i + 1
}

// unusual is for a key that is not plain ASCII: escapes are undone into the arena. It gives the key's characters, too.
func (x *found) unusual(k key, marks uint64) (key, []byte) {
	x.high |= marks & highBits
	if marks&escaped == 0 {
		return k, x.text(k)
	}
	start := len(x.arena)
	x.arena = appendUnescaped(x.arena, x.text(k))
	text := x.arena[start:]
	return key{hash: hashKey(text), start: uint32(start), size: uint32(len(text)), unquote: true}, text
}

// array walks the array at i, the depth-th container. Its members stand where the array stands.
func (x *found) array(i int, n *node, depth int) int {
	raw := x.raw
	if depth > x.limit {
		return x.tooDeep(i)
	}
	start := i
	i = blanks(raw, i+1)
	if i < len(raw) && raw[i] == ']' {
		if n != nil && n.slot != noSlot {
			x.add(hit{slot: n.slot, kind: Array, start: uint32(start), end: uint32(i + 1)})
		}
		return i + 1
	}
	for {
		if i = x.value(i, n, depth); i < 0 {
			return i
		}
		if i = blanks(raw, i); i >= len(raw) || raw[i] != ',' {
			return x.shut(i, ']')
		}
		i = blanks(raw, i+1)
	}
}

// fault ends the walk: what stands at i is not what the grammar allows.
func (x *found) fault(i int) int {
	d := &Defect{Reason: ReasonSyntax, Offset: i}
	switch {
	case i >= len(x.raw):
		d.Detail = "the text ends inside a JSON value"
	case x.raw[i] == '\\':
		d.Detail = "an escape that JSON does not know"
	case x.raw[i] < ' ' && x.inString(i):
		d.Reason, d.Detail = ReasonControl, "a raw control character inside a string"
	default:
		d.Detail = "a character that JSON does not allow here"
	}
	x.defect = d
	return -1
}

// inString says whether i, all before which is JSON, lies inside a string: an odd number of quotes without a backslash is open.
func (x *found) inString(i int) bool {
	open := false
	for k := 0; k < i; k++ {
		switch x.raw[k] {
		case '"':
			open = !open
		case '\\':
			k++
		}
	}
	return open
}

func (x *found) tooDeep(i int) int {
	x.defect = &Defect{Reason: ReasonDepth, Offset: i, Detail: "nested deeper than an entry may be"}
	return -1
}

func (x *found) repeated(i int) int {
	x.defect = &Defect{Reason: ReasonDuplicateKey, Offset: i, Detail: "an object holds this key twice"}
	return -1
}
