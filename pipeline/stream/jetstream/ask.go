package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream"
)

// How a request is made. What is asked while a cluster elects a leader is lost and never answered, so the first attempts are short;
// later ones are longer, for servers that are slow.
const (
	requestTimeout = 10 * time.Second // of a request without a deadline of its own
	firstAttempt   = time.Second
	longerAttempt  = 500 * time.Millisecond
	betweenAsking  = 50 * time.Millisecond
)

// bounded gives a request a deadline when its caller set none, so that a server that is away is an error.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, requestTimeout)
}

// ask makes a request that may be repeated until it is answered, or until ctx ends: after 10 s when it has no deadline.
func (b *Bus) ask(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	began := time.Now()
	for most := firstAttempt; ; most += longerAttempt {
		attempt, done := context.WithTimeout(ctx, most)
		err := request(attempt)
		done()
		if err == nil || !away(err) {
			return err
		}
		if denied := b.denied.since(began); denied != nil {
			return denied
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(betweenAsking):
		}
	}
}

// away says whether an error may be of a server that is restarting or electing.
func away(err error) bool {
	var api *jetstream.APIError
	var denied *deniedError
	var none *noJetStream
	switch {
	case errors.As(err, &none):
		return false
	case errors.As(err, &api):
		return api.Code >= 500 && api.ErrorCode != errCodeNoCluster || api.ErrorCode == errCodeNoPeers
	case errors.As(err, &denied):
		return false
	}
	return !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, context.Canceled) && !errors.Is(err, stream.ErrNotFound)
}

// Codes of the server that the client does not name.
const (
	errCodeNoPeers   = 10005 // no server can hold another copy: also said while the cluster forms
	errCodeNoCluster = 10074 // several copies on a single server
)

// noJetStream says that the server, or the account, has no JetStream: not worth asking again soon.
type noJetStream struct{ error }

func (e *noJetStream) Unwrap() error { return e.error }

// deniedError says that the server does not allow us a subject.
type deniedError struct {
	said    string // by the server
	subject string
	publish bool
}

func (e *deniedError) Error() string { return e.said }

func (e *deniedError) remedy() string {
	what := "subscribe to "
	if e.publish {
		what = "publish to "
	}
	subject := e.subject
	if strings.HasPrefix(subject, "_INBOX.") {
		subject = "_INBOX.>"
	}
	return "allow our user to " + what + subject
}

// denials keeps the last refusals of the server: it tells of them apart from the request, which is then never answered.
type denials struct {
	mu   sync.Mutex
	last *deniedError
	at   time.Time
}

// note keeps an error that the connection tells of, if it is a refusal.
func (d *denials) note(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	said := err.Error()
	_, subject, _ := strings.Cut(said, `"`)
	subject, _, _ = strings.Cut(subject, `"`)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = &deniedError{said: said, subject: subject, publish: strings.Contains(strings.ToLower(said), "for publish to")}
	d.at = time.Now()
}

// since gives the last refusal after began.
func (d *denials) since(began time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil || d.at.Before(began) {
		return nil
	}
	return fmt.Errorf("%w (%s)", d.last, d.last.remedy())
}
