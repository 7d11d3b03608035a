package gcstest

import (
	"fmt"
	"strings"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Object is what stands under a name.
type Object struct {
	Content                   []byte
	Metadata                  map[string]string
	ContentType, StorageClass string
	Contents                  int // how many contents ever stood there; more than 1: it was replaced
}

// Names gives the names in a bucket, in no order.
func (s *Server) Names(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for key := range s.objects {
		if b, name, _ := strings.Cut(key, "/"); b == bucket {
			names = append(names, name)
		}
	}
	return names
}

// Object gives an object, or ErrNoObject.
func (s *Server) Object(bucket, name string) (Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.fake.GetObject(bucket, name)
	if err != nil {
		return Object{}, fmt.Errorf("%s/%s: %w", bucket, name, ErrNoObject)
	}
	contents := 0
	if m := s.objects[bucket+"/"+name]; m != nil {
		contents = len(m.contents)
	}
	return Object{o.Content, o.Metadata, o.ContentType, o.StorageClass, contents}, nil
}

// Place puts an object, in place of what stands there: the foreign hand of a test. No rule is asked.
func (s *Server) Place(bucket, name string, o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fake.CreateObject(fakestorage.Object{
		ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name, Metadata: o.Metadata, ContentType: o.ContentType},
		Content:     o.Content,
	})
	s.remember(Call{Bucket: bucket, Object: name})
}

// Hold puts a hold on an object, or takes it away.
func (s *Server) Hold(bucket, name string, hold bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[bucket+"/"+name]; o != nil {
		o.hold = hold
	}
}
