// Package bigquerytest is a BigQuery in the process of a test: the Storage Write API's committed streams over gRPC, and of the REST
// API the tables (get, insert, patch) and one query, with every way to fail of a network and a service. Rows are decoded by the
// writer's own schema, checked against the table's and can be read back. It listens on ports of the loopback, in the clear and
// without credentials, so that a real program can be pointed at it:
//
//	server, err := bigquerytest.Start(bigquerytest.Options{})
//	server.CreateDataset("acme-prod", "audit")
//	… sink: {bigquery: {project: acme-prod, dataset: audit, table: entries, endpoint: server.URL, writeEndpoint: server.WriteURL}}
//	rows := server.Rows("acme-prod", "audit", "entries")
//	server.SetFault(func(c bigquerytest.Call) bigquerytest.Fault { … })
//
// The rules are those of the service's documentation, as each place says:
//
//   - https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1 (the comments of the proto)
//   - https://cloud.google.com/bigquery/docs/write-api and …/write-api-best-practices
//   - https://cloud.google.com/bigquery/docs/reference/rest/v2/tables
package bigquerytest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"
)

// Options of a Server.
type Options struct {
	Addr, WriteAddr string // to listen on; empty: free ports of the loopback
	Forget          bool   // keep no rows, only how many a stream holds: for benchmarks
}

// Server is one running service. Its methods may be called from several goroutines at once.
type Server struct {
	URL      string // http://127.0.0.1:port of the REST API
	WriteURL string // http://127.0.0.1:port of the Storage Write API

	web    *http.Server
	grpc   *grpc.Server
	forget bool
	done   chan struct{}

	mu       sync.Mutex // guards all below
	datasets map[string]bool
	tables   map[string]*table  // by path
	streams  map[string]*stream // by name
	created  int                // streams so far
	refusal  func(Row) string
	stale    bool // what a table has gained is not known to the Write API
	calls    []Call
	fault    func(Call) Fault
	latency  time.Duration
}

// Start starts a server.
func Start(o Options) (*Server, error) {
	rest, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	write, err := listen(o.WriteAddr)
	if err != nil {
		_ = rest.Close()
		return nil, err
	}
	s := &Server{
		URL: "http://" + rest.Addr().String(), WriteURL: "http://" + write.Addr().String(), done: make(chan struct{}), forget: o.Forget,
		datasets: make(map[string]bool), tables: make(map[string]*table), streams: make(map[string]*stream),
	}
	s.web = &http.Server{Handler: http.HandlerFunc(s.serve)}
	s.grpc = grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20)) // the service's own limit is checked where it can be told
	storagepb.RegisterBigQueryWriteServer(s.grpc, &writeAPI{server: s})
	go s.web.Serve(rest)
	go s.grpc.Serve(write)
	return s, nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// Close ends the server at once, with all connections.
func (s *Server) Close() error {
	close(s.done)
	s.grpc.Stop()
	return s.web.Close()
}

// Op is what a call asks for.
type Op string

// The operations.
const (
	GetTable     Op = "get table"
	InsertTable  Op = "insert table"
	PatchTable   Op = "patch table"
	Query        Op = "query"
	CreateStream Op = "create stream"
	GetStream    Op = "get stream"
	Finalize     Op = "finalize stream"
	Append       Op = "append" // one request of a connection
	Other        Op = "other"
)

// Call is one request.
type Call struct {
	Op     Op
	Table  string // its id; of a stream: that of its table
	Stream string // its name
	Offset int64  // of an append
	Rows   int
	Bytes  int // of an append, as it came
}

// Kind is what goes wrong with a call.
type Kind int

// The kinds. Those that say so have no effect.
const (
	None      Kind = iota
	Refuse         // the connection breaks before any effect
	Hang           // no effect and no answer, until the caller gives up
	DropReply      // it takes effect, and the connection breaks before the answer
	Duplicate      // it takes effect, then is applied once more, as when something repeats it late; the first answer arrives
	Status         // no effect; the answer is Fault.Status, an HTTP status, or what gRPC has for it
	InBand         // likewise, of an append: the connection goes on
)

// Fault is what happens to one call, after Delay.
type Fault struct {
	Kind            Kind
	Status          int
	Reason, Message string
	Delay           time.Duration
}

// SetFault puts a hook before every call; nil takes it away.
func (s *Server) SetFault(fault func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// SetLatency delays every answer from now on. Requests on one connection do not wait for each other's answers.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// Calls gives all calls so far, in the order of their arrival, and forgets them.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// maxCalls bounds the memory of Calls.
const maxCalls = 100_000

// note remembers a call, and gives what is to happen to it and when it may be answered.
func (s *Server) note(c Call) (Fault, time.Time) {
	s.mu.Lock()
	if len(s.calls) < maxCalls {
		s.calls = append(s.calls, c)
	}
	hook, latency := s.fault, s.latency
	s.mu.Unlock()
	var f Fault
	if hook != nil {
		f = hook(c)
	}
	return f, time.Now().Add(latency + f.Delay)
}

// wait says whether the caller was still there at the time.
func (s *Server) wait(ctx context.Context, until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}

// hang waits until the caller gives up.
func (s *Server) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.done:
	}
}
