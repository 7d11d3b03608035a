package filters

import (
	"bytes"
	"net/netip"
	"strings"
)

// parseNet reads an address or a CIDR range.
func parseNet(s string) (netip.Prefix, bool) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err == nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// inNet says whether an entry's text is an address in the range, or a range wholly in it. IPv4 and IPv6 never mix.
func inNet(net netip.Prefix, text []byte) bool {
	if !looksLikeAddress(text) {
		return false
	}
	p, ok := parseNet(textOf(text))
	return ok && p.Bits() >= net.Bits() && net.Contains(p.Addr())
}

// looksLikeAddress keeps most other text from the parser, whose errors allocate.
func looksLikeAddress(text []byte) bool {
	if len(text) < 2 || len(text) > 49 {
		return false
	}
	dots, colons := 0, 0
	for _, c := range text {
		switch {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case !isDigit(c) && c != '/' && (c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	return dots == 3 || colons >= 2 && bytes.Count(text, []byte("/")) <= 1
}
