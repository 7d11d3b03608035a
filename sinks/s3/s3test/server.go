// Package s3test is an S3 in the process of a test: objects in memory, multipart uploads, checksums, conditional writes, rights and
// owners as Amazon documents them, and every way in which a network and a service can fail. It speaks plain HTTP on a port of the
// loopback, with the bucket in the path, so that a real program can be pointed at it:
//
//	server, err := s3test.Start(s3test.Options{})
//	server.CreateBucket("audit", s3test.Bucket{})
//	… sink: {s3: {bucket: audit, endpoint: server.URL}}, with any AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
//	server.SetFault(func(c s3test.Call) s3test.Fault { … })
//
// It asks for a signature but does not verify it; of a body it verifies the SHA-256 and the CRC32C that are sent.
// The rules are those of https://docs.aws.amazon.com/AmazonS3/latest/API, as each place says.
package s3test

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
)

// Options of a Server.
type Options struct {
	Addr string // to listen on; empty: a free port of the loopback
}

// Server is one running service. Its methods may be called from several goroutines at once.
type Server struct {
	URL string // http://127.0.0.1:port

	web *http.Server

	mu      sync.Mutex // guards all below, and makes a call one step
	buckets map[string]*bucket
	rights  map[string]bool
	uploads map[string]*upload
	begun   int // uploads so far
	calls   []Call
	fault   func(Call) Fault
	latency time.Duration
}

// Start starts a server, with AllRights.
func Start(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{
		URL: "http://" + listener.Addr().String(), buckets: make(map[string]*bucket), rights: make(map[string]bool), uploads: make(map[string]*upload),
	}
	s.SetRights(AllRights...)
	s.web = &http.Server{Handler: http.HandlerFunc(s.serve)}
	go s.web.Serve(listener)
	return s, nil
}

// Close ends the server at once, with all connections.
func (s *Server) Close() error { return s.web.Close() }

// Kind is what goes wrong with a call.
type Kind int

// The kinds. Those that say so have no effect on what is stored.
const (
	None      Kind = iota
	Refuse         // the connection breaks before any effect
	Hang           // no effect and no answer, until the caller gives up
	DropReply      // it takes effect, and the connection breaks before the answer
	Duplicate      // it takes effect twice, as when a network sends it again; the second answer arrives
	Status         // no effect; the answer is Fault.Status with Fault.Code
	Corrupt        // one byte of an uploaded object changes on its way
	LateError      // it takes effect, and the answer is 200 with an error in its body, as CompleteMultipartUpload may answer
)

// Fault is what happens to one call, after Delay.
type Fault struct {
	Kind          Kind
	Status        int    // of Status
	Code, Message string // of Status: AccessDenied, SlowDown, …
	Delay         time.Duration
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
		fail(w, r, fault.Status, fault.Code, fault.Message)
		return
	case Duplicate:
		s.do(httptest.NewRecorder(), c, r, bytes.Clone(body))
	case Corrupt:
		if len(body) > 200 {
			body[len(body)-100] ^= 1
		}
	}
	answer := httptest.NewRecorder()
	s.do(answer, c, r, body)
	if fault.Kind == DropReply {
		panic(http.ErrAbortHandler)
	}
	if fault.Kind == LateError {
		fail(w, r, http.StatusOK, "InternalError", "We encountered an internal error. Please try again.")
		return
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

// ErrNoObject says that nothing stands under a name.
var ErrNoObject = errors.New("no such object")
