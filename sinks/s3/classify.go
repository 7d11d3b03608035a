package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

// classify gives an error its code and, where a person must act, says what to do. Codes and status codes:
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func classify(ctx context.Context, o *Options, err error) error {
	var done *driver.Error
	if ctx.Err() == nil && errors.As(err, &done) {
		return done
	}
	code, remedy := judge(ctx, o, err)
	if remedy != "" {
		err = fmt.Errorf("%w (%s)", err, remedy)
	}
	return &driver.Error{Code: code, Err: err}
}

func judge(ctx context.Context, o *Options, err error) (code driver.Code, remedy string) {
	var (
		unknownCodec codec.UnknownError
		certificate  *tls.CertificateVerificationError
		answer       smithy.APIError
	)
	switch {
	case ctx.Err() != nil:
		return driver.Canceled, ""
	case errors.As(err, &unknownCodec):
		return driver.Misconfigured, ""
	case errors.Is(err, errNoRegion):
		return driver.Misconfigured, "set region, or AWS_REGION"
	case errors.As(err, &certificate):
		return driver.Misconfigured, "the endpoint's certificate is not trusted: mend endpoint, or trust its authority"
	case errors.Is(err, errCredentials):
		return judgeCredentials(err)
	case statusOf(err) != 0 || errors.As(err, &answer):
		return judgeAnswer(o, err)
	case isNetwork(err):
		return driver.Unavailable, ""
	}
	return driver.Unknown, ""
}

const credentialsRemedy = "give Sluice credentials: workload identity, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, profile or credentialsFile; roleArn must trust them"

// judgeCredentials judges why there are none: the service that gives them may only be away.
func judgeCredentials(err error) (driver.Code, string) {
	if s := statusOf(err); s >= 500 || s == http.StatusTooManyRequests || throttled(err) || s == 0 && isNetwork(err) {
		return driver.Unavailable, ""
	}
	return driver.Misconfigured, credentialsRemedy
}

// refusals are the codes that say that the credentials themselves are wrong, or not valid any more.
var refusals = []string{"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity", "NotSignedUp"}

// refused says whether the service did not take the credentials, which are then to be read again.
func refused(err error) bool {
	return statusOf(err) == http.StatusUnauthorized || coded(err, refusals...)
}

// judgeAnswer judges what the service itself says. A code may come with 200, after the service has begun to answer.
func judgeAnswer(o *Options, err error) (driver.Code, string) {
	status := statusOf(err)
	switch {
	case coded(err, "NotImplemented"):
		return driver.Misconfigured, "the store does not know such a request: look at create, sse and storageClass, or lower batch.bytes"
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, throttled(err),
		coded(err, "InternalError", "ServiceUnavailable", "RequestTimeout"):
		return driver.Unavailable, ""
	case coded(err, "ConditionalRequestConflict", "OperationAborted"):
		return driver.Unavailable, "" // another write of the name was under way
	case coded(err, "NoSuchUpload", "InvalidPart", "InvalidPartOrder"):
		return driver.Unavailable, "" // the upload is lost: the next attempt begins another
	case coded(err, "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"):
		return driver.Unavailable, "" // what arrived is not what was sent
	case refused(err):
		return driver.Misconfigured, credentialsRemedy
	case coded(err, "RequestTimeTooSkewed"):
		return driver.Misconfigured, "set this machine's clock"
	case coded(err, "NoSuchBucket"), status == http.StatusNotFound:
		return driver.Misconfigured, "there is no bucket " + o.Bucket + ": create it, or correct bucket"
	case coded(err, "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"), status == http.StatusMovedPermanently:
		return driver.Misconfigured, "the bucket is in another region: correct region"
	case coded(err, "EntityTooLarge"), status == http.StatusRequestEntityTooLarge:
		return driver.Misconfigured, "the object is too large: lower batch.bytes"
	case status == http.StatusForbidden:
		return driver.Misconfigured, "grant s3:PutObject on " + o.Destination() + "* to the identity that Sluice runs as" + furtherRights(o)
	case status == http.StatusBadRequest:
		return driver.Misconfigured, "the service does not take such a request: look at bucket, region, kmsKey and storageClass"
	}
	return driver.Unknown, ""
}

// furtherRights are those that options ask for.
func furtherRights(o *Options) string {
	var more string
	if o.ACL != "" {
		more += ", s3:PutObjectAcl for acl"
	}
	if strings.HasPrefix(o.SSE, "aws:kms") {
		more += ", kms:GenerateDataKey and kms:Decrypt on the key"
	}
	if o.ExpectedBucketOwner != "" {
		more += "; and see that " + o.ExpectedBucketOwner + " owns the bucket"
	}
	return more
}

func throttled(err error) bool {
	return coded(err, "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException", "BandwidthLimitExceeded")
}

// coded says whether the service answered with one of the codes.
func coded(err error, codes ...string) bool {
	var e smithy.APIError
	return errors.As(err, &e) && slices.Contains(codes, e.ErrorCode())
}

// statusOf is the answer's status, or 0 where there was none.
func statusOf(err error) int {
	var e *smithyhttp.ResponseError
	if errors.As(err, &e) && e.Response != nil && e.Response.Response != nil {
		return e.HTTPStatusCode()
	}
	return 0
}

// isNetwork says whether the service was not reached, or its answer not understood to the end.
func isNetwork(err error) bool {
	var network net.Error
	var send *smithyhttp.RequestSendError
	var answer *smithy.DeserializationError
	return errors.As(err, &network) || errors.As(err, &send) || errors.As(err, &answer) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
}
