package file

import (
	"fmt"
	"strconv"
	"strings"
)

// maxName is the longest name that file systems take.
const maxName = 255

// folderOf gives the name of a lane's folder: different for different lanes, and readable.
func folderOf(lane string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(lane); i++ {
		switch c := lane[i]; {
		case c == '/':
			b.WriteByte('@')
		case plain(c) || c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() == 0 || b.Len() > maxName {
		return "", fmt.Errorf("lane %q: its name takes %d bytes as a folder, want 1 to %d", lane, b.Len(), maxName)
	}
	return b.String(), nil
}

// laneOf is the inverse of folderOf; false for a folder that is no lane's.
func laneOf(folder string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(folder); i++ {
		switch c := folder[i]; {
		case c == '@':
			b.WriteByte('/')
		case c == '%' && i+2 < len(folder):
			n, err := strconv.ParseUint(folder[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	lane := b.String()
	again, err := folderOf(lane)
	return lane, err == nil && again == folder
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
