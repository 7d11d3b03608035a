package s3test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"strings"
)

// AllRights are those that the server asks for.
var AllRights = []string{"s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:AbortMultipartUpload", "s3:PutObjectAcl", "s3:GetBucketObjectLockConfiguration"}

// rightOf is what an operation needs. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
var rightOf = map[Op]string{
	PutObject: "s3:PutObject", Create: "s3:PutObject", UploadPart: "s3:PutObject", Complete: "s3:PutObject",
	Abort: "s3:AbortMultipartUpload", GetObject: "s3:GetObject", HeadObject: "s3:GetObject",
	GetLock: "s3:GetBucketObjectLockConfiguration",
}

// Conditions is how far a store honours If-None-Match.
type Conditions int

// The stores that there are: Amazon's does always; others only on PutObject, nowhere, or refuse to hear of it.
const (
	Always Conditions = iota
	OnPutOnly
	Ignored
	NotImplemented
)

// Bucket is what the server knows of a bucket.
type Bucket struct {
	Owner      string // an account; empty: any
	Conditions Conditions
	Missing    bool // every call answers 404, as for a name that is mistyped
	NoSums     bool // the store verifies checksums and does not keep them

	// Lock is the mode of the default retention, COMPLIANCE or GOVERNANCE, for Days or Years; "enabled": Object Lock without a default;
	// empty: no Object Lock. What is put is kept for ever in any case.
	Lock        string
	Days, Years int
}

type bucket struct {
	Bucket
	objects map[string]*stored
}

// Object is what stands under a name.
type Object struct {
	Content  []byte
	Metadata map[string]string
	Header   http.Header // of the request that made it: Content-Type, X-Amz-Storage-Class, X-Amz-Acl, …
	Contents int         // how many contents that differ from the one before ever stood there; more than 1: it was replaced
	Writes   int         // how many requests made it
}

type stored struct {
	Object
	etag string
}

// CreateBucket makes a bucket, or changes the settings of one.
func (s *Server) CreateBucket(name string, b Bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] == nil {
		s.buckets[name] = &bucket{objects: make(map[string]*stored)}
	}
	s.buckets[name].Bucket = b
}

// SetRights grants exactly these to the one identity there is.
func (s *Server) SetRights(rights ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.rights)
	for _, r := range rights {
		s.rights[r] = true
	}
}

// Names gives the keys in a bucket, in no order.
func (s *Server) Names(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	if b := s.buckets[bucket]; b != nil {
		for name := range b.objects {
			names = append(names, name)
		}
	}
	return names
}

// Object gives an object, or ErrNoObject.
func (s *Server) Object(bucket, key string) (Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[bucket]; b != nil && b.objects[key] != nil {
		return b.objects[key].Object, nil
	}
	return Object{}, fmt.Errorf("%s/%s: %w", bucket, key, ErrNoObject)
}

// Place puts an object, in place of what stands there: the foreign hand of a test. No rule is asked.
func (s *Server) Place(bucket, key string, o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[bucket].store(key, o)
}

// store replaces what stands under a key.
func (b *bucket) store(key string, o Object) *stored {
	etag := etagOf(o.Content)
	now := &stored{Object: o, etag: etag}
	now.Contents, now.Writes = 1, 1
	if old := b.objects[key]; old != nil {
		now.Contents, now.Writes = old.Contents, old.Writes+1
		if old.etag != etag {
			now.Contents++
		}
	}
	b.objects[key] = now
	return now
}

