package pubsubtest

import (
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// checkLimits refuses what the service refuses and pstest takes.
func checkLimits(req *pubsubpb.PublishRequest) error {
	switch {
	case len(req.Messages) == 0:
		return refuse("no messages")
	case len(req.Messages) > 1000:
		return refuse("%d messages, at most 1000", len(req.Messages))
	case proto.Size(req) > 10_000_000:
		return refuse("a request of %d bytes, at most 10 MB", proto.Size(req))
	}
	for _, m := range req.Messages {
		if len(m.Data) == 0 && len(m.Attributes) == 0 {
			return refuse("a message of nothing")
		}
		if m.OrderingKey != req.Messages[0].OrderingKey {
			return refuse("two ordering keys in a request")
		}
		if len(m.OrderingKey) > 1024 || len(m.Attributes) > 100 {
			return refuse("an ordering key of %d bytes, %d attributes", len(m.OrderingKey), len(m.Attributes))
		}
		for key, value := range m.Attributes {
			if len(key) == 0 || len(key) > 256 || len(value) > 1024 || !utf8.ValidString(value) {
				return refuse("an attribute's key of %d bytes, its value of %d, or not UTF-8", len(key), len(value))
			}
		}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}
