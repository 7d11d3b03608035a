package jetstream

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Subjects that stand for no single log. No log gives them.
const (
	NoLog    = "logs.none" // entries without a usable log name
	manyLogs = "_"         // in the place of the log id: several logs of one parent
)

// Subject gives the subject of a log: logs.<parent kind>.<parent id>.<log id>, the log id decoded. An empty part gives NoLog, and
// nothing but performance depends on subjects.
//
// Each token is escaped so that different ones stay different: letters of ASCII, digits and '-' stand for themselves, every
// other byte is '_' and two upper-case hexadecimal digits. A token that would exceed 200 bytes is its first 128 bytes, "__"
// and 32 hexadecimal digits of its sha256.
func Subject(kind, id, log string) string {
	if kind == "" || id == "" || log == "" {
		return NoLog
	}
	return "logs." + escape(kind) + "." + escape(id) + "." + escape(log)
}

// ManyLogs gives the subject of a message with entries of several logs of one parent.
func ManyLogs(kind, id string) string {
	if kind == "" || id == "" {
		return NoLog
	}
	return "logs." + escape(kind) + "." + escape(id) + "." + manyLogs
}

func escape(token string) string {
	const most, kept = 200, 128
	var b strings.Builder
	for i := range len(token) {
		c := token[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' {
			b.WriteByte(c)
			continue
		}
		const digits = "0123456789ABCDEF"
		b.Write([]byte{'_', digits[c>>4], digits[c&15]})
	}
	escaped := b.String()
	if len(escaped) <= most {
		return escaped
	}
	sum := sha256.Sum256([]byte(token))
	return escaped[:kept] + "__" + hex.EncodeToString(sum[:16])
}
