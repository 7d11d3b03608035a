package gcstest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// AllRights are those that the server asks for.
var AllRights = []string{
	"storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list", "storage.objects.update",
	"storage.buckets.get", "storage.buckets.update",
}

// ObjectCreator are the rights of roles/storage.objectCreator that matter here.
// https://docs.cloud.google.com/storage/docs/access-control/iam-roles
var ObjectCreator = []string{"storage.objects.create"}

// rightOf is what an operation needs. https://docs.cloud.google.com/storage/docs/access-control/iam-json
var rightOf = map[Op]string{
	Insert: "storage.objects.create", StartLarge: "storage.objects.create", Stat: "storage.objects.get", Read: "storage.objects.get",
	List: "storage.objects.list", Delete: "storage.objects.delete", Patch: "storage.objects.update",
	GetBucket: "storage.buckets.get", LockBucket: "storage.buckets.update",
}

// Bucket is what the model knows of a bucket.
type Bucket struct {
	Retention  time.Duration // 0 = no policy
	Locked     bool
	SoftDelete time.Duration
	DefaultKey string
	Missing    bool // every call answers 404, as for a name that is mistyped
}

// stored is what the model knows of an object.
type stored struct {
	created  time.Time
	hold     bool
	contents [][sha256.Size]byte // every content that ever stood there
}

// CreateBucket makes a bucket, or changes the settings of one.
func (s *Server) CreateBucket(name string, b Bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] == nil {
		s.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
	}
	s.buckets[name] = &b
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

// SetTakenAnswers403 lets a create-only insert on a taken name answer 403, naming the right to delete, where that is not granted: it
// is not documented which of 403 and 412 comes first.
func (s *Server) SetTakenAnswers403(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = yes
}

// do performs a call.
func (s *Server) do(w http.ResponseWriter, c Call, r *http.Request, body []byte, kind Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[c.Bucket]
	if b == nil || b.Missing {
		fail(w, http.StatusNotFound, "notFound", "The specified bucket does not exist.")
		return
	}
	if right := rightOf[c.Op]; right != "" && !s.rights[right] {
		denied(w, right)
		return
	}
	switch c.Op {
	case Insert:
		s.insert(w, c, r, body)
	case StartLarge:
		s.start(w, c, r, body)
	case Chunk, LastChunk:
		s.chunk(w, r, body, kind == Truncate)
	case Delete:
		if s.protected(w, c) {
			return
		}
		s.forward(w, r, body)
		delete(s.objects, c.Bucket+"/"+c.Object)
	case Patch:
		s.patch(w, c, r, body)
	case GetBucket:
		s.bucket(w, r, b)
	case LockBucket:
		if b.Retention == 0 {
			fail(w, http.StatusBadRequest, "invalid", "There is no retention policy.")
			return
		}
		b.Locked = true
		s.bucket(w, r, b)
	case TestRights:
		granted := slices.DeleteFunc(slices.Clone(r.URL.Query()["permissions"]), func(p string) bool { return !s.rights[p] })
		reply(w, http.StatusOK, map[string]any{"kind": "storage#testIamPermissionsResponse", "permissions": granted})
	default:
		s.forward(w, r, body)
	}
}

func denied(w http.ResponseWriter, right string) {
	fail(w, http.StatusForbidden, "forbidden", "sluice@test.iam.gserviceaccount.com does not have "+right+
		" access to the Google Cloud Storage resource. Permission '"+right+"' denied on resource (or it may not exist).")
}

// insert creates an object, or replaces one: that needs the right to delete it, and that it is neither retained nor held.
// https://docs.cloud.google.com/storage/docs/access-control/iam-json https://docs.cloud.google.com/storage/docs/bucket-lock
func (s *Server) insert(w http.ResponseWriter, c Call, r *http.Request, body []byte) {
	key := c.Bucket + "/" + c.Object
	if s.objects[key] != nil && (!c.CreateOnly || s.refusal) {
		if !s.rights["storage.objects.delete"] {
			denied(w, "storage.objects.delete")
			return
		}
		if !c.CreateOnly && s.protected(w, c) {
			return
		}
	}
	answer := httptest.NewRecorder()
	s.forward(answer, r, body)
	if answer.Code == http.StatusOK {
		s.remember(c)
	}
	copyAnswer(w, answer)
}

// remember keeps what now stands under a name.
func (s *Server) remember(c Call) {
	o, err := s.fake.GetObject(c.Bucket, c.Object)
	if err != nil {
		return
	}
	key := c.Bucket + "/" + c.Object
	m := s.objects[key]
	if m == nil {
		m = &stored{}
		s.objects[key] = m
	}
	m.created = time.Now()
	m.contents = append(m.contents, sha256.Sum256(o.Content))
}

// protected answers that an object may be neither deleted nor replaced, if so.
// https://docs.cloud.google.com/storage/docs/object-holds
func (s *Server) protected(w http.ResponseWriter, c Call) bool {
	o, b := s.objects[c.Bucket+"/"+c.Object], s.buckets[c.Bucket]
	switch {
	case o == nil:
		return false
	case o.hold:
		fail(w, http.StatusForbidden, "objectUnderActiveHold", "Object '"+c.Object+"' is under active hold and cannot be deleted, overwritten or archived.")
	case b.Retention > 0 && time.Since(o.created) < b.Retention:
		fail(w, http.StatusForbidden, "retentionPolicyNotMet", "Object '"+c.Object+"' is subject to bucket's retention policy and cannot be deleted, overwritten or archived.")
	default:
		return false
	}
	return true
}

// patch changes metadata; a hold is the model's, since the fake ignores it.
func (s *Server) patch(w http.ResponseWriter, c Call, r *http.Request, body []byte) {
	var change struct{ TemporaryHold, EventBasedHold *bool }
	o := s.objects[c.Bucket+"/"+c.Object]
	if json.Unmarshal(body, &change) == nil && o != nil {
		for _, hold := range []*bool{change.TemporaryHold, change.EventBasedHold} {
			if hold != nil {
				o.hold = *hold
			}
		}
	}
	s.forward(w, r, body)
}

// bucket answers with the fake's settings and the model's.
func (s *Server) bucket(w http.ResponseWriter, r *http.Request, b *Bucket) {
	inner := r.Clone(r.Context())
	inner.Method = http.MethodGet
	inner.URL.Path, _, _ = cutSuffix(inner.URL.Path)
	inner.URL.RawPath = ""
	answer := httptest.NewRecorder()
	s.forward(answer, inner, nil)
	var attrs map[string]any
	if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &attrs) != nil {
		copyAnswer(w, answer)
		return
	}
	if b.Retention > 0 {
		attrs["retentionPolicy"] = map[string]any{
			"retentionPeriod": fmt.Sprint(int64(b.Retention.Seconds())), "effectiveTime": "2026-01-01T00:00:00Z", "isLocked": b.Locked,
		}
	}
	attrs["softDeletePolicy"] = map[string]any{"retentionDurationSeconds": fmt.Sprint(int64(b.SoftDelete.Seconds()))}
	if b.DefaultKey != "" {
		attrs["encryption"] = map[string]any{"defaultKmsKeyName": b.DefaultKey}
	}
	reply(w, http.StatusOK, attrs)
}

func cutSuffix(path string) (before, after string, found bool) {
	const lock = "/lockRetentionPolicy"
	if len(path) > len(lock) && path[len(path)-len(lock):] == lock {
		return path[:len(path)-len(lock)], lock, true
	}
	return path, "", false
}

func copyAnswer(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}
