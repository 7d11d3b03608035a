package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"slices"
	"strings"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

// judge gives the receiver's answer its meaning: nil = it has the request, existed = it had it before.
func (d *Driver) judge(u *driver.Unit, a answer) (existed bool, err error) {
	switch s := a.status; {
	case s >= 200 && s < 300 && d.options.Body == Elastic:
		return judgeBulk(u, a)
	case s >= 200 && s < 300:
		return false, nil
	case slices.Contains(d.options.AlreadyProcessed, s):
		return true, nil
	case s == nethttp.StatusBadRequest && d.options.Body == Splunk:
		return false, judgeEvent(u, a)
	case s == nethttp.StatusBadRequest, s == nethttp.StatusRequestEntityTooLarge, s == nethttp.StatusUnprocessableEntity:
		return false, refused(u, a)
	case s == nethttp.StatusRequestTimeout, s == nethttp.StatusTooManyRequests, s >= 500:
		return false, failure(driver.Unavailable, a, "")
	case s == nethttp.StatusConflict, s == nethttp.StatusTooEarly: // the draft's 409: the same request is still being processed
		return false, failure(driver.Unavailable, a, "if it means that the request was processed before, list it in alreadyProcessed")
	case s == nethttp.StatusUnauthorized, s == nethttp.StatusForbidden:
		return false, failure(driver.Misconfigured, a, "correct the headers that authenticate")
	case s >= 300 && s < 400:
		return false, failure(driver.Misconfigured, a, "redirects are not followed: correct url")
	}
	return false, failure(driver.Misconfigured, a, "correct url and body")
}

// refused: what was alone in its request is what the receiver refuses. Among others it cannot be told, and none is given up.
func refused(u *driver.Unit, a answer) error {
	if len(u.Refs) == 1 {
		return reject([]driver.Reject{{Seq: u.Refs[0].Seq, Index: u.Refs[0].Index, Reason: fmt.Sprintf("status %d: %s", a.status, excerpt(a.body))}})
	}
	return failure(driver.Misconfigured, a, "if it is one entry: maxEntries: 1 finds it; if the request is too large: lower maxBytes")
}

func reject(rejects []driver.Reject) error {
	return &driver.Error{Code: driver.Rejected, Rejects: rejects, Err: fmt.Errorf("%d entries: %s", len(rejects), rejects[0].Reason)}
}

func failure(code driver.Code, a answer, remedy string) error {
	err := fmt.Errorf("status %d: %s", a.status, excerpt(a.body))
	if remedy != "" {
		err = fmt.Errorf("%w (%s)", err, remedy)
	}
	return &driver.Error{Code: code, Err: err}
}

// maxExcerpt bounds what of an answer is shown.
const maxExcerpt = 300

// excerpt is the beginning of an answer, for people.
func excerpt(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text[:min(len(text), 16*maxExcerpt)], "")), " ")
	if len(text) <= maxExcerpt {
		return text
	}
	return strings.ToValidUTF8(text[:maxExcerpt], "") + "…"
}

// classify gives every other error its code.
func classify(ctx context.Context, err error) error {
	var (
		done         *driver.Error
		unknownCodec codec.UnknownError
		file         *fileError
		certificate  *tls.CertificateVerificationError
		network      net.Error
	)
	code := driver.Unknown
	switch {
	case ctx.Err() != nil:
		code = driver.Canceled
	case errors.As(err, &done):
		return done
	case errors.As(err, &unknownCodec), errors.As(err, &file):
		code = driver.Misconfigured
	case errors.As(err, &certificate):
		code = driver.Misconfigured
		err = fmt.Errorf("%w (the receiver's certificate is not trusted: correct url, or give its authority as tls.ca)", err)
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, errLate):
		code = driver.Unavailable
	}
	return &driver.Error{Code: code, Err: err}
}
