package gcstest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// session is a resumable upload. The fake's own would append a chunk that is sent again.
// https://docs.cloud.google.com/storage/docs/performing-resumable-uploads
type session struct {
	call  Call
	query url.Values
	meta  []byte
	kept  []byte
	done  *httptest.ResponseRecorder // the answer of the last chunk, given again to whoever asks
}

// granule is of what every chunk but the last is a multiple.
const granule = 256 << 10

func (s *Server) start(w http.ResponseWriter, c Call, r *http.Request, body []byte) {
	id := fmt.Sprintf("session-%d", len(s.sessions)+1)
	s.sessions[id] = &session{call: c, query: r.URL.Query(), meta: body}
	w.Header().Set("Location", fmt.Sprintf("%s/upload/storage/v1/b/%s/o?uploadType=resumable&upload_id=%s", s.URL, url.PathEscape(c.Bucket), id))
	w.WriteHeader(http.StatusOK)
}

// ForgetSessions lets all resumable uploads under way fail.
func (s *Server) ForgetSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// chunk takes a part of an object, or all that is left of it. Bytes that are there already are ignored; a gap is refused. What the
// session was started with, preconditions too, counts at its end.
func (s *Server) chunk(w http.ResponseWriter, r *http.Request, body []byte, truncate bool) {
	u := s.sessions[r.URL.Query().Get("upload_id")]
	if u == nil {
		fail(w, http.StatusNotFound, "notFound", "No such upload session.")
		return
	}
	if u.done != nil {
		copyAnswer(w, u.done)
		return
	}
	first, total, ok := contentRange(r.Header.Get("Content-Range"), len(body))
	switch {
	case !ok || first < 0 && len(body) > 0:
		fail(w, http.StatusBadRequest, "invalid", "Invalid Content-Range.")
		return
	case first > len(u.kept):
		fail(w, http.StatusBadRequest, "invalid", fmt.Sprintf(
			"Invalid request. According to the Content-Range header, the upload offset is %d byte(s), which exceeds already uploaded size of %d byte(s).", first, len(u.kept)))
		return
	case total < 0 && len(body)%granule != 0:
		fail(w, http.StatusBadRequest, "invalid", "A chunk must be a multiple of 262144 bytes.")
		return
	}
	if truncate {
		body = body[:len(body)/2/granule*granule]
	}
	if fresh := len(u.kept) - max(first, 0); first >= 0 && fresh < len(body) {
		u.kept = append(u.kept, body[fresh:]...)
	}
	if total < 0 || len(u.kept) < total {
		incomplete(w, r, len(u.kept))
		return
	}
	u.done = httptest.NewRecorder()
	s.finish(u.done, u, r.Header.Get("X-Goog-Hash"))
	copyAnswer(w, u.done)
}

// contentRange reads `bytes first-last/total`, `bytes first-last/*` and `bytes */total`; what is not there is -1.
func contentRange(h string, length int) (first, total int, ok bool) {
	rest, isBytes := strings.CutPrefix(h, "bytes ")
	span, all, cut := strings.Cut(rest, "/")
	total, first = -1, -1
	var err error
	if all != "*" {
		if total, err = strconv.Atoi(all); err != nil {
			return 0, 0, false
		}
	}
	if span != "*" {
		start, end, _ := strings.Cut(span, "-")
		last, bad := strconv.Atoi(end)
		if first, err = strconv.Atoi(start); err != nil || bad != nil || last-first+1 != length {
			return 0, 0, false
		}
	}
	return first, total, isBytes && cut
}

// incomplete answers that more is needed: 308, or what stands for it where the client asks so.
func incomplete(w http.ResponseWriter, r *http.Request, kept int) {
	if kept > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", kept-1))
	}
	if r.Header.Get("X-GUploader-No-308") == "" {
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	w.Header().Set("X-Http-Status-Code-Override", "308")
	w.WriteHeader(http.StatusOK)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// finish makes the object, as one insert under the session's conditions, if its checksum is the one that was sent.
func (s *Server) finish(w http.ResponseWriter, u *session, hash string) {
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(u.kept, castagnoli)))
	if want, sent := strings.CutPrefix(hash, "crc32c="); sent && want != sum {
		fail(w, http.StatusBadRequest, "invalid", fmt.Sprintf("Provided CRC32C %q doesn't match calculated CRC32C %q.", want, sum))
		return
	}
	body, contentType := related(u.meta, u.kept)
	query := u.query
	query.Set("uploadType", "multipart")
	r := httptest.NewRequest(http.MethodPost, "/upload/storage/v1/b/"+url.PathEscape(u.call.Bucket)+"/o?"+query.Encode(), nil)
	r.Header.Set("Content-Type", contentType)
	s.insert(w, u.call, r, body)
}

// related is the body of an insert in one request.
func related(meta, content []byte) (body []byte, contentType string) {
	var typed struct{ ContentType string }
	_ = json.Unmarshal(meta, &typed)
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, part := range []struct {
		contentType string
		text        []byte
	}{{"application/json", meta}, {typed.ContentType, content}} {
		w, err := m.CreatePart(textproto.MIMEHeader{"Content-Type": {part.contentType}})
		if err == nil {
			_, err = w.Write(part.text)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	m.Close()
	return b.Bytes(), "multipart/related; boundary=" + m.Boundary()
}
