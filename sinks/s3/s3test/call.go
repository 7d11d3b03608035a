package s3test

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
)

// Op is what a call asks for.
type Op string

// The operations that the server knows, by the names of https://docs.aws.amazon.com/AmazonS3/latest/API
const (
	PutObject  Op = "PutObject"
	GetObject  Op = "GetObject"
	HeadObject Op = "HeadObject"
	Create     Op = "CreateMultipartUpload"
	UploadPart Op = "UploadPart"
	Complete   Op = "CompleteMultipartUpload"
	Abort      Op = "AbortMultipartUpload"
	GetLock    Op = "GetObjectLockConfiguration"
	Other      Op = "other" // is answered with 501
)

// Call is one request.
type Call struct {
	Op          Op
	Bucket, Key string
	CreateOnly  bool   // with If-None-Match: *
	AccessKey   string // that it is signed with
}

// parse finds out what a request asks for; the bucket stands in the path.
func parse(r *http.Request) Call {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c := Call{Op: Other, Bucket: name, Key: key, CreateOnly: r.Header.Get("If-None-Match") == "*"}
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	c.AccessKey, _, _ = strings.Cut(scope, "/")
	q := r.URL.Query()
	switch {
	case key == "" && r.Method == http.MethodGet && q.Has("object-lock"):
		c.Op = GetLock
	case key == "":
	case r.Method == http.MethodPost && q.Has("uploads"):
		c.Op = Create
	case r.Method == http.MethodPost && q.Has("uploadId"):
		c.Op = Complete
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		c.Op = Abort
	case r.Method == http.MethodPut && q.Has("partNumber"):
		c.Op = UploadPart
	case r.Method == http.MethodPut:
		c.Op = PutObject
	case r.Method == http.MethodHead:
		c.Op = HeadObject
	case r.Method == http.MethodGet:
		c.Op = GetObject
	}
	return c
}

// partNumber is 1 to 10,000, or 0 when it is wrong.
func partNumber(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || n < 1 || n > 10_000 {
		return 0
	}
	return n
}

// fail answers with an error as the service words it; without a body where the method has none.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func fail(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if message == "" {
		message = http.StatusText(status)
	}
	type answer struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	if r.Method == http.MethodHead || code == "" {
		w.WriteHeader(status)
		return
	}
	reply(w, status, answer{Code: code, Message: message})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(v)
}
