// Package pubsubtest is Pub/Sub inside the process: Google's own fake (pstest) on a loopback port, with the limits that it does
// not check (https://docs.cloud.google.com/pubsub/quotas#resource_limits) and faults at will. It speaks gRPC in the clear, as an
// emulator does, and asks for no credentials.
package pubsubtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Kind is what happens to a publish request.
type Kind int

// The kinds of faults.
const (
	None       Kind = iota
	Refuse          // the connection ends before the request took effect
	DropReply       // the request takes effect, and the connection ends
	Hang            // the request takes effect once the client has gone, and nothing is answered
	Twice           // the request takes effect twice; the second one's answer is given
	Answer          // Code is answered, without effect
	AnswerLate      // the request takes effect, and Code is answered nevertheless
)

// Fault is what happens to one request. Wait, if not nil, is waited for before anything else.
type Fault struct {
	Kind Kind
	Code codes.Code
	Wait <-chan struct{}
}

// Server is a Pub/Sub with no topics. Its methods may be called from several goroutines at once.
type Server struct {
	URL  string // http://127.0.0.1:PORT, with TLS https://
	Addr string // 127.0.0.1:PORT

	options Options
	fake    *pstest.Server
	grpc    *grpc.Server
	done    chan struct{}
	mu      sync.Mutex
	fault   func(*pubsubpb.PublishRequest) Fault
	conns   map[string]net.Conn
}

// Options say how the server is spoken to; by its zero value as an emulator is.
type Options struct {
	TLS   *tls.Config // nil: in the clear
	Token string      // the only bearer token that is taken; empty: none is asked for
}

// Start begins to listen on a free loopback port.
func Start(o Options) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{options: o, fake: pstest.NewServer(), done: make(chan struct{}), conns: make(map[string]net.Conn)}
	s.Addr = listener.Addr().String()
	s.URL = "http://" + s.Addr
	opts := []grpc.ServerOption{grpc.UnaryInterceptor(s.intercept), grpc.MaxRecvMsgSize(64 << 20)}
	if o.TLS != nil {
		s.URL = "https://" + s.Addr
		opts = append(opts, grpc.Creds(credentials.NewTLS(o.TLS)))
	}
	s.grpc = grpc.NewServer(opts...)
	pubsubpb.RegisterPublisherServer(s.grpc, &s.fake.GServer)
	pubsubpb.RegisterSubscriberServer(s.grpc, &s.fake.GServer)
	go func() {
		defer close(s.done)
		_ = s.grpc.Serve(&tracking{listener, s}) // ends with the listener
	}()
	return s, nil
}

// Close ends the server and what hangs in it.
func (s *Server) Close() error {
	s.grpc.Stop()
	<-s.done
	if err := s.fake.Close(); err != nil {
		return fmt.Errorf("close the fake: %w", err)
	}
	return nil
}

// CreateTopic makes a topic, projects/P/topics/T.
func (s *Server) CreateTopic(name string) error {
	_, err := s.fake.GServer.CreateTopic(context.Background(), &pubsubpb.Topic{Name: name})
	return err
}

// CreateSubscription makes a subscription, projects/P/subscriptions/S, of a topic; ordered = messages of one ordering key come in
// order.
func (s *Server) CreateSubscription(name, topic string, ordered bool) error {
	_, err := s.fake.GServer.CreateSubscription(context.Background(), &pubsubpb.Subscription{Name: name, Topic: topic, EnableMessageOrdering: ordered, AckDeadlineSeconds: 60})
	return err
}

// SetFault asks f about every publish request from now on; nil: none fails.
func (s *Server) SetFault(f func(*pubsubpb.PublishRequest) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Messages gives what was published to a topic, in order, repeated ones too.
func (s *Server) Messages(topic string) []*pstest.Message {
	var found []*pstest.Message
	for _, m := range s.fake.Messages() {
		if m.Topic == topic {
			found = append(found, m)
		}
	}
	return found
}

// errGone ends a request whose connection ends.
var errGone = errors.New("the connection is gone")

func (s *Server) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	publish, ok := req.(*pubsubpb.PublishRequest)
	if !ok {
		return handler(ctx, req)
	}
	if got := metadata.ValueFromIncomingContext(ctx, "authorization"); s.options.Token != "" && !slices.Equal(got, []string{"Bearer " + s.options.Token}) {
		return nil, status.Error(codes.Unauthenticated, "no token, or another one")
	}
	s.mu.Lock()
	ask := s.fault
	s.mu.Unlock()
	var f Fault
	if ask != nil {
		f = ask(publish)
	}
	if f.Wait != nil {
		<-f.Wait
	}
	take := func() (any, error) {
		if err := checkLimits(publish); err != nil {
			return nil, err
		}
		return handler(context.WithoutCancel(ctx), req)
	}
	switch f.Kind {
	case Refuse:
		return nil, s.cut(ctx)
	case Answer:
		return nil, status.Error(f.Code, "an answer of the test")
	case Hang:
		<-ctx.Done()
	case Twice:
		if _, err := take(); err != nil {
			return nil, err
		}
	}
	answer, err := take()
	switch f.Kind {
	case DropReply:
		return nil, s.cut(ctx)
	case AnswerLate:
		return nil, status.Error(f.Code, "an answer of the test")
	}
	return answer, err
}

// cut ends the connection of a request.
func (s *Server) cut(ctx context.Context) error {
	if p, ok := peer.FromContext(ctx); ok {
		s.mu.Lock()
		conn := s.conns[p.Addr.String()]
		s.mu.Unlock()
		if conn != nil {
			_ = conn.Close()
		}
	}
	<-ctx.Done() // it notices
	return errGone
}

// tracking remembers connections, so that one can be cut.
type tracking struct {
	net.Listener
	server *Server
}

// Accept waits for a connection.
func (t *tracking) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err == nil {
		t.server.mu.Lock()
		t.server.conns[conn.RemoteAddr().String()] = conn
		t.server.mu.Unlock()
	}
	return conn, err
}
