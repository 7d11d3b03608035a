package pubsub

import (
	"context"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/sinks/driver"
	"sluice/sinks/pubsub/pubsubtest"
	"sluice/sinks/sinktest"
)

// answers are what the service may say, and what becomes of it.
var answers = map[error]driver.Code{
	status.Error(codes.NotFound, ""): driver.Misconfigured, status.Error(codes.PermissionDenied, ""): driver.Misconfigured,
	status.Error(codes.Unauthenticated, ""): driver.Misconfigured, status.Error(codes.FailedPrecondition, ""): driver.Misconfigured,
	status.Error(codes.Unimplemented, ""): driver.Misconfigured, status.Error(codes.ResourceExhausted, ""): driver.Unavailable,
	status.Error(codes.Unavailable, ""): driver.Unavailable, status.Error(codes.Internal, ""): driver.Unavailable,
	status.Error(codes.Aborted, ""): driver.Unavailable, status.Error(codes.DeadlineExceeded, ""): driver.Unavailable, status.Error(codes.Unknown, ""): driver.Unknown,
}

func start(t testing.TB) *pubsubtest.Server {
	t.Helper()
	server, err := pubsubtest.Start(pubsubtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func createTopic(t testing.TB, server *pubsubtest.Server, o *Options) {
	t.Helper()
	if err := server.CreateTopic(o.topic()); err != nil {
		t.Fatal(err)
	}
}

// stepped lets every request pass through Steps.
func stepped(steps *sinktest.Steps, alter func(*pubsubpb.PublishRequest)) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return steps.Do(method, func() error {
			if alter != nil {
				alter(req.(*pubsubpb.PublishRequest))
			}
			return invoke(ctx, method, req, reply, conn, opts...)
		})
	}
}

// deliveries are all messages of the topic.
func deliveries(server *pubsubtest.Server, o *Options) []sinktest.Delivery {
	var all []sinktest.Delivery
	for _, m := range server.Messages(o.topic()) {
		all = append(all, sinktest.Delivery{ID: m.Attributes[idAttribute], Line: strings.ReplaceAll(string(m.Data), "\n", " ")})
	}
	return all
}

// readAll is what a consumer finds that drops repeated ids, by the units of the entries.
func readAll(server *pubsubtest.Server, o *Options, units *sync.Map) map[string][]string {
	found, seen := make(map[string][]string), make(map[string]bool)
	for _, d := range deliveries(server, o) {
		if seen[d.ID] {
			continue
		}
		seen[d.ID] = true
		name, ok := units.Load(d.ID)
		if !ok {
			name = "of no unit: " + d.ID
		}
		found[name.(string)] = append(found[name.(string)], d.Line)
	}
	return found
}
