package s3

import (
	"encoding/pem"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/s3/s3test"
)

// TestPrivateAuthorityAndProxy: a store behind a certificate of its own, and one that only a proxy can reach.
func TestPrivateAuthorityAndProxy(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, s3test.Bucket{})
	behind, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	secure := httptest.NewTLSServer(forward)
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
		o.Bucket, o.PathStyle = bucket, true
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
