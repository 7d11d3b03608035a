package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
)

// leastKey is how short a key may be: shorter ones are found by trying.
const leastKey = 16

// Key is a secret to hash with. It never prints; its fingerprint may.
type Key struct{ secret string }

// NewKey takes a secret of at least 16 bytes.
func NewKey(secret string) (Key, error) {
	if len(secret) < leastKey {
		return Key{}, errors.New("a key of fewer than 16 bytes is found by trying")
	}
	return Key{secret}, nil
}

// String hides the key.
func (Key) String() string { return "***" }

// GoString hides the key.
func (k Key) GoString() string { return k.String() }

// Fingerprint names the key without giving it away: 16 hexadecimal digits.
func (k Key) Fingerprint() string {
	mac := hmac.New(sha256.New, []byte(k.secret))
	mac.Write([]byte("sluice redaction key"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// hasher hashes texts with one key. It is one goroutine's own.
type hasher struct {
	key *Key
	mac hash.Hash
	sum []byte
}

func (h *hasher) use(key *Key) {
	if h.key != key {
		h.key, h.mac = key, hmac.New(sha256.New, []byte("field\x00"+key.secret))
	}
}

// appendTo appends what stands for a text.
func (h *hasher) appendTo(dst, text []byte) []byte {
	h.mac.Reset()
	h.mac.Write(text)
	h.sum = h.mac.Sum(h.sum[:0])
	return hex.AppendEncode(append(dst, "hmac:"...), h.sum[:16])
}

// appendString appends a text as a JSON string.
func appendString(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
