package jetstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// door is a server that lets in who holds a key, with two keys of one kind.
type door struct {
	conf  [2]string // of a server that knows only this key
	login Login     // reads the key from files
	tls   *TLS
	put   func(key int) // puts the key where login reads it
	none  string        // in the error of who has no key
	wrong string        // in the error of who has the other one
}

func doors(t *testing.T) map[string]door {
	return map[string]door{
		"token":    tokenDoor(t),
		"password": passwordDoor(t),
		"nkey":     nkeyDoor(t),
		"creds":    credsDoor(t),
		"mTLS":     mutualDoor(t),
	}
}

// Each kind of key opens its door, no key and the wrong one are refused with a remedy, and a key that is replaced, with the server's,
// lets the same connection in again.
func TestLogin(t *testing.T) {
	t.Parallel()
	for name, d := range doors(t) {
		t.Run(name, func(t *testing.T) {
			p := startProcess(t, d.conf[0])
			d.put(1)
			refused(t, Options{URL: p.url(), Login: d.login, TLS: d.tls}, d.wrong)
			d.put(0)
			without := d.tls
			if without != nil {
				without = &TLS{CA: d.tls.CA}
			}
			refused(t, Options{URL: p.url(), TLS: without}, d.none)

			bus := openBus(t, Options{URL: p.url(), Login: d.login, TLS: d.tls})
			s := openStream(t, bus, StreamConfig{Name: "LOGS"})
			r := openReader(t, s, 1)
			publish(t, s, "before")
			got := next(t, r, 1)

			p.kill()
			d.put(1)
			p.start(d.conf[1])
			publish(t, s, "after")
			got = append(got, next(t, r, 1)...)
			if diff := cmp.Diff([]string{"1:before", "2:after"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func refused(t *testing.T, o Options, want string) {
	t.Helper()
	b, err := Open(t.Context(), o)
	if err == nil {
		_ = b.Close()
		t.Error("let in")
	} else if !strings.Contains(err.Error(), want) {
		t.Errorf("got: %v\nwant in it: %s", err, want)
	}
}

const whoAreWe = "(the server wants to know who we are: set bus.creds, nkey, user and password, or token)"

func tokenDoor(t *testing.T) door {
	file := filepath.Join(t.TempDir(), "token")
	return door{
		conf:  [2]string{"authorization { token: one }", "authorization { token: two }"},
		login: Login{Token: reads(file)},
		put:   func(key int) { write(t, file, [2]string{"one", "two"}[key]) },
		none:  whoAreWe, wrong: "(the server does not accept bus.token: it is wrong, or the server does not know it)",
	}
}

func passwordDoor(t *testing.T) door {
	file := filepath.Join(t.TempDir(), "password")
	return door{
		conf:  [2]string{"authorization { user: me, password: one }", "authorization { user: me, password: two }"},
		login: Login{User: "me", Password: reads(file)},
		put:   func(key int) { write(t, file, [2]string{"one", "two"}[key]) },
		none:  whoAreWe, wrong: "(the server does not accept bus.user and password: it is wrong, or the server does not know it)",
	}
}

func nkeyDoor(t *testing.T) door {
	file := filepath.Join(t.TempDir(), "seed")
	d := door{login: Login{NKey: file}, none: whoAreWe, wrong: "(the server does not accept bus.nkey: it is wrong, or the server does not know it)"}
	var seeds [2]string
	for i := range seeds {
		user, err := nkeys.CreateUser()
		check(t, err)
		seed, err := user.Seed()
		check(t, err)
		seeds[i] = string(seed)
		d.conf[i] = "authorization { users: [ { nkey: " + public(t, user) + " } ] }"
	}
	d.put = func(key int) { write(t, file, seeds[key]) }
	return d
}

// credsDoor is a server with an operator, whose two accounts have different names for the servers that know only one of them.
func credsDoor(t *testing.T) door {
	file := filepath.Join(t.TempDir(), "user.creds")
	operator, err := nkeys.CreateOperator()
	check(t, err)
	account, err := nkeys.CreateAccount()
	check(t, err)
	d := door{login: Login{Creds: file}, none: whoAreWe, wrong: "(the server does not accept bus.creds: it is wrong, or the server does not know it)"}
	var creds [2]string
	for i := range creds {
		signer, err := nkeys.CreateAccount() // the key that signs users changes; the account and its streams stay
		check(t, err)
		user, err := nkeys.CreateUser()
		check(t, err)
		claims := jwt.NewUserClaims(public(t, user))
		claims.IssuerAccount = public(t, account)
		token, err := claims.Encode(signer)
		check(t, err)
		seed, err := user.Seed()
		check(t, err)
		decorated, err := jwt.FormatUserConfig(token, seed)
		check(t, err)
		creds[i] = string(decorated)
		d.conf[i] = operatorConf(t, operator, account, public(t, signer))
	}
	d.put = func(key int) { write(t, file, creds[key]) }
	return d
}

func operatorConf(t *testing.T, operator, account nkeys.KeyPair, signer string) string {
	t.Helper()
	system, err := nkeys.CreateAccount()
	check(t, err)
	oc := jwt.NewOperatorClaims(public(t, operator))
	oc.SystemAccount = public(t, system)
	operatorJWT, err := oc.Encode(operator)
	check(t, err)
	systemJWT, err := jwt.NewAccountClaims(public(t, system)).Encode(operator)
	check(t, err)
	ac := jwt.NewAccountClaims(public(t, account))
	ac.SigningKeys.Add(signer)
	ac.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1}
	accountJWT, err := ac.Encode(operator)
	check(t, err)
	return fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }",
		operatorJWT, public(t, system), systemJWT, public(t, account), accountJWT)
}

// mutualDoor knows who comes by the certificate, whose authority is replaced.
func mutualDoor(t *testing.T) door {
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	d := door{tls: &TLS{CA: ca, Cert: cert, Key: key}, none: "(the server seems to want a certificate that it trusts: set bus.tls.cert and key)"}
	d.wrong = "(set bus.tls.ca to the certificate of who signed the server's)"
	var authorities [2]*authority
	for i := range authorities {
		authorities[i] = newAuthority(t)
		d.conf[i] = serverTLS(t, authorities[i], "127.0.0.1", "verify: true")
	}
	d.put = func(key1 int) {
		b, err := os.ReadFile(authorities[key1].ca)
		check(t, err)
		write(t, ca, string(b))
		authorities[key1].issue(t, cert, key, "client")
	}
	return d
}

func serverTLS(t *testing.T, a *authority, host, more string) string {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem")
	a.issue(t, cert, key, host)
	return fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, %s }", cert, key, a.ca, more)
}

// What TLS asks of a client: who is trusted, under which name, and with whose certificate.
func TestTLS(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	other.issue(t, cert, key, "client")
	secure := startProcess(t, serverTLS(t, a, "nats.acme.example", ""))
	mutual := startProcess(t, serverTLS(t, a, "127.0.0.1", "verify: true"))
	plain := startProcess(t, "")
	for _, c := range []struct {
		name string
		o    Options
		want string // in the error; "" = let in
	}{
		{"the server's name", Options{URL: secure.url(), TLS: &TLS{CA: a.ca, ServerName: "nats.acme.example"}}, ""},
		{"by the URL alone", Options{URL: strings.Replace(mutual.url(), "nats:", "tls:", 1)}, "(set bus.tls.ca to the certificate of who signed the server's)"},
		{"another name", Options{URL: secure.url(), TLS: &TLS{CA: a.ca}}, "(write the server's own name in bus.url, or as bus.tls.serverName)"},
		{"another authority", Options{URL: secure.url(), TLS: &TLS{CA: other.ca, ServerName: "nats.acme.example"}}, "(set bus.tls.ca to the certificate of who signed the server's)"},
		{"a certificate of another authority", Options{URL: mutual.url(), TLS: &TLS{CA: a.ca, Cert: cert, Key: key}}, "(the server seems to want a certificate that it trusts: set bus.tls.cert and key)"},
		{"a server without", Options{URL: plain.url(), TLS: &TLS{CA: a.ca}}, "(the server speaks no TLS: give it a certificate, or remove bus.tls and write nats://)"},
		{"no such file", Options{URL: plain.url(), TLS: &TLS{CA: "none.pem"}}, "none.pem: no such file or directory (the file must be readable by this process)"},
		{"no such creds", Options{URL: plain.url(), Login: Login{Creds: "none.creds"}}, "none.creds: no such file or directory (the file must be readable by this process)"},
		{"no such nkey", Options{URL: plain.url(), Login: Login{NKey: "none.seed"}}, "none.seed: no such file or directory (the file must be readable by this process)"},
		{"not an nkey", Options{URL: plain.url(), Login: Login{NKey: a.ca}}, "nkey file " + a.ca + ": "},
		{"a token that cannot be read", Options{URL: plain.url(), Login: Login{Token: func() (string, error) { return "", errors.New("no token") }}}, "no token"},
		{"a password that cannot be read", Options{URL: plain.url(), Login: Login{User: "u", Password: func() (string, error) { return "", errors.New("no password") }}}, "no password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want != "" {
				refused(t, c.o, c.want)
				return
			}
			publish(t, openStream(t, openBus(t, c.o), StreamConfig{Name: "LOGS"}), "x")
		})
	}
}

