package logentry

// Edit is what becomes of a part of a JSON value.
type Edit uint8

// The edits.
const (
	Keep   Edit = iota // it stays, byte for byte
	Change             // other JSON takes its place
	Drop               // a key goes, with its value
)

// Rewriter says what becomes of a JSON value's parts. A level is its own name for a place in the value; the members of an array
// are at the level of the array.
type Rewriter interface {
	// Key is asked for each key of the object at a level, a String. It gives the level of the key's value. With Change, out is
	// dst with the new key's JSON text appended.
	Key(dst []byte, level int, key Value) (out []byte, below int, edit Edit)

	// Scalar is asked for each value that is neither object nor array; it does not give Drop. With Change, out is dst with the new
	// value's JSON text appended.
	Scalar(dst []byte, level int, v Value) (out []byte, edit Edit)
}

// Rewrite appends to dst the JSON value raw, which Extract has accepted, as w wants it; all that w keeps stays byte for byte,
// white space included. Where nothing is to change it appends nothing and says so.
func Rewrite(dst, raw []byte, level int, w Rewriter) (out []byte, changed bool) {
	r := rewriting{walker: walker{raw: raw, visit: func(Visit) bool { return true }}, rewriter: w, dst: dst}
	end := r.rewrite(blanks(raw, 0), level)
	if end < 0 { // not what Extract accepts: nothing is known of what follows
		return dst, false
	}
	if !r.edited {
		return dst, false
	}
	return append(r.dst, raw[r.copied:]...), true
}

// rewriting copies raw to dst with edits. What lies before copied is done with.
type rewriting struct {
	walker
	rewriter Rewriter
	dst      []byte
	scratch  []byte
	copied   int
	edited   bool
}

// put exchanges raw[from:to] for text.
func (r *rewriting) put(from, to int, text []byte) {
	r.dst = append(append(r.dst, r.raw[r.copied:from]...), text...)
	r.copied, r.edited = to, true
}

// rewrite edits the value at i and returns the position behind it, which is negative where the text is not JSON.
func (r *rewriting) rewrite(i, level int) int {
	if i >= len(r.raw) {
		return ^i
	}
	var v Value
	end := i
	switch r.raw[i] {
	case '{':
		return r.rewriteObject(i, level)
	case '[':
		return r.rewriteArray(i, level)
	case '"':
		v, end = r.str(i)
	case 't', 'f', 'n':
		end, v.Kind = literal(r.raw, i)
	default:
		end, v.Kind = number(r.raw, i), Number
	}
	if end < 0 {
		return end
	}
	if v.Kind != String {
		v.Text = r.raw[i:end:end]
	}
	var edit Edit
	if r.scratch, edit = r.rewriter.Scalar(r.scratch[:0], level, v); edit == Change {
		r.put(i, end, r.scratch)
	}
	return end
}

// rewriteObject edits the object at i. A member that is dropped takes with it the comma before it, or the one behind it where no
// member before it is kept.
func (r *rewriting) rewriteObject(i, level int) int {
	start := i + 1 // of the text that belongs to the next member: behind the bracket or the comma
	kept := false
	if i = blanks(r.raw, start); i < len(r.raw) && r.raw[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(r.raw) || r.raw[i] != '"' {
			return ^i
		}
		key, behind := r.str(i)
		if behind < 0 {
			return behind
		}
		below, edit := 0, Keep
		r.scratch, below, edit = r.rewriter.Key(r.scratch[:0], level, key)
		if edit == Change {
			r.put(i, behind, r.scratch)
		}
		if i = blanks(r.raw, behind); i >= len(r.raw) || r.raw[i] != ':' {
			return ^i
		}
		if i = blanks(r.raw, i+1); edit == Drop {
			i = r.value(i, Visit{})
		} else {
			i = r.rewrite(i, below)
		}
		if i < 0 {
			return i
		}
		i = blanks(r.raw, i)
		last := i >= len(r.raw) || r.raw[i] != ','
		switch {
		case edit == Drop && kept:
			r.put(start-1, i, nil)
		case edit == Drop && last:
			r.put(start, i, nil)
		case edit == Drop:
			r.put(start, i+1, nil)
		default:
			kept = true
		}
		if last {
			return r.close(i, '}')
		}
		start = i + 1
		i = blanks(r.raw, start)
	}
}

// rewriteArray edits the members of the array at i.
func (r *rewriting) rewriteArray(i, level int) int {
	if i = blanks(r.raw, i+1); i < len(r.raw) && r.raw[i] == ']' {
		return i + 1
	}
	for {
		if i = r.rewrite(i, level); i < 0 {
			return i
		}
		if i = blanks(r.raw, i); i >= len(r.raw) || r.raw[i] != ',' {
			return r.close(i, ']')
		}
		i = blanks(r.raw, i+1)
	}
}
