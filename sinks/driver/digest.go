package driver

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Digest is the content digest of a unit: the hex sha256 over (sequence, index, length, bytes) of its entries, the numbers as
// big-endian uint64. It is over the bytes of the bus, so it does not depend on codec or compression.
func Digest(refs []Ref) string {
	h := sha256.New()
	var n [24]byte
	for i := range refs {
		binary.BigEndian.PutUint64(n[0:], refs[i].Seq)
		binary.BigEndian.PutUint64(n[8:], uint64(refs[i].Index))
		binary.BigEndian.PutUint64(n[16:], uint64(len(refs[i].Raw)))
		h.Write(n[:])
		h.Write(refs[i].Raw)
	}
	return hex.EncodeToString(h.Sum(nil))
}
