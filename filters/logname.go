package filters

import "bytes"

var logsPart = []byte("/logs/")

// logID gives the log id of a logName in the form in which log_id compares: what follows /logs/, URL-decoded, folded. Not ok:
// the text is no log's name.
func (w *Worker) logID(d *datum) (id []byte, ok bool) {
	i := bytes.Index(d.text, logsPart)
	if i < 0 {
		return nil, false
	}
	start := len(w.arena)
	w.arena = appendDecoded(w.arena, d.text[i+len(logsPart):])
	decoded := len(w.arena)
	w.arena = appendFolded(w.arena, w.arena[start:decoded])
	return w.arena[decoded:], true
}

// source gives the folded parent of a logName: what stands before /logs/.
func (w *Worker) source(d *datum) (parent []byte, ok bool) {
	i := bytes.Index(d.text, logsPart)
	if i < 0 {
		return nil, false
	}
	start := len(w.arena)
	w.arena = appendFolded(w.arena, d.text[:i])
	return w.arena[start:], true
}

// foldedLogID is the argument of log_id in the same form.
func foldedLogID(id string) []byte { return appendFolded(nil, appendDecoded(nil, []byte(id))) }

// appendDecoded undoes URL escapes. A % that begins none stays.
func appendDecoded(dst, id []byte) []byte {
	for {
		i := bytes.IndexByte(id, '%')
		if i < 0 || i+2 >= len(id) {
			return append(dst, id...)
		}
		dst = append(dst, id[:i]...)
		if hexDigits(textOf(id[i+1:i+3])) == 2 {
			dst = append(dst, hexByte(id[i+1])<<4|hexByte(id[i+2]))
			id = id[i+3:]
		} else {
			dst = append(dst, '%')
			id = id[i+1:]
		}
	}
}

func hexByte(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
