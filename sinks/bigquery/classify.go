package bigquery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/sinks/driver"
	"sluice/sinks/googleauth"
)

// classify gives an error its code and, where a person must act, says what to do.
func (d *Driver) classify(ctx context.Context, err error) error {
	var done *driver.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &driver.Error{Code: driver.Canceled, Err: err}
	case errors.As(err, &done):
		return done
	}
	code, remedy := d.judge(err)
	if remedy != "" {
		err = fmt.Errorf("%w (%s)", err, remedy)
	}
	if remedy == googleauth.Remedy {
		d.client.forget()
	}
	return &driver.Error{Code: code, Err: err}
}

func (d *Driver) judge(err error) (driver.Code, string) {
	var (
		answer      *googleapi.Error
		token       *auth.Error
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &token):
		if s := statusOf(token.Response); s >= 400 && s < 500 && s != http.StatusTooManyRequests {
			return driver.Misconfigured, googleauth.Remedy
		}
		return driver.Unavailable, ""
	case errors.Is(err, googleauth.Err):
		return driver.Misconfigured, googleauth.Remedy
	case errors.As(err, &certificate):
		return driver.Misconfigured, certificateRemedy
	case errors.As(err, &answer):
		return d.judgeAnswer(answer)
	}
	if s, ok := status.FromError(err); ok {
		return d.judgeStatus(s)
	}
	return driver.Unavailable, ""
}

func statusOf(r *http.Response) int {
	if r == nil {
		return 0
	}
	return r.StatusCode
}

// judgeAnswer judges what the tables API says. https://cloud.google.com/bigquery/docs/error-messages
func (d *Driver) judgeAnswer(e *googleapi.Error) (driver.Code, string) {
	switch {
	case e.Code == http.StatusRequestTimeout, e.Code == http.StatusTooManyRequests, e.Code >= 500:
		return driver.Unavailable, ""
	case e.Code == http.StatusUnauthorized:
		return driver.Misconfigured, googleauth.Remedy
	case e.Code == http.StatusForbidden && reasoned(e, "rateLimitExceeded", "quotaExceeded", "jobRateLimitExceeded"):
		return driver.Unavailable, ""
	case e.Code == http.StatusForbidden:
		return driver.Misconfigured, d.rightsRemedy()
	case e.Code == http.StatusNotFound:
		return driver.Misconfigured, fmt.Sprintf("there is no dataset %s in project %s: create it, or correct dataset", d.options.Dataset, d.options.Project)
	case e.Code == http.StatusBadRequest:
		return driver.Misconfigured, "the service does not take such a table: look at table and columns"
	}
	return driver.Unknown, ""
}

func (d *Driver) rightsRemedy() string {
	return fmt.Sprintf("grant roles/bigquery.dataEditor on the dataset %s to the identity that Sluice runs as", d.options.Dataset)
}

func reasoned(e *googleapi.Error, reasons ...string) bool {
	return slices.ContainsFunc(e.Errors, func(item googleapi.ErrorItem) bool { return slices.Contains(reasons, item.Reason) })
}

// judgeStatus judges what the Write API says. https://cloud.google.com/bigquery/docs/error-messages
func (d *Driver) judgeStatus(s *status.Status) (driver.Code, string) {
	switch s.Code() {
	case codes.Unauthenticated:
		return driver.Misconfigured, googleauth.Remedy
	case codes.PermissionDenied:
		return driver.Misconfigured, d.rightsRemedy()
	case codes.NotFound:
		return driver.Misconfigured, "the table is gone: create it again, or let Sluice do so by sluice abandon"
	case codes.InvalidArgument, codes.FailedPrecondition:
		return driver.Misconfigured, "the table does not take such rows: look at its columns"
	case codes.Unimplemented:
		return driver.Misconfigured, "no BigQuery stands there: correct writeEndpoint"
	case codes.Unavailable:
		return judgeHandshake(s.Message())
	}
	return driver.Unavailable, ""
}

// judgeHandshake tells a service that is away from one that is not trusted: gRPC gives both as text.
func judgeHandshake(text string) (driver.Code, string) {
	switch {
	case !strings.Contains(text, "authentication handshake failed"):
	case strings.Contains(text, "x509:"):
		return driver.Misconfigured, certificateRemedy
	case strings.Contains(text, driver.Misconfigured.String()): // a file of tls
		return driver.Misconfigured, ""
	}
	return driver.Unavailable, ""
}

const certificateRemedy = "the endpoint's certificate is not trusted: correct the endpoint, or give its authority as tls.ca"

// reason is what a status says beside its code.
func reason(s *status.Status) storagepb.StorageError_StorageErrorCode {
	for _, detail := range s.Details() {
		if e, ok := detail.(*storagepb.StorageError); ok {
			return e.GetCode()
		}
	}
	return storagepb.StorageError_STORAGE_ERROR_CODE_UNSPECIFIED
}

// lost says whether a stream takes no rows any more.
func lost(s *status.Status) bool {
	switch reason(s) {
	case storagepb.StorageError_STREAM_NOT_FOUND, storagepb.StorageError_STREAM_FINALIZED, storagepb.StorageError_INVALID_STREAM_STATE,
		storagepb.StorageError_STREAM_ALREADY_COMMITTED:
		return true
	case storagepb.StorageError_STORAGE_ERROR_CODE_UNSPECIFIED:
		return s.Code() == codes.NotFound
	}
	return false
}
