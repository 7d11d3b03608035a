package jetstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// withRemedy adds what an operator can do about an error of connecting or of a request; unknown ones stay as they are.
func withRemedy(err error, o Options) error {
	if remedy := remedyFor(err, o); remedy != "" {
		return fmt.Errorf("%w (%s)", err, remedy)
	}
	return err
}

func remedyFor(err error, o Options) string {
	if remedy := tlsRemedy(err, o); remedy != "" {
		return remedy
	}
	var denied *deniedError
	var file *fs.PathError
	var network *net.OpError
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && (api.ErrorCode == errCodeNoCluster || api.ErrorCode == errCodeNoPeers):
		return "replicas need a cluster of as many servers with JetStream"
	case errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return "the credentials have run out: put new ones in the same place, they are read again"
	case errors.Is(err, nats.ErrAuthorization) && o.Login.kind() == "" && o.Dir == "":
		return "the server wants to know who we are: set bus.creds, nkey, user and password, or token"
	case errors.Is(err, nats.ErrAuthorization):
		return "the server does not accept bus." + o.Login.kind() + ": it is wrong, or the server does not know it"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return "run the server with jetstream {} in its configuration, or -js, and enable JetStream for the account"
	case errors.As(err, &denied):
		return denied.remedy()
	case errors.As(err, &file):
		return "the file must be readable by this process"
	case errors.Is(err, nats.ErrNoServers), errors.As(err, &network):
		return "is a server running there, and does nothing between keep us from it?"
	}
	return ""
}

func tlsRemedy(err error, o Options) string {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch text := err.Error(); {
	case errors.As(err, &authority):
		return "set bus.tls.ca to the certificate of who signed the server's"
	case errors.As(err, &hostname):
		return "write the server's own name in bus.url, or as bus.tls.serverName"
	case errors.As(err, &invalid):
		return "the server's certificate must be renewed, or a clock is wrong"
	case errors.Is(err, nats.ErrSecureConnWanted), errors.As(err, &record):
		return "the server speaks no TLS: give it a certificate, or remove bus.tls and write nats://"
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"), strings.Contains(text, "unknown certificate authority"):
		return wantsCertificate
	case errors.Is(err, nats.ErrTLS), o.TLS != nil && errors.Is(err, io.EOF): // it may hang up before its reason arrives
		return wantsCertificate
	}
	return ""
}

const wantsCertificate = "the server seems to want a certificate that it trusts: set bus.tls.cert and key"

// kind names the key of the configuration that says who we are.
func (l Login) kind() string {
	switch {
	case l.Creds != "":
		return "creds"
	case l.NKey != "":
		return "nkey"
	case l.User != "":
		return "user and password"
	case l.Token != nil:
		return "token"
	}
	return ""
}

// passing says whether an error of connecting may pass by itself: nobody answers yet.
func passing(err error) bool {
	var network *net.OpError
	return tlsRemedy(err, Options{}) == "" && (errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &network) ||
		errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, nats.ErrNoResponders))
}
