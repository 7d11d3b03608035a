package gcs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cloud.google.com/go/auth"
	"google.golang.org/api/googleapi"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/googleauth"
)

// classify gives an error its code and, where a person must act, says what to do. Status codes:
// https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes
func classify(ctx context.Context, bucket string, s *session, err error) error {
	var done *driver.Error
	if ctx.Err() == nil && errors.As(err, &done) {
		return done
	}
	code, remedy := judge(ctx, bucket, s.begun.Load(), err)
	if remedy != "" {
		err = fmt.Errorf("%w (%s)", err, remedy)
	}
	return &driver.Error{Code: code, Err: err}
}

func judge(ctx context.Context, bucket string, begun bool, err error) (code driver.Code, remedy string) {
	var (
		unknownCodec codec.UnknownError
		answer       *googleapi.Error
		token        *auth.Error
		certificate  *tls.CertificateVerificationError
	)
	switch {
	case ctx.Err() != nil:
		return driver.Canceled, ""
	case errors.As(err, &unknownCodec):
		return driver.Misconfigured, ""
	case errors.As(err, &answer):
		return judgeAnswer(bucket, begun, answer)
	case errors.As(err, &token) && !refused(err):
		return driver.Unavailable, ""
	case errors.As(err, &token):
		return driver.Misconfigured, googleauth.Remedy
	case errors.Is(err, googleauth.Err):
		return driver.Misconfigured, googleauth.Remedy
	case errors.As(err, &certificate):
		return driver.Misconfigured, "the endpoint's certificate is not trusted: mend endpoint, or trust its authority"
	case isNetwork(err):
		return driver.Unavailable, ""
	}
	return driver.Unknown, ""
}

// refused says whether the credentials themselves were not taken, which are then to be read again.
func refused(err error) bool {
	var answer *googleapi.Error
	var token *auth.Error
	switch {
	case errors.As(err, &token) && token.Response != nil:
		s := token.Response.StatusCode
		return s >= 400 && s < 500 && s != http.StatusTooManyRequests
	case errors.As(err, &answer):
		return answer.Code == http.StatusUnauthorized
	}
	return false
}

// judgeAnswer judges what the service itself says.
func judgeAnswer(bucket string, begun bool, e *googleapi.Error) (driver.Code, string) {
	switch {
	case e.Code == http.StatusRequestTimeout, e.Code == http.StatusTooManyRequests, e.Code >= 500:
		return driver.Unavailable, ""
	case begun && (e.Code == http.StatusNotFound || e.Code == http.StatusGone || e.Code == http.StatusBadRequest || e.Code == http.StatusRequestedRangeNotSatisfiable):
		return driver.Unavailable, "" // the session is lost: the next attempt begins another
	case e.Code == http.StatusUnauthorized:
		return driver.Misconfigured, googleauth.Remedy
	case e.Code == http.StatusForbidden && reasoned(e, "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"):
		return driver.Unavailable, ""
	case e.Code == http.StatusForbidden:
		return driver.Misconfigured, "grant roles/storage.objectCreator on gs://" + bucket + " to the identity that Sluice runs as"
	case e.Code == http.StatusNotFound:
		return driver.Misconfigured, "there is no bucket " + bucket + ": create it, or correct bucket"
	case e.Code == http.StatusBadRequest && corrupted(e):
		return driver.Unavailable, ""
	case e.Code == http.StatusBadRequest:
		return driver.Misconfigured, "the service does not take such a request: look at bucket, prefix, kmsKey and storageClass"
	case e.Code == http.StatusRequestEntityTooLarge:
		return driver.Misconfigured, "the object is too large: lower batch.bytes"
	}
	return driver.Unknown, ""
}

// corrupted says whether the bytes that arrived were not those that were sent.
func corrupted(e *googleapi.Error) bool {
	text := strings.ToLower(e.Message)
	return strings.Contains(text, "crc32c") || strings.Contains(text, "md5") || strings.Contains(text, "checksum") || strings.Contains(text, "hash")
}

// taken says whether an insert failed because its name has an object: the precondition, the right to replace it, its retention or a hold.
func taken(err error) bool {
	var e *googleapi.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == http.StatusPreconditionFailed || e.Code == http.StatusForbidden &&
		(strings.Contains(e.Message, "storage.objects.delete") || reasoned(e, "retentionPolicyNotMet", "objectUnderActiveHold"))
}

// forbidden says whether the identity may not do what it asked for.
func forbidden(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusForbidden
}

func reasoned(e *googleapi.Error, reasons ...string) bool {
	return slices.ContainsFunc(e.Errors, func(item googleapi.ErrorItem) bool { return slices.Contains(reasons, item.Reason) })
}

// isNetwork says whether the service was not reached, or its answer not understood to the end.
func isNetwork(err error) bool {
	var network net.Error
	var request *url.Error
	return errors.As(err, &network) || errors.As(err, &request) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, errTruncated)
}
