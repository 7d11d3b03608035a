package nats

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"sluice/sinks/driver"
	"sluice/sinks/transport"
)

// door is a server that lets in only who holds a key.
type door struct {
	conf  string           // of the server
	wrong func(o *Options) // a key that does not open it; where it stands in files, right replaces them
	right func(o *Options)
	want  string // in the error of who has the wrong one
}

// TestLogin: the wrong key is refused with a remedy; with the right one, in the same files where it stands in files, the same driver
// delivers.
func TestLogin(t *testing.T) {
	const remedy = "(correct creds, nkey, user and password, or token)"
	for name, d := range map[string]door{
		"token": {"authorization { token: good }", func(o *Options) { o.Token = "bad" }, func(o *Options) { o.Token = "good" }, remedy},
		"password": {"authorization { user: me, password: good }", func(o *Options) { o.User, o.Password = "me", "bad" },
			func(o *Options) { o.Password = "good" }, remedy},
		"nobody": {"authorization { token: good }", func(*Options) {}, func(o *Options) { o.Token = "good" }, remedy},
		"nkey":   nkeyDoor(t, remedy),
		"creds":  credsDoor(t, remedy),
		"mTLS":   mutualDoor(t),
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{URL: startConfigured(t, d.conf), Stream: "D", Subject: "out.x", MaxEntry: 1000}
			d.wrong(&o)
			driverOf := func() *Driver {
				made, err := open(o)
				check(t, err)
				t.Cleanup(func() { made.Close() })
				return made
			}
			made := driverOf()
			u := unit(t, made, `{}`)
			_, err := made.Write(t.Context(), &u)
			if driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), d.want) || strings.Contains(err.Error(), "bad") {
				t.Errorf("the wrong key: %v, want %s", err, d.want)
			}
			d.right(&o)
			if o.NKey == "" && o.Creds == "" && o.TLS.CA == "" { // it does not stand in a file: a reload makes another driver
				made = driverOf()
			}
			conn, err := made.client.connect()
			check(t, err)
			js, err := jetstream.New(conn)
			check(t, err)
			createStream(t, js, jetstream.StreamConfig{Name: "D", Subjects: []string{"out.>", markPrefix + ">"}, AllowAtomicPublish: true})
			if _, err := made.Write(t.Context(), &u); err != nil {
				t.Errorf("the right key: %v", err)
			}
		})
	}
}

// startConfigured starts a server with JetStream as a configuration file says.
func startConfigured(t *testing.T, conf string) (url string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	check(t, os.WriteFile(file, fmt.Appendf(nil, "listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q }\n%s\n", t.TempDir(), conf), 0o600))
	o, err := server.ProcessConfigFile(file)
	check(t, err)
	o.NoSigs, o.NoLog = true, true
	s, err := server.NewServer(o)
	check(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not start")
	}
	return strings.Replace(s.ClientURL(), "tls:", "nats:", 1)
}

func nkeyDoor(t *testing.T, remedy string) door {
	file := filepath.Join(t.TempDir(), "seed")
	put := func(pair nkeys.KeyPair) func(o *Options) {
		return func(o *Options) {
			seed, err := pair.Seed()
			check(t, err)
			check(t, os.WriteFile(file, seed, 0o600))
			o.NKey = file
		}
	}
	good, err := nkeys.CreateUser()
	check(t, err)
	bad, err := nkeys.CreateUser()
	check(t, err)
	return door{"authorization { users: [ { nkey: " + public(t, good) + " } ] }", put(bad), put(good), remedy}
}

// credsDoor is a server with an operator and one account, whose users are signed by its key, or by another that it does not know.
func credsDoor(t *testing.T, remedy string) door {
	file := filepath.Join(t.TempDir(), "user.creds")
	operator, err := nkeys.CreateOperator()
	check(t, err)
	system, err := nkeys.CreateAccount()
	check(t, err)
	account, err := nkeys.CreateAccount()
	check(t, err)
	stranger, err := nkeys.CreateAccount()
	check(t, err)
	oc := jwt.NewOperatorClaims(public(t, operator))
	oc.SystemAccount = public(t, system)
	operatorJWT, err := oc.Encode(operator)
	check(t, err)
	systemJWT, err := jwt.NewAccountClaims(public(t, system)).Encode(operator)
	check(t, err)
	ac := jwt.NewAccountClaims(public(t, account))
	ac.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1}
	accountJWT, err := ac.Encode(operator)
	check(t, err)
	put := func(signer nkeys.KeyPair) func(o *Options) {
		return func(o *Options) {
			user, err := nkeys.CreateUser()
			check(t, err)
			claims := jwt.NewUserClaims(public(t, user))
			if signer != account {
				claims.IssuerAccount = public(t, account)
			}
			token, err := claims.Encode(signer)
			check(t, err)
			seed, err := user.Seed()
			check(t, err)
			text, err := jwt.FormatUserConfig(token, seed)
			check(t, err)
			check(t, os.WriteFile(file, text, 0o600))
			o.Creds = file
		}
	}
	conf := fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }", operatorJWT, public(t, system), systemJWT, public(t, account), accountJWT)
	return door{conf, put(stranger), put(account), remedy}
}

// mutualDoor knows who comes by the certificate, and shows one itself that only its authority vouches for.
func mutualDoor(t *testing.T) door {
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	good, bad := newAuthority(t), newAuthority(t)
	good.write(t, name("server-ca.pem"))
	good.issue(t, name("server.pem"), name("server-key.pem"))
	put := func(a *authority) func(o *Options) {
		return func(o *Options) {
			a.write(t, name("ca.pem"))
			a.issue(t, name("cert.pem"), name("key.pem"))
			o.TLS = transport.TLS{CA: name("ca.pem"), Cert: name("cert.pem"), Key: name("key.pem"), ServerName: "nats.acme.example"}
		}
	}
	conf := fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", name("server.pem"), name("server-key.pem"), name("server-ca.pem"))
	return door{conf, put(bad), put(good), "(look at tls: "}
}

// authority signs certificates for a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	check(t, err)
	a.certificate, err = x509.ParseCertificate(der)
	check(t, err)
	return a
}

func (a *authority) write(t *testing.T, file string) {
	writePEM(t, file, "CERTIFICATE", a.certificate.Raw)
}

// issue writes a certificate, of a server and of a client alike, and its key.
func (a *authority) issue(t *testing.T, cert, key string) {
	t.Helper()
	pair := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"nats.acme.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, pair.Public(), a.key)
	check(t, err)
	writePEM(t, cert, "CERTIFICATE", der)
	b, err := x509.MarshalPKCS8PrivateKey(pair)
	check(t, err)
	writePEM(t, key, "PRIVATE KEY", b)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return key
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	check(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	check(t, err)
	return key
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
