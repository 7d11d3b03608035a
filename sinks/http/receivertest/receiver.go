// Package receivertest is a receiver of HTTP deliveries that honours Idempotency-Key, inside the process, with faults at will. It
// refuses what a faithful receiver refuses: a Content-Digest that does not fit the content (RFC 9530), a request without a key, a
// body that is not what it should be. As `elastic` it honours the _id of each create action instead.
package receivertest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
)

// Kind is what happens to a request.
type Kind int

// The kinds of faults.
const (
	None       Kind = iota
	Refuse          // the connection ends before the request took effect
	DropReply       // the request takes effect, and the connection ends
	Hang            // the request takes effect once the client has gone, and nothing is answered
	Twice           // the request arrives twice; the second one's answer is given
	Answer          // Status and Body are answered, without effect
	AnswerLate      // the request takes effect, and Status and Body are answered nevertheless
)

// Fault is what happens to one request. Wait, if not nil, is waited for before anything else.
type Fault struct {
	Kind   Kind
	Status int
	Body   string
	Wait   <-chan struct{}
}

// Request is one that took effect.
type Request struct {
	Path    string
	Query   string
	Key     string // the Idempotency-Key, unquoted
	Header  http.Header
	Content []byte // decompressed
	Entries []Entry
	Honours bool // it was known: nothing was stored anew
}

// Entry is one of a request.
type Entry struct {
	ID  string // its sluice-id, where the body carries one
	Raw string
}

// Options say what kind of receiver it is.
type Options struct {
	Body       string // ndjson, array, wrapped (lines of {"id","entry"}), splunk or elastic
	IgnoreKeys bool   // it stores what it gets as often as it gets it
	Forget     bool   // it looks at what it gets and keeps nothing, for benchmarks; not as elastic
	TLS        bool
}

// Server is a receiver. Its methods may be called from several goroutines at once. Each path is a place of its own.
type Server struct {
	URL     string
	options Options
	http    *httptest.Server
	mu      sync.Mutex
	fault   func(r *http.Request) Fault
	all     []Request
	places  map[string]*place
}

// place is what stands at one path.
type place struct {
	keys   map[string][sha256.Size]byte // of what was stored under them
	ids    map[string]bool              // elastic: the _ids that exist
	stored map[string][]Entry           // by key
}

// Start begins to listen on a free loopback port.
func Start(o Options) *Server {
	s := &Server{options: o, places: make(map[string]*place)}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if o.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL
	return s
}

// Close ends the server and what hangs in it.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// HTTP is the server below, for its certificate.
func (s *Server) HTTP() *httptest.Server { return s.http }

// SetFault asks f about every request from now on; nil: none fails.
func (s *Server) SetFault(f func(r *http.Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Requests gives those that took effect at a path, in order, repeated ones too.
func (s *Server) Requests(path string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Request
	for _, r := range s.all {
		if r.Path == path {
			found = append(found, r)
		}
	}
	return found
}

// Stored gives what a reader of a path finds: the entries by the key under which they came.
func (s *Server) Stored(path string) map[string][]Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string][]Entry)
	for key, entries := range s.at(path).stored {
		found[key] = slices.Clone(entries)
	}
	return found
}

func (s *Server) at(path string) *place {
	if s.places[path] == nil {
		s.places[path] = &place{keys: make(map[string][sha256.Size]byte), ids: make(map[string]bool), stored: make(map[string][]Entry)}
	}
	return s.places[path]
}

func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	ask := s.fault
	s.mu.Unlock()
	var f Fault
	if ask != nil {
		f = ask(req)
	}
	if f.Wait != nil {
		<-f.Wait
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || f.Kind == Refuse {
		panic(http.ErrAbortHandler) // ends the connection
	}
	switch f.Kind {
	case Answer:
		reply(w, f.Status, f.Body)
		return
	case Hang:
		<-req.Context().Done()
	case Twice:
		s.take(req, body)
	}
	status, text := s.take(req, body)
	switch f.Kind {
	case DropReply, Hang:
		panic(http.ErrAbortHandler)
	case AnswerLate:
		status, text = f.Status, f.Body
	}
	reply(w, status, text)
}

func reply(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// take lets a request take effect, and gives the answer.
func (s *Server) take(req *http.Request, body []byte) (status int, text string) {
	r, err := s.read(req, body)
	if err != nil {
		return http.StatusBadRequest, strconv.Quote(err.Error())
	}
	if s.options.Forget {
		return http.StatusOK, `{"text":"Success","code":0}`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.at(r.Path)
	if s.options.Body == "elastic" {
		text = at.create(&r)
	} else if status, text = at.store(&r, s.options.IgnoreKeys); status != http.StatusOK {
		return status, text
	}
	s.all = append(s.all, r)
	return http.StatusOK, text
}

// store keeps the entries, once for each key.
func (p *place) store(r *Request, ignore bool) (status int, text string) {
	sum := sha256.Sum256(r.Content)
	known, taken := p.keys[r.Key]
	if taken && known != sum {
		return http.StatusUnprocessableEntity, `"the key was used for another request"`
	}
	if r.Honours = taken; !taken || ignore {
		p.keys[r.Key] = sum
		p.stored[r.Key] = append(p.stored[r.Key], r.Entries...)
	}
	return http.StatusOK, `{"text":"Success","code":0}`
}

// create keeps each entry whose _id is new. https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
func (p *place) create(r *Request) string {
	var items bytes.Buffer
	failed := false
	r.Honours = true
	for i, e := range r.Entries {
		if i > 0 {
			items.WriteByte(',')
		}
		if p.ids[e.ID] {
			items.WriteString(`{"create":{"_id":` + strconv.Quote(e.ID) + `,"status":409,"error":{"type":"version_conflict_engine_exception"}}}`)
			failed = true
			continue
		}
		p.ids[e.ID], r.Honours = true, false
		p.stored[r.Key] = append(p.stored[r.Key], e)
		items.WriteString(`{"create":{"_id":` + strconv.Quote(e.ID) + `,"result":"created","status":201}}`)
	}
	return fmt.Sprintf(`{"took":1,"errors":%t,"items":[%s]}`, failed, items.String())
}

// read checks and decodes a request.
func (s *Server) read(req *http.Request, body []byte) (Request, error) {
	sum := sha256.Sum256(body)
	want := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	if got := req.Header.Get("Content-Digest"); got != want {
		return Request{}, fmt.Errorf("the Content-Digest is %q, want %q", got, want)
	}
	key, err := strconv.Unquote(req.Header.Get("Idempotency-Key"))
	if err != nil || key == "" {
		return Request{}, fmt.Errorf("the Idempotency-Key is %q, want a quoted string", req.Header.Get("Idempotency-Key"))
	}
	r := Request{Path: req.URL.Path, Query: req.URL.RawQuery, Key: key, Header: maps.Clone(req.Header), Content: body}
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return Request{}, fmt.Errorf("decode gzip: %w", err)
		}
		if r.Content, err = io.ReadAll(z); err != nil {
			return Request{}, fmt.Errorf("decode gzip: %w", err)
		}
	}
	r.Entries, err = entries(s.options.Body, r.Content)
	return r, err
}
