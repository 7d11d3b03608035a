package http

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

// maxAnswer bounds what is read of an answer: _bulk gives some 200 bytes for each entry.
const maxAnswer = 64 << 20

// client speaks to the receiver.
type client struct {
	options Options
	mu      sync.Mutex
	http    *nethttp.Client
	wrap    func(nethttp.RoundTripper) nethttp.RoundTripper // around every request, for tests
}

// answer is what the receiver says, without the secrets that it may repeat.
type answer struct {
	status int
	body   string
}

// fileError says that a file of the configuration cannot be used.
type fileError struct{ err error }

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// errLate says that the receiver did not answer in time.
var errLate = errors.New("no answer within the timeout")

// post sends one request and reads the whole answer.
func (c *client) post(ctx context.Context, u *driver.Unit, contentType string, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.options.Timeout, errLate)
	defer cancel()
	req, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, c.address(), bytes.NewReader(body))
	if err != nil {
		return answer{}, errors.New("the address is not one") // the cause would quote it
	}
	req.GetBody = nil // else net/http repeats requests that carry an Idempotency-Key, by itself
	sum := sha256.Sum256(body)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	req.Header.Set("Idempotency-Key", strconv.Quote(key(u)))
	req.Header.Set("User-Agent", "sluice")
	if codec.Codec(u.Codec) == codec.JSONGzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	secrets, err := c.setHeaders(req.Header)
	if err != nil {
		return answer{}, err
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("post: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{resp.StatusCode, redact(string(text), secrets)}, nil
}

// address is the whole URL. It may hold secrets.
func (c *client) address() string {
	o := &c.options
	query := url.Values{}
	for name, value := range o.Query {
		query.Set(name, value)
	}
	for name, value := range o.SecretQuery {
		query.Set(name, value.Reveal())
	}
	address := o.URL
	if o.SecretPath != "" {
		address = strings.TrimSuffix(address, "/") + "/" + strings.TrimPrefix(o.SecretPath.Reveal(), "/")
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

// setHeaders adds the configured headers, those in files as the files are now, and gives all secrets of the request.
func (c *client) setHeaders(h nethttp.Header) ([]string, error) {
	o := &c.options
	secrets := []string{o.SecretPath.Reveal()}
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	for name, value := range o.SecretHeaders {
		h.Set(name, value.Reveal())
		secrets = append(secrets, value.Reveal())
	}
	for _, value := range o.SecretQuery {
		secrets = append(secrets, value.Reveal(), url.QueryEscape(value.Reveal()))
	}
	for name, file := range o.HeaderFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, &fileError{fmt.Errorf("read header %s: %w", name, err)}
		}
		value := strings.TrimRight(string(text), "\r\n")
		if strings.ContainsFunc(value, control) {
			return nil, &fileError{fmt.Errorf("header %s: %s holds control characters", name, file)}
		}
		h.Set(name, value)
		secrets = append(secrets, value)
	}
	return secrets, nil
}

// redact hides secrets, and the longer words of which they consist (Bearer TOKEN).
func redact(text string, secrets []string) string {
	var all []string
	for _, secret := range secrets {
		all = append(all, secret)
		for word := range strings.FieldsSeq(secret) {
			if len(word) >= 8 {
				all = append(all, word)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // none hides in another
	for _, secret := range all {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// withoutURL takes the URL out of an error: it may hold secrets.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (c *client) client() *nethttp.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.http != nil {
		return c.http
	}
	var through nethttp.RoundTripper = c.options.way().HTTP(nil)
	if c.wrap != nil {
		through = c.wrap(through)
	}
	c.http = &nethttp.Client{Transport: through, CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error {
		return nethttp.ErrUseLastResponse // a redirect could carry entries and secrets to anyone
	}}
	return c.http
}

func (c *client) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
	return nil
}
