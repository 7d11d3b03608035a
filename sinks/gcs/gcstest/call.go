package gcstest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Op is what a call asks for.
type Op string

// The operations of the JSON API that the server knows. https://docs.cloud.google.com/storage/docs/json_api/v1
const (
	Insert     Op = "insert"      // an object in one request
	StartLarge Op = "start"       // of a resumable upload
	Chunk      Op = "chunk"       // of it, not the last
	LastChunk  Op = "last chunk"  //
	Stat       Op = "stat"        // an object's metadata
	Read       Op = "read"        // an object's content
	List       Op = "list"        // objects
	Delete     Op = "delete"      // an object
	Patch      Op = "patch"       // an object's metadata and holds
	GetBucket  Op = "get bucket"  //
	LockBucket Op = "lock bucket" // its retention policy, for ever
	TestRights Op = "test rights" //
	Other      Op = "other"       //
)

// Call is one request.
type Call struct {
	Op             Op
	Bucket, Object string // Object is empty for a chunk
	CreateOnly     bool   // with ifGenerationMatch=0
}

// parse finds out what a request asks for.
func parse(r *http.Request) Call {
	q := r.URL.Query()
	path := r.URL.EscapedPath()
	c := Call{Op: Other, Object: q.Get("name"), CreateOnly: q.Get("ifGenerationMatch") == "0"}
	upload := strings.HasPrefix(path, "/upload/")
	_, rest, _ := strings.Cut(path, "/storage/v1/b/")
	parts := strings.SplitN(rest, "/", 3)
	c.Bucket = unescape(parts[0])
	if len(parts) == 3 && parts[1] == "o" && parts[2] != "" {
		c.Object = unescape(parts[2])
	}
	switch {
	case rest == "":
	case upload && q.Has("upload_id"):
		c.Op = LastChunk
		if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
			c.Op = Chunk
		}
	case upload && q.Get("uploadType") == "resumable":
		c.Op = StartLarge
	case upload:
		c.Op = Insert
	case len(parts) == 1 && r.Method == http.MethodGet:
		c.Op = GetBucket
	case len(parts) == 2 && parts[1] == "lockRetentionPolicy":
		c.Op = LockBucket
	case len(parts) == 3 && parts[1] == "iam" && parts[2] == "testPermissions":
		c.Op, c.Object = TestRights, ""
	case len(parts) >= 2 && parts[1] == "o":
		c.Op = objectOp(r, c.Object)
	}
	return c
}

func objectOp(r *http.Request, object string) Op {
	switch {
	case r.Method == http.MethodDelete:
		return Delete
	case r.Method == http.MethodPatch:
		return Patch
	case r.Method != http.MethodGet:
		return Other
	case object == "":
		return List
	case r.URL.Query().Get("alt") == "media":
		return Read
	}
	return Stat
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// fail answers with an error as the JSON API words it. https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes
func fail(w http.ResponseWriter, status int, reason, message string) {
	if message == "" {
		message = http.StatusText(status)
	}
	reply(w, status, map[string]any{"error": map[string]any{
		"code": status, "message": message,
		"errors": []any{map[string]any{"domain": "global", "reason": reason, "message": message}},
	}})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
