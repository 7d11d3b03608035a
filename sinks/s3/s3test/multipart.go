package s3test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
)

// upload is a multipart upload: parts by number, of which a repeated one replaces the other.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
type upload struct {
	call   Call
	header http.Header
	parts  map[int][]byte
}

// ForgetUploads lets all multipart uploads under way fail.
func (s *Server) ForgetUploads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.uploads)
}

// Uploads is how many multipart uploads are neither complete nor aborted.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

func (s *Server) create(w http.ResponseWriter, c Call, r *http.Request) {
	s.begun++
	id := fmt.Sprintf("upload-%d", s.begun)
	s.uploads[id] = &upload{call: c, header: r.Header.Clone(), parts: make(map[int][]byte)}
	type answer struct {
		XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}
	reply(w, http.StatusOK, answer{Bucket: c.Bucket, Key: c.Key, UploadId: id})
}

// find gives the upload that a request names, or answers 404.
func (s *Server) find(w http.ResponseWriter, c Call, r *http.Request) *upload {
	u := s.uploads[r.URL.Query().Get("uploadId")]
	if u == nil || u.call.Bucket != c.Bucket || u.call.Key != c.Key {
		fail(w, r, http.StatusNotFound, "NoSuchUpload", "The specified multipart upload does not exist. The upload ID might be invalid, or the multipart upload might have been aborted or completed.")
		return nil
	}
	return u
}

func (s *Server) part(w http.ResponseWriter, c Call, r *http.Request, body []byte) {
	u, n := s.find(w, c, r), partNumber(r)
	if u == nil {
		return
	}
	if n == 0 {
		fail(w, r, http.StatusBadRequest, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
		return
	}
	u.parts[n] = body
	w.Header().Set("ETag", etagOf(body))
	w.Header().Set("X-Amz-Checksum-Crc32c", crc(body))
	w.WriteHeader(http.StatusOK)
}

func etagOf(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// complete makes the object of the parts that the request lists, in ascending order, if the whole has the checksum and the size that
// are sent. The condition counts now; after a 412 the upload is still there.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func (s *Server) complete(w http.ResponseWriter, c Call, r *http.Request, b *bucket, body []byte) {
	u := s.find(w, c, r)
	if u == nil {
		return
	}
	content, code := u.assemble(body)
	switch {
	case code != "":
		fail(w, r, http.StatusBadRequest, code, "One or more of the specified parts could not be found, or are not in order.")
		return
	case r.Header.Get("X-Amz-Mp-Object-Size") != fmt.Sprint(len(content)):
		fail(w, r, http.StatusBadRequest, "InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match what was computed.")
		return
	case u.header.Get("X-Amz-Checksum-Type") == "FULL_OBJECT" && r.Header.Get("X-Amz-Checksum-Crc32c") != crc(content):
		fail(w, r, http.StatusBadRequest, "BadDigest", "The crc32c you specified did not match the calculated checksum.")
		return
	case c.CreateOnly && b.objects[c.Key] != nil && b.Conditions == Always:
		preconditionFailed(w, r)
		return
	}
	o := b.store(c.Key, Object{Content: content, Metadata: metadata(u.header), Header: u.header})
	delete(s.uploads, r.URL.Query().Get("uploadId"))
	type answer struct {
		XMLName                         xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket, Key, ETag, ChecksumType string
		ChecksumCRC32C                  string `xml:",omitempty"`
	}
	a := answer{Bucket: c.Bucket, Key: c.Key, ETag: o.etag, ChecksumType: "FULL_OBJECT"}
	if !b.NoSums {
		a.ChecksumCRC32C = crc(content)
	}
	reply(w, http.StatusOK, a)
}

// minPart is the least size of a part that is not the last, of Amazon's 5 MiB as much as tests with small objects can bear.
const minPart = 1000

// assemble joins the listed parts, or gives the code of what is wrong.
func (u *upload) assemble(body []byte) ([]byte, string) {
	var list struct {
		Part []struct {
			PartNumber           int
			ETag, ChecksumCRC32C string
		}
	}
	if xml.Unmarshal(body, &list) != nil || len(list.Part) == 0 {
		return nil, "MalformedXML"
	}
	var content bytes.Buffer
	for i, p := range list.Part {
		part, there := u.parts[p.PartNumber]
		switch {
		case i > 0 && p.PartNumber <= list.Part[i-1].PartNumber:
			return nil, "InvalidPartOrder"
		case !there || p.ETag != etagOf(part) || p.ChecksumCRC32C != crc(part):
			return nil, "InvalidPart"
		case len(part) < minPart && i < len(list.Part)-1:
			return nil, "EntityTooSmall"
		}
		content.Write(part)
	}
	return content.Bytes(), ""
}

func (s *Server) abort(w http.ResponseWriter, c Call, r *http.Request) {
	if s.find(w, c, r) != nil {
		delete(s.uploads, r.URL.Query().Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	}
}
