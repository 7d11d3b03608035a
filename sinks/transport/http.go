package transport

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"sync"
	"time"
)

// RoundTripper goes a Way over HTTP. It may be used by several goroutines at once.
type RoundTripper struct {
	way  Way
	base *http.Transport

	mu          sync.Mutex
	authorities []byte // that next trusts
	next        *http.Transport
}

var _ http.RoundTripper = (*RoundTripper)(nil)

// HTTP makes a round tripper whose other settings are those of base, which it copies; nil: the standard library's, with more idle
// connections, without asking for compressed answers and with pings on HTTP/2. No file is read before the first request.
func (w Way) HTTP(base *http.Transport) *RoundTripper {
	if base == nil {
		base = http.DefaultTransport.(*http.Transport).Clone()
		base.MaxIdleConnsPerHost = 100
		base.DisableCompression = true
		base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		base.HTTP2 = &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second} // a peer that went away is found out
	}
	return &RoundTripper{way: w, base: base}
}

// RoundTrip sends a request.
func (t *RoundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	next, err := t.transport()
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // as RoundTrip must; nothing was read of it
		}
		return nil, err
	}
	return next.RoundTrip(req)
}

// transport gives the transport that trusts tls.ca as the file is now. Connections of before end once they are idle.
func (t *RoundTripper) transport() (*http.Transport, error) {
	authorities, err := t.way.TLS.authorities()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next != nil && bytes.Equal(authorities, t.authorities) {
		return t.next, nil
	}
	fresh, err := t.way.over(t.base, authorities)
	if err != nil {
		return nil, err
	}
	if t.next != nil {
		t.next.CloseIdleConnections()
	}
	t.next, t.authorities = fresh, authorities
	return fresh, nil
}

// over gives base with the way's settings.
func (w Way) over(base *http.Transport, authorities []byte) (*http.Transport, error) {
	t := base.Clone()
	return t, w.apply(t, authorities)
}

func (w Way) apply(t *http.Transport, authorities []byte) error {
	t.Proxy = w.proxy
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return w.TLS.apply(t.TLSClientConfig, authorities)
}

// Apply makes a transport go the way with the authorities of now, for libraries that insist on one. A file that cannot be read
// leaves no authority to trust.
func (w Way) Apply(t *http.Transport) {
	authorities, _ := w.TLS.authorities()
	_ = w.apply(t, authorities) // the connection will tell
}

// CloseIdleConnections closes the connections that no request uses.
func (t *RoundTripper) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next != nil {
		t.next.CloseIdleConnections()
	}
}
