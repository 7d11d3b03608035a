package pubsub

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/pubsub/pubsubtest"
	"sluice/sinks/transport"
)

// TestSecure: a private authority and the key of a service account, whose token is the one that the service takes. What is wrong
// pauses the route, and a file that is put right mends it.
func TestSecure(t *testing.T) {
	dir := t.TempDir()
	token := "first"
	accounts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
	}))
	defer accounts.Close()
	ca, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "account.json")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: accounts.Certificate().Raw})
	writeAccount(t, file, accounts.URL)
	server, err := pubsubtest.Start(pubsubtest.Options{TLS: &tls.Config{Certificates: accounts.TLS.Certificates}, Token: "second"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	o := Options{Project: "acme", Topic: "audit", MaxEntries: 1, Endpoint: server.URL, CredentialsFile: file, TLS: transport.TLS{CA: ca}}
	createTopic(t, server, &o)
	d, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := plan(t, d, `{}`)
	for _, step := range []struct {
		change func()
		want   driver.Code
		remedy string
	}{
		{func() {}, driver.Misconfigured, "ca.pem"},
		{func() { writeFile(t, ca, authority) }, driver.Misconfigured, "give Sluice credentials"},
		{func() { token = "second" }, 0, ""},
	} {
		step.change()
		_, err := d.Write(t.Context(), &p.Units[0])
		if driver.CodeOf(err) != step.want || err != nil && (!strings.Contains(err.Error(), step.remedy) || strings.Contains(err.Error(), "first")) {
			t.Fatalf("got %v, want %v with %q", err, step.want, step.remedy)
		}
	}
	if got := len(server.Messages(o.topic())); got != 1 {
		t.Errorf("%d messages", got)
	}
}

func writeFile(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeAccount writes the key of a service account of its own making.
func writeAccount(t *testing.T, file, tokens string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "sluice@acme.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "project_id": "acme",
	})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, text)
}
