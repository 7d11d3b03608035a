package gcs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
)

// TestPrivateAuthorityAndProxy: a store behind a certificate of its own, and one that only a proxy can reach.
func TestPrivateAuthorityAndProxy(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{})
	behind, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	mux := http.NewServeMux()
	mux.Handle("/", forward)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":3600}`)
	})
	secure := httptest.NewTLSServer(mux)
	defer secure.Close()
	proxy := httptest.NewServer(forward)
	defer proxy.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(o *Options)
		want   driver.Code // Unknown: it works
	}{
		"its authority":        {func(o *Options) { o.Endpoint, o.TLS.CA = secure.URL, ca }, driver.Unknown},
		"an unknown authority": {func(o *Options) { o.Endpoint = secure.URL }, driver.Misconfigured},
		"no such file":         {func(o *Options) { o.Endpoint, o.TLS.CA = secure.URL, ca+"x" }, driver.Misconfigured},
		"by the proxy":         {func(o *Options) { o.Endpoint, o.Proxy = "http://store.invalid", proxy.URL }, driver.Unknown},
	} {
		o := Defaults()
		o.Bucket, o.CredentialsFile = bucket, account(t, "sluice@acme.invalid", secure.URL+"/token")
		c.change(o)
		d := open(*o, driver.ToSink)
		u := unit(name, 3, 100)
		_, err := d.Write(t.Context(), &u)
		if (err == nil) != (c.want == driver.Unknown) || err != nil && driver.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		_ = d.Close()
	}
}

// TestCredentialsRotate: a key that is refused is read again from its file.
func TestCredentialsRotate(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{})
	var accepts atomic.Value
	accepts.Store("")
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(r.FormValue("assertion"), ".")[1])
		if err != nil || !strings.Contains(string(claims), accepts.Load().(string)) {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":3600}`)
	}))
	defer tokens.Close()
	behind, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }})
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Bucket, o.Endpoint, o.TLS.CA = bucket, secure.URL, ca
	o.CredentialsFile = account(t, "old@acme.invalid", tokens.URL)
	d := open(*o, driver.ToSink)
	defer d.Close()
	u := unit("a", 3, 100)
	accepts.Store("new@acme.invalid")
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("the old key: %v", err)
	}
	if err := os.Rename(account(t, "new@acme.invalid", tokens.URL), o.CredentialsFile); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write(t.Context(), &u); err != nil {
		t.Errorf("the new key: %v", err)
	}
}

// account writes the key of a service account whose tokens come from an address: the way to it is that to the service.
func account(t *testing.T, name, tokens string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{"type": "service_account", "client_email": name, "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
