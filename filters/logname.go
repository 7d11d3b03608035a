package filters

import "bytes"

var logsPart = []byte("/logs/")

// logID gives the log id of a logName in the form in which log_id compares: what follows /logs/, URL-decoded, folded.
func (w *Worker) logID(d *datum) []byte {
	i := bytes.Index(d.text, logsPart)
	if i < 0 {
		return nil
	}
	start := len(w.arena)
	w.arena = appendLogID(w.arena, d.text[i+len(logsPart):])
	return w.arena[start:]
}

// source gives the folded parent of a logName: what stands before /logs/.
func (w *Worker) source(d *datum) []byte {
	i := bytes.Index(d.text, logsPart)
	if i < 0 {
		return nil
	}
	start := len(w.arena)
	w.arena = appendFolded(w.arena, d.text[:i])
	return w.arena[start:]
}

// appendLogID decodes and folds a log id. A % that begins no escape stays.
func appendLogID(dst, id []byte) []byte {
	if bytes.IndexByte(id, '%') < 0 {
		return appendFolded(dst, id)
	}
	var buffer [256]byte
	decoded := buffer[:0]
	for i := 0; i < len(id); i++ {
		if id[i] == '%' && i+2 < len(id) && hexDigits(textOf(id[i+1:i+3])) == 2 {
			decoded = append(decoded, hexByte(id[i+1])<<4|hexByte(id[i+2]))
			i += 2
		} else {
			decoded = append(decoded, id[i])
		}
	}
	return appendFolded(dst, decoded)
}

func hexByte(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
