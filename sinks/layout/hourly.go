package layout

import (
	"strings"

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
	return &Layout{
		fields: []logentry.Path{logentry.PathLogName, logentry.PathTimestamp},
		key:    hourlyKey,
		prefix: func(key string) string { return key + "_" },
	}
}

func hourlyKey(dst []byte, e *logentry.Entry) []byte {
	dst = appendLogID(dst, e)
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

// appendLogID appends the log id's components; "_none" when the entry has no log name, or something that is none. Ids that
// differ give different folders: each part is told from the others by appendComponent, and an id that was too long holds the
// cut mark.
func appendLogID(dst []byte, e *logentry.Entry) []byte {
	var buf [128]byte
	name, _ := logentry.ParseLogName(string(text(buf[:0], e.Get(logentry.PathLogName))))
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
