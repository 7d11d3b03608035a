package bigquery

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/sinktest"
)

const project, dataset = "acme-prod", "audit"

func options(server *bigquerytest.Server, table string) Options {
	o := *Defaults()
	o.Project, o.Dataset, o.Table, o.Endpoint, o.WriteEndpoint = project, dataset, table, server.URL, server.WriteURL
	return o
}

func start(t testing.TB) *bigquerytest.Server {
	server, err := bigquerytest.Start(bigquerytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	server.CreateDataset(project, dataset)
	return server
}

// small is room for the larger of the two rows that the suite crashes in, and not for both.
const small = 71_950

// stepped opens a driver all of whose requests and answers pass through steps.
func stepped(t testing.TB, o Options, steps *sinktest.Steps, m mutant) *Driver {
	o.wrap = func(next http.RoundTripper) http.RoundTripper { return steppedWeb{next, steps} }
	o.dial = []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return asStatus(steps.Do(method, func() error { return invoke(ctx, method, req, reply, cc, opts...) }))
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			s, err := streamer(ctx, desc, cc, method, opts...)
			return &steppedStream{s, steps, m}, err
		}),
	}
	d, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(t.Name(), "Step") {
		d.request = small + envelope + proto.Size(descriptor(d.native.columns))
	}
	t.Cleanup(func() { d.Close() })
	return d
}

type steppedStream struct {
	grpc.ClientStream
	steps *sinktest.Steps
	m     mutant
}

func (s *steppedStream) SendMsg(m any) error {
	if s.m.noOffset {
		m.(*storagepb.AppendRowsRequest).Offset = nil
	}
	return asStatus(s.steps.Do("send", func() error { return s.ClientStream.SendMsg(m) }))
}

func (s *steppedStream) RecvMsg(m any) error {
	return asStatus(s.steps.Do("receive", func() error { return s.ClientStream.RecvMsg(m) }))
}

// answer is an error that stands for an answer of the service, by its HTTP status.
type answer int

// asStatus gives an answer as the Write API does.
func asStatus(err error) error {
	codes := map[answer]codes.Code{401: codes.Unauthenticated, 403: codes.PermissionDenied, 429: codes.ResourceExhausted, 500: codes.Internal, 503: codes.Unavailable}
	if a, ok := err.(answer); ok {
		return status.Error(codes[a], "an answer of the test")
	}
	return err
}

func (a answer) Error() string { return fmt.Sprintf("status %d", int(a)) }

type steppedWeb struct {
	next  http.RoundTripper
	steps *sinktest.Steps
}

func (s steppedWeb) RoundTrip(req *http.Request) (*http.Response, error) {
	var resp *http.Response
	err := s.steps.Do(req.Method+" "+req.URL.Path, func() (err error) {
		resp, err = s.next.RoundTrip(req)
		return err
	})
	if err == nil {
		return resp, nil
	}
	if resp != nil {
		resp.Body.Close()
	}
	if code, ok := err.(answer); ok {
		body := fmt.Sprintf(`{"error":{"code":%d,"message":"an answer of the test"}}`, code)
		return &http.Response{StatusCode: int(code), Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
	return nil, err
}

// readAll reads a dataset's tables back: each row is made an entry again, as the suite writes them, by its stream.
func readAll(server *bigquerytest.Server, dataset string) map[string][]string {
	lines := make(map[string][]string)
	for _, table := range server.Tables(project, dataset) {
		for _, row := range server.Rows(project, dataset, table) {
			lines[row.Stream] = append(lines[row.Stream], entryOf(row.Values))
		}
	}
	return lines
}

func entryOf(values map[string]any) string {
	parts := []string{fmt.Sprintf(`"logName":%q`, values["logName"])}
	add := func(key string, v any) { parts = append(parts, fmt.Sprintf(`%s:%q`, key, v)) }
	if at, ok := values["timestamp"].(time.Time); ok && at.Year() != 1970 && at.Minute() == 30 {
		add(`"timestamp"`, at.Format(time.RFC3339))
	}
	if text, ok := values["textPayload"]; ok {
		add(`"textPayload"`, text)
	}
	if extra, ok := values["_sluice_extra"].(json.RawMessage); ok {
		add(`  "insertId"`, values["insertId"])
		parts = append(parts, strings.Trim(string(extra), "{}"))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