// Whoever is away, has no JetStream, or is only about to start.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	nobody := newProcess(t, "late")
	refused(t, Options{URL: nobody.url() + ",nats://me:hunter2@127.0.0.1:1"}, "connect to the bus at "+nobody.url()+",nats://127.0.0.1:1: ")
	refused(t, Options{URL: nobody.url()}, "(is a server running there, and does nothing between keep us from it?)")
	without := newProcess(t, "without")
	without.start("# no jetstream")
	refused(t, Options{URL: without.url()}, "(run the server with jetstream {} in its configuration, or -js, and enable JetStream for the account)")
	apart := startProcess(t, "accounts: { A: { jetstream: enabled, users: [{user: a, password: a}] }, B: { users: [{user: b, password: b}] } }")
	password := func(text string) func() (string, error) { return func() (string, error) { return text, nil } }
	refused(t, Options{URL: apart.url(), Login: Login{User: "b", Password: password("b")}}, "and enable JetStream for the account)")

	opened := make(chan error, 1)
	go func() {
		b, err := Open(t.Context(), Options{URL: "nats://127.0.0.1:1," + nobody.url(), Wait: time.Minute})
		if err == nil {
			err = b.Close()
		}
		opened <- err
	}()
	nobody.start("")
	check(t, <-opened)
}

func reads(file string) func() (string, error) {
	return func() (string, error) {
		b, err := os.ReadFile(file)
		return string(b), err
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	check(t, os.WriteFile(file, []byte(text), 0o600))
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	check(t, err)
	return key
}
