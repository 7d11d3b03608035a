package gcs

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// watch sees what the SDK does not tell: whether an error came after a resumable session had begun, and chunks of which the
// service kept only a part. The SDK would go on behind such a chunk as if it were whole, for ever behind the last one.
type watch struct {
	next http.RoundTripper
}

// errTruncated says that the service kept a part of a chunk only.
var errTruncated = errors.New("the service kept a part of a chunk only")

// session notes that a resumable upload has its session.
type session struct{ begun atomic.Bool }

type sessionKey struct{}

// withSession gives requests of ctx a session to note.
func withSession(ctx context.Context) (context.Context, *session) {
	s := new(session)
	return context.WithValue(ctx, sessionKey{}, s), s
}

// RoundTrip sends the request.
func (t *watch) RoundTrip(req *http.Request) (*http.Response, error) {
	if !req.URL.Query().Has("upload_id") {
		return t.next.RoundTrip(req)
	}
	if s, ok := req.Context().Value(sessionKey{}).(*session); ok {
		s.begun.Store(true)
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.Header.Get("X-Http-Status-Code-Override") == "308" && truncated(req, resp) {
		resp.Body.Close()
		return nil, errTruncated
	}
	return resp, err
}

// truncated compares what was sent, `bytes 0-8388607/*`, with what the service has, `bytes=0-8388607`. "More is needed" after the
// last chunk is a truncation whatever it has.
// https://docs.cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
func truncated(req *http.Request, resp *http.Response) bool {
	sent, total, _ := strings.Cut(req.Header.Get("Content-Range"), "/")
	if total != "*" {
		return true
	}
	kept := resp.Header.Get("Range")
	return kept != "" && lastByte(kept) != lastByte(sent)
}

// lastByte reads the end of a range, or gives -1.
func lastByte(r string) int64 {
	n, err := strconv.ParseInt(r[strings.LastIndexByte(r, '-')+1:], 10, 64)
	if err != nil {
		return -1
	}
	return n
}
