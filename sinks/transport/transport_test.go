package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"sluice/sinks/driver"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return a
}

func sign(t *testing.T, c *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// pair gives a certificate for 127.0.0.1 and server.example, or for a client.
func (a *authority) pair(t *testing.T, name string) tls.Certificate {
	t.Helper()
	cert, key := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{"server.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func write(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writePair(t *testing.T, dir string, p tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalECPrivateKey(p.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", p.Certificate[0])
	write(t, filepath.Join(dir, "key.pem"), "EC PRIVATE KEY", key)
}

func get(t *testing.T, client http.RoundTripper, address string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// TestFilesRotate: an authority and a certificate that are replaced count from the next connection on.
func TestFilesRotate(t *testing.T) {
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	clients, servers := newAuthority(t), newAuthority(t)
	var current atomic.Pointer[tls.Certificate]
	replace := func(pair tls.Certificate) { current.Store(&pair) }
	replace(servers.pair(t, "server"))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	pool := x509.NewCertPool()
	pool.AddCert(clients.cert)
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*current.Load()}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}, nil
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	w := Way{TLS: TLS{CA: ca, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}}
	client := w.HTTP(nil)
	defer client.CloseIdleConnections()

	if _, err := get(t, client, server.URL); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("no file of authorities: %v", err)
	}
	write(t, ca, "CERTIFICATE", servers.cert.Raw)
	if _, err := get(t, client, server.URL); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("no certificate: %v", err)
	}
	for _, name := range []string{"first", "second"} {
		writePair(t, dir, clients.pair(t, name))
		if got, err := get(t, client, server.URL); got != name {
			t.Errorf("the server saw %q, want %q: %v", got, name, err)
		}
	}
	others := newAuthority(t)
	replace(others.pair(t, "server"))
	if _, err := get(t, client, server.URL); err == nil {
		t.Error("an authority that is not trusted is")
	}
	write(t, ca, "CERTIFICATE", others.cert.Raw)
	if got, err := get(t, client, server.URL); got != "second" {
		t.Errorf("after the authority was replaced: %q, %v", got, err)
	}
	w.TLS.ServerName = "other.example"
	if _, err := get(t, w.HTTP(nil), server.URL); err == nil {
		t.Error("the server's name is not looked at")
	}
	w.TLS.ServerName = "server.example"
	if _, err := get(t, w.HTTP(nil), server.URL); err != nil {
		t.Error(err)
	}
}

// startProxy tunnels every CONNECT to one address, and tells which was asked for.
func startProxy(t *testing.T, to string) (proxy string, asked chan string) {
	t.Helper()
	asked = make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host
		if r.Host == "refused.example:443" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer far.Close()
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer near.Close()
		_, _ = io.WriteString(near, "HTTP/1.1 200 Connected\r\n\r\n")
		go func() { _, _ = io.Copy(far, near) }()
		_, _ = io.Copy(near, far)
	}))
	t.Cleanup(server.CloseClientConnections)
	return server.URL, asked
}

// TestGRPC: a private authority, by a proxy that alone knows the name.
func TestGRPC(t *testing.T) {
	servers := newAuthority(t)
	pair := servers.pair(t, "server")
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	proxy, asked := startProxy(t, listener.Addr().String())
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, "CERTIFICATE", servers.cert.Raw)

	w := Way{Proxy: proxy, TLS: TLS{CA: ca}}
	for target, want := range map[string]codes.Code{
		"passthrough:///server.example:443": codes.OK, "passthrough:///refused.example:443": codes.Unavailable, "passthrough:///other.example:443": codes.Unavailable,
	} {
		conn, err := grpc.NewClient(target, w.GRPC()...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if status.Code(err) != want {
			t.Errorf("%s: %v", target, err)
		}
		if got := <-asked; "passthrough:///"+got != target {
			t.Errorf("the proxy was asked for %s", got)
		}
		_ = conn.Close()
	}
	if opts := (Way{}).GRPC(); len(opts) != 0 {
		t.Errorf("%d options of nothing", len(opts))
	}
}

func TestProxyChoice(t *testing.T) {
	w := Way{Proxy: "http://proxy.example:3128"}
	for address, direct := range map[string]bool{
		"https://storage.googleapis.com/": false, "http://127.0.0.1:9000/": false, "http://169.254.169.254/latest": true, "http://169.254.170.2/v2": true,
		"http://metadata.google.internal/": true, "http://[fd00:ec2::254]/": true, "http://[fe80::1]/": true, "http://[2001:db8::1]/": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		req := (&http.Request{URL: u}).WithContext(context.Background())
		if got, err := w.proxy(req); err != nil || (got == nil) != direct {
			t.Errorf("%s: %v, %v", address, got, err)
		}
	}
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		way  Way
		want []string
	}{
		"nothing":    {Way{}, nil},
		"fine":       {Way{Proxy: "https://h:1", TLS: TLS{CA: "a", Cert: "c", Key: "k", ServerName: "n"}}, nil},
		"a password": {Way{Proxy: "http://u:p@h"}, []string{"proxy"}},
		"all":        {Way{Proxy: "socks5://h", TLS: TLS{Key: "k"}}, []string{"proxy", "tls"}},
	} {
		var got []string
		for _, p := range c.way.Problems() {
			got = append(got, p.Path)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
