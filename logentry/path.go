package logentry

import (
	"slices"
	"strconv"
	"strings"
)

// Segment is one key of a path. Fold makes the comparison ignore ASCII case and underscores, as for the field names of LogEntry
// and AuditLog (insert_id = insertId); an exactly equal key of the same object then wins over folded ones, and among folded
// ones the first in the text. Keys of maps and of jsonPayload are exact.
type Segment struct {
	Key  string
	Fold bool
}

// Path names a field by its keys from the top, so that keys with dots and slashes need no escaping: labels, "k8s-pod/app".
// Steps distribute over arrays: authorizationInfo.permission is the permission of every member.
type Path []Segment

// Paths that everybody asks for. They are never changed.
var (
	PathLogName          = Field("logName")
	PathTimestamp        = Field("timestamp")
	PathReceiveTimestamp = Field("receiveTimestamp")
	PathInsertID         = Field("insertId")
	PathSeverity         = Field("severity")
	PathLabels           = Field("labels")
)

// Field is the path of names that are defined by a protocol buffer message, so that spelling does not matter:
// Field("httpRequest", "status").
func Field(names ...string) Path {
	p := make(Path, len(names))
	for i, name := range names {
		p[i] = Segment{Key: name, Fold: true}
	}
	return p
}

// Key is p with exact keys appended: PathLabels.Key("k8s-pod/app"). p is not changed.
func (p Path) Key(keys ...string) Path {
	q := make(Path, len(p), len(p)+len(keys))
	copy(q, p)
	for _, k := range keys {
		q = append(q, Segment{Key: k})
	}
	return q
}

// Equal says whether both paths have the same segments.
func (p Path) Equal(q Path) bool { return slices.Equal(p, q) }

// String writes the path as a query does: keys joined by dots, those that are not plain names in quotes.
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		if plainName(s.Key) {
			b.WriteString(s.Key)
		} else {
			b.WriteString(strconv.Quote(s.Key))
		}
	}
	return b.String()
}

// plainName says whether a key needs no quotes in a query.
func plainName(key string) bool {
	for i := range len(key) {
		c := key[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && c != '_' && c != '@' && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return key != ""
}
