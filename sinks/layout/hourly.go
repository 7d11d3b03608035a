package layout

import (
	"strings"
	"sync"

	"sluice/logentry"
)

// maxLogID and maxLogParts bound the folders of a log id; a longer id becomes one component. Google's ids have less than 512
// characters, and object stores allow names of 1,024 bytes.
const (
	maxLogID    = 512
	maxLogParts = 16
)

// Hourly is Google's layout: `<log id>/YYYY/MM/DD/HH:00:00_HH:59:59_S…`, the log id decoded and split at "/".
// https://docs.cloud.google.com/logging/docs/export/storage
func Hourly() *Layout {
	known := new(logIDs)
	return &Layout{
		fields: []logentry.Path{logentry.PathLogName, logentry.PathTimestamp},
		key:    func(dst []byte, e *logentry.Entry) []byte { return hourlyKey(dst, e, known) },
		prefix: func(key string) string { return key + "_" },
	}
}

func hourlyKey(dst []byte, e *logentry.Entry, known *logIDs) []byte {
	dst = known.append(dst, e)
	t := moment(e)
	dst = append(dst, '/')
	dst = appendDigits(dst, t.Year(), 4)
	dst = append(dst, '/')
	dst = appendDigits(dst, int(t.Month()), 2)
	dst = append(dst, '/')
	dst = appendDigits(dst, t.Day(), 2)
	dst = append(dst, '/')
	dst = appendDigits(dst, t.Hour(), 2)
	dst = append(dst, ":00:00_"...)
	dst = appendDigits(dst, t.Hour(), 2)
	return append(dst, ":59:59"...)
}

// logIDs remembers what appendLogID made of log names: a stream has few, and each entry asks. It only spares work, so that
// which names it knows makes no difference. Safe for concurrent use.
type logIDs struct {
	mu      sync.RWMutex
	folders map[string]string // by log name
}

// mostKnown bounds the names that are remembered; then it begins anew.
const mostKnown = 1024

// append is appendLogID for the entry's log name.
func (l *logIDs) append(dst []byte, e *logentry.Entry) []byte {
	v := e.Get(logentry.PathLogName)
	if v.Kind != logentry.String || v.Escaped || len(v.Text) > maxLogID {
		return appendLogID(dst, string(text(nil, v)))
	}
	l.mu.RLock()
	folders, ok := l.folders[string(v.Text)]
	l.mu.RUnlock()
	if ok {
		return append(dst, folders...)
	}
	start := len(dst)
	dst = appendLogID(dst, string(v.Text))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.folders == nil || len(l.folders) >= mostKnown {
		l.folders = make(map[string]string)
	}
	l.folders[string(v.Text)] = string(dst[start:])
	return dst
}

// appendLogID appends the components of a log name's id; "_none" when there is no log name, or something that is none. Ids that
// differ give different folders: each part is told from the others by appendComponent, and an id that was too long holds the
// cut mark.
func appendLogID(dst []byte, logName string) []byte {
	name, _ := logentry.ParseLogName(logName)
	if len(name.LogID) > maxLogID || strings.Count(name.LogID, "/") >= maxLogParts {
		return appendCut(dst, name.LogID, maxComponent)
	}
	start := len(dst)
	for part := range strings.SplitSeq(name.LogID, "/") {
		if len(dst) > start {
			dst = append(dst, '/')
		}
		dst = appendComponent(dst, part, maxComponent)
	}
	return dst
}

// text appends the characters of a string, the token of a number or a boolean, and nothing for other kinds.
func text(dst []byte, v logentry.Value) []byte {
	switch v.Kind {
	case logentry.String, logentry.Number, logentry.Bool:
		return v.AppendText(dst)
	}
	return dst
}
