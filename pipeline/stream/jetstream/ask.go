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
	longerAttempt  = 100 * time.Millisecond
	betweenAsking  = 50 * time.Millisecond
)

// ask makes a request that may be repeated until it is answered. A server that stops swallows what it was asked: when the
// connection is made anew, ask asks again at once. It ends with ctx, or after limit when ctx has no deadline.
func (b *Bus) ask(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = limited
	}
	began := time.Now()
	for most := firstAttempt; ; most += longerAttempt {
		again, err := b.askOnce(ctx, most, request)
		if again {
			continue
		}
		if err == nil || !away(err) {
			return err
		}
		if denied := b.denied.since(began, "$JS.API."); denied != nil {
			return denied
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(betweenAsking):
		}
	}
}

// askOnce makes one attempt; again says that a new connection cut it short.
func (b *Bus) askOnce(ctx context.Context, most time.Duration, request func(context.Context) error) (again bool, err error) {
	attempt, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	_, reconnected := b.connection()
	go func() {
		select {
		case <-reconnected:
			cancel()
		case <-attempt.Done():
		}
	}()
	err = request(attempt)
	return err != nil && errors.Is(attempt.Err(), context.Canceled) && ctx.Err() == nil, err
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

// denials keeps what the server refused lately: it tells of that apart from the request, which is then never answered.
type denials struct {
	mu  sync.Mutex
	all map[string]denial // by subject
}

type denial struct {
	err *deniedError
	at  time.Time
}

// note keeps an error that the connection tells of, if it is a refusal.
func (d *denials) note(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	const most = 1000 // publishers may try many subjects
	said := err.Error()
	_, subject, _ := strings.Cut(said, `"`)
	subject, _, _ = strings.Cut(subject, `"`)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || len(d.all) >= most {
		d.all = make(map[string]denial)
	}
	d.all[subject] = denial{&deniedError{said, subject, strings.Contains(strings.ToLower(said), "for publish to")}, time.Now()}
}

// since gives a refusal after began of a subject that begins so, or of the inbox that answers come to.
func (d *denials) since(began time.Time, prefix string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for subject, last := range d.all {
		concerns := strings.HasPrefix(subject, prefix) || strings.HasPrefix(subject, "_INBOX.")
		if concerns && last.at.After(began) {
			return fmt.Errorf("%w (%s)", last.err, last.err.remedy())
		}
	}
	return nil
}
