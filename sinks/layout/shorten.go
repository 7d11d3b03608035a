package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Shorten fits an object's name, made by Plan, into limit bytes, for stores that bound names: its folders are cut where they
// stand whole, and followed by one named "~" and 128 bits of the name's sha256, so that different names stay different. The file's own
// name is kept. limit is at least 512, which holds any file name.
func Shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	folders, file := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		folders, file = name[:i], name[i+1:]
	}
	tail := "/~" + hex.EncodeToString(sum[:16]) + "/" + file
	folders = folders[:min(len(folders), limit-len(tail))]
	if i := strings.LastIndexByte(folders, '/'); i >= 0 {
		folders = folders[:i]
	}
	return strings.TrimPrefix(folders+tail, "/")
}
