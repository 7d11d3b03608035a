package configs

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decode reads one text, in which commas may separate several addresses, or a list.
func (s *Servers) decode(d *decoder, n ast.Node, path string) {
	items := []ast.Node{n}
	if list, ok := n.(*ast.SequenceNode); ok {
		items = list.Values
		if len(items) == 0 {
			d.problemAt(n, path, "no server", "write nats://host:4222")
		}
	}
	var all []string
	for i, item := range items {
		at := path
		if item != n {
			at += "[" + strconv.Itoa(i) + "]"
			if item = d.resolve(item, at); item == nil {
				continue
			}
		}
		text, ok := d.text(item, at)
		if !ok {
			continue
		}
		if text, ok = d.expand(at, text); !ok {
			continue
		}
		for address := range strings.SplitSeq(text, ",") {
			address = strings.TrimSpace(address)
			d.checkAddress(item, at, address)
			all = append(all, address)
		}
	}
	*s = Servers(strings.Join(all, ","))
}

// checkAddress does not show the address, which may hold a password.
func (d *decoder) checkAddress(n ast.Node, path, address string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "":
		d.problemAt(n, path, "not the address of a NATS server", "write nats://host:4222 or tls://host:4222")
	case u.User != nil:
		d.problemAt(n, path, "a user, password or token in the url, which would be shown", "write bus.user and bus.password, or bus.token")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		d.problemAt(n, path, "more than a host and a port", "write nats://host:4222")
	}
}

// checkServers refuses servers that cannot be reached in one way: one connection uses TLS or not, whichever server it finds.
func (d *decoder) checkServers(servers Servers) {
	if servers == "" || d.troubled("bus.url") {
		return
	}
	var plain, secure bool
	for address := range strings.SplitSeq(string(servers), ",") {
		isTLS := strings.HasPrefix(address, "tls:")
		plain, secure = plain || !isTLS, secure || isTLS
	}
	if plain && secure {
		d.problem("bus.url", "some servers with nats:// and some with tls://", "write all of them alike")
	}
}

// checkLogin holds the ways to be let in against each other.
func (d *decoder) checkLogin(b *Bus) {
	used := map[string]bool{
		"creds": b.Creds != "", "nkey": b.NKey != "", "user": b.User != "" || b.Password.IsSet(), "token": b.Token.IsSet(), "tls": b.TLS != nil,
	}
	first := ""
	for _, key := range []string{"creds", "nkey", "user", "token"} {
		switch {
		case used[key] && first != "":
			d.problem("bus."+key, key+" after "+first, "one way to be let in is enough: keep one")
		case used[key]:
			first = key
		}
	}
	if (b.User != "") != b.Password.IsSet() && !d.troubled("bus.password") {
		d.problem("bus.user", "user and password belong together", "write both, the password as ${NAME} or file:PATH")
	}
	for _, key := range []string{"creds", "nkey", "user", "token", "tls"} {
		if used[key] && b.URL == "" && !d.troubled("bus.url") {
			d.problem("bus."+key, key+" belongs to a url: the embedded bus makes its own token", "remove it, or write bus.url")
		}
	}
	if b.TLS != nil && (b.TLS.Cert != "") != (b.TLS.Key != "") {
		d.problem("bus.tls", "cert and key belong together", "write both, or neither")
	}
}
