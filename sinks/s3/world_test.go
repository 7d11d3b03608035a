package s3

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/s3/s3test"
	"sluice/sinks/sinktest"
)

// small makes nearly every unit a multipart upload of several parts.
var small = limits{memory: 1000, part: 16 << 10}

var usual = limits{inMemory, partSize}

// TestMain gives credentials that the server takes as it takes any, and keeps those of the machine out.
func TestMain(m *testing.M) {
	for key, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		os.Setenv(key, value)
	}
	os.Exit(m.Run())
}

// world is a kind of store and a way to use it.
type world struct {
	options Options
	limits  limits
	store   s3test.Bucket
	codes   map[error]driver.Code
	blind   bool
	alter   func(*http.Request) // for mutants
}

func (w world) open(o Options, steps *sinktest.Steps, as driver.To) *Driver {
	o.wrap = func(next http.RoundTripper) http.RoundTripper { return stepped{next, steps, w.alter} }
	d := open(o, as)
	d.limits = w.limits
	return d
}

func start(t testing.TB) *s3test.Server {
	t.Helper()
	server, err := s3test.Start(s3test.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// status is an error that stands for an answer of the service.
type status int

func (s status) Error() string { return fmt.Sprintf("status %d", int(s)) }

// stepped lets every request pass through Steps.
type stepped struct {
	next  http.RoundTripper
	steps *sinktest.Steps
	alter func(*http.Request)
}

func (s stepped) RoundTrip(req *http.Request) (*http.Response, error) {
	var resp *http.Response
	sent := false
	if s.alter != nil {
		req = req.Clone(req.Context())
		s.alter(req)
	}
	err := s.steps.Do(req.Method+" "+req.URL.Path, func() (err error) {
		sent = true
		resp, err = s.next.RoundTrip(req)
		return err
	})
	if !sent && req.Body != nil {
		req.Body.Close()
	}
	if err == nil {
		return resp, nil
	}
	if resp != nil {
		resp.Body.Close()
	}
	if code, ok := err.(status); ok {
		body := "<Error><Code>ATest</Code><Message>an answer of the test</Message></Error>"
		return &http.Response{StatusCode: int(code), Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
	return nil, err
}

// readAll reads what a reader of the bucket finds: everything under the prefix but _sluice.
func readAll(server *s3test.Server, o *Options) (map[string][]string, error) {
	found := make(map[string][]string)
	for _, object := range server.Names(o.Bucket) {
		name, under := strings.CutPrefix(object, o.folder())
		if !under {
			return nil, fmt.Errorf("%s stands outside of %s", object, o.Destination())
		}
		if strings.HasPrefix(name, "_sluice/") {
			continue
		}
		got, err := server.Object(o.Bucket, object)
		if err != nil {
			return nil, err
		}
		if got.Contents != 1 {
			return nil, fmt.Errorf("%s had %d contents", object, got.Contents)
		}
		found[name] = sinktest.Entries(name, got.Content)
	}
	return found, nil
}
