package jetstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Login is how servers elsewhere let us in: at most one of Creds, NKey, User with Password, and Token. Files are read and functions
// are called for each connection, so that what they give may be replaced while the program runs; the functions may be called from
// any goroutine.
type Login struct {
	Creds    string // file with the JWT and the seed of a user
	NKey     string // file with the seed of an NKey
	User     string
	Password func() (string, error)
	Token    func() (string, error)
}

// TLS says whom to trust on the way to servers elsewhere and who to be. Empty fields: the authorities of this machine, no
// certificate of our own, the host of the URL. The files are PEM and are read for each connection.
type TLS struct {
	CA         string
	Cert, Key  string
	ServerName string
}

// login gives the connection's options; an error says what is wrong with a file as it is now.
func (b *Bus) login(l Login) ([]nats.Option, error) {
	switch {
	case l.Creds != "":
		return []nats.Option{nats.UserCredentials(l.Creds)}, nil
	case l.NKey != "":
		return b.nkey(l.NKey)
	case l.User != "":
		if _, err := l.Password(); err != nil {
			return nil, err
		}
		return []nats.Option{nats.UserInfoHandler(func() (string, string) { return l.User, b.secret(l.Password) })}, nil
	case l.Token != nil:
		if _, err := l.Token(); err != nil {
			return nil, err
		}
		return []nats.Option{nats.TokenHandler(func() string { return b.secret(l.Token) })}, nil
	}
	return nil, nil
}

// secret reads a secret for an attempt to connect. One that cannot be read is empty: the server refuses it, and the next attempt
// reads it again.
func (b *Bus) secret(read func() (string, error)) string {
	text, err := read()
	if err != nil {
		b.tell(err)
	}
	return text
}

var errKeyChanged = errors.New("the nkey file holds another key: connecting again with it")

// nkey signs with the seed in a file.
func (b *Bus) nkey(file string) ([]nats.Option, error) {
	told, pair, err := readNKey(file)
	if err != nil {
		return nil, err
	}
	pair.Wipe()
	sign := func(nonce []byte) ([]byte, error) {
		public, pair, err := readNKey(file)
		if err != nil {
			return nil, err
		}
		defer pair.Wipe()
		// The client names one key for ever. It asks for a signature while it holds its lock and has named the old one: the new
		// one is named at the next attempt.
		if conn := b.link.Load(); public != told && conn != nil {
			told, conn.Opts.Nkey = public, public
			return nil, errKeyChanged
		}
		return pair.Sign(nonce)
	}
	return []nats.Option{nats.Nkey(told, sign)}, nil
}

func readNKey(file string) (public string, pair nkeys.KeyPair, err error) {
	seed, err := os.ReadFile(file)
	if err == nil {
		pair, err = nkeys.ParseDecoratedNKey(seed)
		clear(seed)
	}
	if err == nil {
		public, err = pair.PublicKey()
	}
	if err != nil {
		return "", nil, fmt.Errorf("nkey file %s: %w", file, err)
	}
	return public, pair, nil
}

func (t *TLS) options() []nats.Option {
	if t == nil {
		return nil
	}
	all := []nats.Option{nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName})}
	if t.CA != "" {
		all = append(all, nats.RootCAs(t.CA))
	}
	if t.Cert != "" {
		all = append(all, nats.ClientCert(t.Cert, t.Key))
	}
	return all
}
