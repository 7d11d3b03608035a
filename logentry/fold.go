package logentry

import "strings"

// folded gives the text that all spellings of a field name share: ASCII letters lowered, underscores dropped. Protocol buffer
// field names are ASCII, so nothing else needs folding.
func folded(key string) string {
	return strings.ReplaceAll(strings.Map(lower, key), "_", "")
}

func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}

// equalFolded says whether key, folded, is the folded name.
func equalFolded(key []byte, name string) bool {
	n := 0
	for _, c := range key {
		if c == '_' {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if n == len(name) || name[n] != c {
			return false
		}
		n++
	}
	return n == len(name)
}

// hashFolded is a hash that all spellings of a name share.
func hashFolded(key []byte) uint32 {
	h := uint32(2166136261) // FNV-1a
	for _, c := range key {
		if c == '_' {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// foldSet is a cheap first question about a key: may it be a spelling of one of these names? It knows the last five bits of
// the first and of the last byte, in which upper and lower case agree.
type foldSet [32]uint32

// add puts a name and all its spellings into the set.
func (s *foldSet) add(folded string) {
	if folded == "" { // its spellings are underscores
		folded = "_"
	}
	last := uint32(1) << (folded[len(folded)-1] & 31)
	s[folded[0]&31] |= last | 1<<('_'&31)
	s['_'&31] |= last | 1<<('_'&31)
}

// mayHold says whether key may fold to a name of the set.
func (s *foldSet) mayHold(key []byte) bool {
	if len(key) == 0 {
		key = underscore
	}
	return s[key[0]&31]&(1<<(key[len(key)-1]&31)) != 0
}

var underscore = []byte("_")
