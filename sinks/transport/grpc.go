package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// GRPC gives the dial options of a way; none for the zero value. They come last, for they replace the credentials of the transport
// and the dialer. With a proxy the target should be passthrough:///HOST:PORT, so that the proxy and not this machine looks the name up.
func (w Way) GRPC() []grpc.DialOption {
	var opts []grpc.DialOption
	if w.TLS != (TLS{}) {
		opts = append(opts, grpc.WithTransportCredentials(newHandshake(w.TLS)))
	}
	if w.Proxy != "" {
		opts = append(opts, grpc.WithContextDialer(w.dial))
	}
	return opts
}

// handshake reads the files for each connection.
type handshake struct {
	credentials.TransportCredentials // for what does not depend on the files
	tls                              TLS
}

func newHandshake(t TLS) *handshake {
	return &handshake{credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}), t}
}

// ClientHandshake makes a connection one of TLS.
func (h *handshake) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, err := h.tls.Config()
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(c).ClientHandshake(ctx, authority, conn)
}

// Clone gives a copy.
func (h *handshake) Clone() credentials.TransportCredentials { return newHandshake(h.tls) }

// connectTime bounds how long a proxy may take to connect.
const connectTime = 20 * time.Second

// dial opens a connection through the proxy by CONNECT: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
func (w Way) dial(ctx context.Context, address string) (net.Conn, error) {
	proxy, err := url.Parse(w.Proxy)
	if err != nil {
		return nil, misconfigured("the proxy's address is not one")
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	conn, err := dialProxy(ctx, proxy)
	if err != nil {
		return nil, fmt.Errorf("dial the proxy: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends what waits
	err = connect(conn, address)
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect by the proxy: %w", err), conn.Close())
	}
	return conn, nil
}

func dialProxy(ctx context.Context, proxy *url.URL) (net.Conn, error) {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	address := net.JoinHostPort(proxy.Hostname(), port)
	if proxy.Scheme == "https" {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// connect asks for a tunnel. A server that speaks first would be misread; those of gRPC never do.
func connect(conn net.Conn, address string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{"User-Agent": {"sluice"}}}
	if err := req.Write(conn); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
