// Package gcstest is a Cloud Storage in the process of a test: fake-gcs-server, behind a proxy that can fail in every way a network
// and a service can, and that models what the fake ignores: rights (IAM), retention, bucket lock, holds and resumable uploads.
// It speaks plain HTTP on a port of the loopback, so that a real program can be pointed at it:
//
//	server, err := gcstest.Start(gcstest.Options{})
//	server.CreateBucket("audit", gcstest.Bucket{})
//	… sink: {gcs: {bucket: audit, endpoint: server.URL}}
//	server.SetFault(func(c gcstest.Call) gcstest.Fault { … })
//
// The rules it models are those of https://docs.cloud.google.com/storage/docs, as each place says.
package gcstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Options of a Server.
type Options struct {
	Dir  string // where objects live; empty: in memory, which is slow from some ten thousand objects on
	Addr string // to listen on; empty: a free port of the loopback
}

// Server is one running service. Its methods may be called from several goroutines at once.
type Server struct {
	URL string // http://127.0.0.1:port

	fake *fakestorage.Server
	web  *http.Server

	mu       sync.Mutex // guards all below, and makes an insert one step
	buckets  map[string]*Bucket
	rights   map[string]bool
	refusal  bool // a taken name answers 403 instead of 412
	sessions map[string]*session
	objects  map[string]*stored // bucket/name
	calls    []Call
	fault    func(Call) Fault
	latency  time.Duration
}

// Start starts a server.
func Start(o Options) (*Server, error) {
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{StorageRoot: o.Dir, NoListener: true})
	if err != nil {
		return nil, fmt.Errorf("start the fake: %w", err)
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{
		URL: "http://" + listener.Addr().String(), fake: fake, buckets: make(map[string]*Bucket), rights: make(map[string]bool),
		sessions: make(map[string]*session), objects: make(map[string]*stored),
	}
	s.SetRights(AllRights...)
	s.web = &http.Server{Handler: http.HandlerFunc(s.serve)}
	go s.web.Serve(listener)
	return s, nil
}

// Close ends the server at once, with all connections.
func (s *Server) Close() error {
	err := s.web.Close()
	s.fake.Stop()
	return err
}

// Kind is what goes wrong with a call.
type Kind int

// The kinds. Those that say so have no effect on what is stored.
const (
	None      Kind = iota
	Refuse         // the connection breaks before any effect
	Hang           // no effect and no answer, until the caller gives up
	DropReply      // it takes effect, and the connection breaks before the answer
	Duplicate      // it takes effect twice, as when a network sends it again; the second answer arrives
	Status         // no effect; the answer is Fault.Status
	Truncate       // of a chunk half is kept, and the answer says so; other calls pass
	Corrupt        // one byte of an uploaded object changes on its way
)

// Fault is what happens to one call, after Delay.
type Fault struct {
	Kind            Kind
	Status          int // of Status
	Reason, Message string
	Delay           time.Duration
}

// SetFault puts a hook before every call; nil takes it away.
func (s *Server) SetFault(fault func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// SetLatency delays every call from now on.
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

func (s *Server) note(c Call) (Fault, time.Duration) {
	s.mu.Lock()
	if len(s.calls) < maxCalls {
		s.calls = append(s.calls, c)
	}
	hook, latency := s.fault, s.latency
	s.mu.Unlock()
	if hook == nil {
		return Fault{}, latency
	}
	f := hook(c)
	return f, latency + f.Delay
}

// serve lets a call pass, or what its fault makes of it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the caller gave up: half a request has no effect
	}
	c := parse(r)
	fault, delay := s.note(c)
	if !wait(r, delay) {
		panic(http.ErrAbortHandler)
	}
	switch fault.Kind {
	case Refuse:
		panic(http.ErrAbortHandler)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Status:
		fail(w, fault.Status, fault.Reason, fault.Message)
		return
	case Duplicate:
		s.do(httptest.NewRecorder(), c, r, bytes.Clone(body), fault.Kind)
	case Corrupt:
		if len(body) > 200 {
			body[len(body)-100] ^= 1
		}
	}
	answer := httptest.NewRecorder()
	s.do(answer, c, r, body, fault.Kind)
	if fault.Kind == DropReply {
		panic(http.ErrAbortHandler)
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the caller may have gone
}

// wait says whether the caller was still there at its end.
func wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return r.Context().Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// forward lets the fake do what it can.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, body []byte) {
	inner := r.Clone(r.Context())
	inner.Body, inner.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	s.fake.HTTPHandler().ServeHTTP(w, inner)
}

// ErrNoObject says that nothing stands under a name.
var ErrNoObject = errors.New("no such object")