// do performs a call.
func (s *Server) do(w http.ResponseWriter, c Call, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[c.Bucket]
	owner := r.Header.Get("X-Amz-Expected-Bucket-Owner")
	switch right := rightOf[c.Op]; {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "):
		fail(w, r, http.StatusForbidden, "AccessDenied", "Anonymous access is not granted.")
	case b == nil || b.Missing:
		fail(w, r, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case right == "":
		fail(w, r, http.StatusNotImplemented, "NotImplemented", "A header or query you provided implies functionality that is not implemented.")
	case !s.rights[right]:
		denied(w, r, right)
	case owner != "" && b.Owner != "" && owner != b.Owner: // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
		denied(w, r, right)
	case r.Header.Get("X-Amz-Acl") != "" && !s.rights["s3:PutObjectAcl"]:
		denied(w, r, "s3:PutObjectAcl")
	case c.CreateOnly && b.Conditions == NotImplemented:
		fail(w, r, http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented: If-None-Match")
	case !intact(r, body):
		fail(w, r, http.StatusBadRequest, "BadDigest", "The checksum you specified did not match what we received.")
	default:
		s.perform(w, c, r, b, body)
	}
}

func (s *Server) perform(w http.ResponseWriter, c Call, r *http.Request, b *bucket, body []byte) {
	switch c.Op {
	case PutObject:
		b.put(w, c, r, body)
	case GetObject, HeadObject:
		s.get(w, c, r, b)
	case Create:
		s.create(w, c, r)
	case UploadPart:
		s.part(w, c, r, body)
	case Complete:
		s.complete(w, c, r, b, body)
	case Abort:
		s.abort(w, c, r)
	case GetLock:
		b.lock(w, r)
	}
}

func denied(w http.ResponseWriter, r *http.Request, right string) {
	fail(w, r, http.StatusForbidden, "AccessDenied", "User: arn:aws:iam::111122223333:user/sluice is not authorized to perform: "+right)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc(b []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, castagnoli)))
}

// intact verifies what a request says of its body. The CRC32C of a CompleteMultipartUpload is the object's.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
func intact(r *http.Request, body []byte) bool {
	sum := sha256.Sum256(body)
	if want := r.Header.Get("X-Amz-Content-Sha256"); len(want) == 64 && want != hex.EncodeToString(sum[:]) {
		return false
	}
	want := r.Header.Get("X-Amz-Checksum-Crc32c")
	return want == "" || r.Method == http.MethodPost || want == crc(body)
}

// put makes an object. With If-None-Match: * it answers 412 where one stands.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (b *bucket) put(w http.ResponseWriter, c Call, r *http.Request, body []byte) {
	if c.CreateOnly && b.objects[c.Key] != nil && b.Conditions != Ignored {
		preconditionFailed(w, r)
		return
	}
	o := b.store(c.Key, Object{Content: body, Metadata: metadata(r.Header), Header: r.Header.Clone()})
	w.Header().Set("ETag", o.etag)
	if !b.NoSums {
		w.Header().Set("X-Amz-Checksum-Crc32c", crc(body))
	}
	w.WriteHeader(http.StatusOK)
}

func preconditionFailed(w http.ResponseWriter, r *http.Request) {
	fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

func metadata(h http.Header) map[string]string {
	m := make(map[string]string)
	for key := range h {
		if name, is := strings.CutPrefix(strings.ToLower(key), "x-amz-meta-"); is {
			m[name] = h.Get(key)
		}
	}
	return m
}

// get gives an object, or for HEAD what is known of it. Without s3:ListBucket a name that is free answers 403.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func (s *Server) get(w http.ResponseWriter, c Call, r *http.Request, b *bucket) {
	o := b.objects[c.Key]
	switch {
	case o == nil && !s.rights["s3:ListBucket"]:
		denied(w, r, "s3:ListBucket")
		return
	case o == nil:
		fail(w, r, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != o.etag:
		preconditionFailed(w, r)
		return
	}
	for key, value := range o.Metadata {
		w.Header().Set("X-Amz-Meta-"+key, value)
	}
	maps.Copy(w.Header(), http.Header{"Etag": {o.etag}, "Content-Length": {fmt.Sprint(len(o.Content))}, "Content-Type": {"application/octet-stream"}})
	if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && !b.NoSums {
		w.Header().Set("X-Amz-Checksum-Crc32c", crc(o.Content))
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	w.WriteHeader(http.StatusOK)
	if c.Op == GetObject {
		_, _ = w.Write(o.Content)
	}
}
