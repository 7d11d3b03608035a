package pubsub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/sinks/driver"
	"sluice/sinks/googleauth"
)

// classify gives an error its code and, where a person must act, says what to do.
// https://docs.cloud.google.com/pubsub/docs/reference/error-codes
func classify(ctx context.Context, o *Options, err error) error {
	if ctx.Err() != nil {
		return &driver.Error{Code: driver.Canceled, Err: err}
	}
	var done *driver.Error
	if errors.As(err, &done) {
		return done
	}
	code, remedy := judge(o, err)
	if remedy != "" {
		err = fmt.Errorf("%w (%s)", err, remedy)
	}
	return &driver.Error{Code: code, Err: err}
}

// refused: what was alone in its request is what the service refuses. Among others it cannot be told, and none is given up.
func refused(refs []driver.Ref, err error) error {
	if status.Code(err) != codes.InvalidArgument || len(refs) > 1 {
		return fmt.Errorf("publish: %w", err)
	}
	reason := excerpt(status.Convert(err).Message())
	return &driver.Error{Code: driver.Rejected, Err: err, Rejects: []driver.Reject{{Seq: refs[0].Seq, Index: refs[0].Index, Reason: reason}}}
}

func judge(o *Options, err error) (code driver.Code, remedy string) {
	switch {
	case errors.Is(err, errEmulator):
		return driver.Misconfigured, ""
	case errors.Is(err, googleauth.Err):
		return driver.Misconfigured, googleauth.Remedy
	}
	switch status.Code(err) {
	case codes.NotFound:
		return driver.Misconfigured, "there is no topic " + o.topic() + ": create it, or correct project and topic"
	case codes.PermissionDenied:
		return driver.Misconfigured, "grant roles/pubsub.publisher on " + o.topic() + " to the identity that Sluice runs as"
	case codes.Unauthenticated:
		return driver.Misconfigured, googleauth.Remedy
	case codes.InvalidArgument: // nothing of a request is published when one of its messages is refused
		return driver.Misconfigured, "if it is one entry, as a schema of the topic may refuse it: maxEntries: 1 finds it"
	case codes.FailedPrecondition:
		return driver.Misconfigured, "correct what the topic says of its key, its regions or its schema"
	case codes.Unimplemented:
		return driver.Misconfigured, "no Pub/Sub stands there: correct endpoint"
	case codes.Unavailable:
		return judgeHandshake(err)
	case codes.ResourceExhausted, codes.DeadlineExceeded, codes.Aborted, codes.Internal, codes.Canceled:
		return driver.Unavailable, ""
	}
	return driver.Unknown, ""
}

// judgeHandshake tells a service that is away from one that is not trusted: gRPC gives both as text.
func judgeHandshake(err error) (driver.Code, string) {
	switch text := err.Error(); {
	case !failedHandshake(err):
	case strings.Contains(text, "x509:"):
		return driver.Misconfigured, "the endpoint's certificate is not trusted: correct endpoint, or give its authority as tls.ca"
	case strings.Contains(text, driver.Misconfigured.String()): // a file of tls
		return driver.Misconfigured, ""
	}
	return driver.Unavailable, ""
}

func failedHandshake(err error) bool {
	return status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "authentication handshake failed")
}

// maxExcerpt bounds what of an answer becomes a dead letter's reason.
const maxExcerpt = 300

func excerpt(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxExcerpt)], "")
}
