// Package transport is the way to a destination's service, alike for all kinds that speak HTTP or gRPC: by which proxy, whom to
// trust, and who to be. A kind has the two options and makes a Way of them:
//
//	Proxy string        `json:"-" yaml:"proxy" doc:"http://HOST:PORT of a proxy; absent: that of the environment."`
//	TLS   transport.TLS `json:"-" yaml:"tls" doc:"Whom to trust, and who we are."`
//
// Files are read when they are needed, so that they may rotate. What is wrong with one is a *driver.Error, Misconfigured.
package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"sluice/sinks/driver"
)

// TLS names files in PEM; its zero value trusts the system's authorities and shows no certificate.
type TLS struct {
	CA         string `json:"-" yaml:"ca" doc:"Certificates of the authorities to trust, instead of the system's; read again when they change."`
	Cert       string `json:"-" yaml:"cert" doc:"Our own certificate, read for each connection."`
	Key        string `json:"-" yaml:"key" doc:"Its private key, read for each connection."`
	ServerName string `json:"-" yaml:"serverName" doc:"The name in the server's certificate, when it is not the host of the address."`
}

// Way is how a service is reached. Its zero value is what the environment says: HTTPS_PROXY, HTTP_PROXY, NO_PROXY.
type Way struct {
	Proxy string // http:// or https://HOST:PORT, without a user: the environment may hold one
	TLS   TLS
}

// Problems judges the options proxy and tls. It reads no file: a certificate may be mounted late.
func (w Way) Problems() []driver.Problem {
	var problems []driver.Problem
	if u, err := url.Parse(w.Proxy); w.Proxy != "" && (err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https") {
		problems = append(problems, driver.Problem{Path: "proxy", Message: "is not the address of a proxy",
			Hint: "http://HOST:PORT; one that wants a password: HTTPS_PROXY in the environment"})
	}
	if (w.TLS.Cert == "") != (w.TLS.Key == "") {
		problems = append(problems, driver.Problem{Path: "tls", Message: "cert and key belong together", Hint: "write both, or neither"})
	}
	return problems
}

// Config gives the settings for one connection or more: the authorities as they are now, our own certificate as it is whenever it
// is asked for.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	authorities, err := t.authorities()
	if err != nil {
		return nil, err
	}
	return c, t.apply(c, authorities)
}

// authorities reads the file of those to trust; nil where there is none.
func (t TLS) authorities() ([]byte, error) {
	if t.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, misconfigured("read tls.ca: %w", err)
	}
	return text, nil
}

// apply puts what the options say into c and leaves the rest.
func (t TLS) apply(c *tls.Config, authorities []byte) error {
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(authorities) {
			return misconfigured("tls.ca: no certificate in %s", t.CA)
		}
	}
	if t.Cert != "" {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
			if err != nil {
				return nil, misconfigured("read tls.cert and tls.key: %w", err)
			}
			return &pair, nil
		}
	}
	return nil
}

// proxy gives a request's proxy. What gives a machine its credentials is asked without one, and stands on a link-local address.
func (w Way) proxy(r *http.Request) (*url.URL, error) {
	if w.Proxy == "" {
		return http.ProxyFromEnvironment(r)
	}
	if isMetadata(r.URL.Hostname()) {
		return nil, nil
	}
	u, err := url.Parse(w.Proxy)
	if err != nil {
		return nil, misconfigured("the proxy's address is not one")
	}
	return u, nil
}

// isMetadata: 169.254.169.254, 169.254.170.2, fd00:ec2::254 and the like.
func isMetadata(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "metadata.google.internal") ||
		ip != nil && (ip.IsLinkLocalUnicast() || strings.HasPrefix(ip.String(), "fd00:ec2::"))
}

func misconfigured(format string, args ...any) error {
	return &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf(format, args...)}
}
