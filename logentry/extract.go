package logentry

// value walks the value at i, of which node n wants something (nil: nothing), inside depth containers. It returns the position
// behind it, or -1 with x.defect set.
func (x *found) value(i int, n *node, depth int) int {
	raw := x.raw
	if i >= len(raw) {
		return x.fault(i)
	}
	var end int
	var h hit
	switch c := raw[i]; c {
	case '"':
		close, marks := scanString(raw, i+1)
		if close < 0 {
			return x.fault(^close)
		}
		x.high |= marks & highBits
		if n != nil && n.slot != noSlot {
			x.add(hit{slot: n.slot, kind: String, escaped: marks&escaped != 0, start: uint32(i + 1), end: uint32(close)})
		}
		return close + 1
	case '{':
		return x.object(i, n, depth+1)
	case '[':
		return x.array(i, n, depth+1)
	case 't', 'f', 'n':
		end, h.kind = literal(raw, i)
	default:
		end, h.kind = number(raw, i), Number
	}
	if end < 0 {
		return x.fault(^end)
	}
	if n != nil && n.slot != noSlot {
		h.slot, h.start, h.end = n.slot, uint32(i), uint32(end)
		x.add(h)
	}
	return end
}

// object walks the object at i, the depth-th container.
func (x *found) object(i int, n *node, depth int) int {
	raw := x.raw
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
	keys, arena := len(x.keys), len(x.arena)
	var seen uint64 // a bit for each hash: most keys are new at one look
	for i = blanks(raw, i+1); ; i = blanks(raw, i+1) {
		if i >= len(raw) || raw[i] != '"' {
			if i < len(raw) && raw[i] == '}' && len(x.keys) == keys {
				break
			}
			return x.fault(i)
		}
		end, hash, marks := scanKey(raw, i+1)
		if end < 0 {
			return x.fault(^end)
		}
		text := raw[i+1 : end]
		k := key{hash: hash, start: uint32(i + 1), size: uint32(end - i - 1)}
		if marks != 0 {
			x.high |= marks & highBits
			if marks&escaped != 0 {
				k, text = x.unescapeKey(text)
			}
		}
		if bit := uint64(1) << (k.hash & 63); seen&bit == 0 {
			seen |= bit
		} else if len(x.keys)-keys < manyKeys && x.holds(keys, k.hash, text) {
			return x.repeated(i)
		}
		x.keys = append(x.keys, k)
		if i = blanks(raw, end+1); i >= len(raw) || raw[i] != ':' {
			return x.fault(i)
		}
		i = blanks(raw, i+1)
		var e *edge
		if n != nil {
			e = n.find(k.hash, text)
		}
		switch {
		case e == nil:
			i = x.value(i, nil, depth)
		case e.only != nil && len(x.loose) == 0:
			i = x.value(i, e.only, depth)
		default:
			i = x.contested(i, e, depth, keys)
		}
		if i < 0 {
			return i
		}
		if i = blanks(raw, i); i >= len(raw) || raw[i] != ',' {
			break
		}
	}
	if i >= len(raw) || raw[i] != '}' {
		return x.fault(i)
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
	if self >= 0 {
		x.values[self].end = uint32(i + 1)
	}
	return i + 1
}

// unescapeKey puts a key's characters into the arena.
func (x *found) unescapeKey(raw []byte) (key, []byte) {
	start := len(x.arena)
	x.arena = appendUnescaped(x.arena, raw)
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
			break
		}
		i = blanks(raw, i+1)
	}
	if i >= len(raw) || raw[i] != ']' {
		return x.fault(i)
	}
	return i + 1
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
