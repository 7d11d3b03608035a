package nats

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/sinks/driver"
	"sluice/sinks/transport"
)

// requestTimeout bounds one request.
const requestTimeout = 10 * time.Second

// The server's codes: https://github.com/nats-io/nats-server/blob/v2.15.2/server/errors.json
const (
	streamNotFound       = 10059
	lastSequence         = 10071
	lastSequenceInFlight = 10164
	noMessage            = 10037
)

// client speaks to the servers. It connects at its first request, and again after a failure to.
type client struct {
	options Options
	step    func(op string, run func() error) error // around every operation, for tests
	mu      sync.Mutex
	conn    *nats.Conn
	takes   []string  // the stream's subjects, as last heard
	heard   time.Time // when; zero: they must be asked for
}

// hearing is how long an answer of the stream about itself is believed while nothing fails.
const hearing = 10 * time.Second

// subjects gives those that the stream takes, once it is known that the stream will do.
func (c *client) subjects(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	takes, fresh := c.takes, time.Since(c.heard) < hearing
	c.mu.Unlock()
	if fresh {
		return takes, nil
	}
	takes, err := c.stream(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takes, c.heard = takes, time.Now()
	return takes, nil
}

// doubt lets the next write ask the stream about itself.
func (c *client) doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = time.Time{}
}

// apiError is what a server answers.
type apiError struct {
	Code    int    `json:"code"`
	ErrCode int    `json:"err_code"`
	Text    string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Text, e.ErrCode) }

// codeOf gives the server's code in an error, or 0.
func codeOf(err error) int {
	var e *apiError
	if errors.As(err, &e) {
		return e.ErrCode
	}
	return 0
}

func misconfigured(format string, args ...any) error {
	return &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf(format, args...)}
}

// stream asks for the stream, whether it will do, and gives the subjects that it takes.
func (c *client) stream(ctx context.Context) ([]string, error) {
	var info struct {
		Error   *apiError `json:"error"`
		Created time.Time `json:"created"`
		Config  struct {
			Subjects  []string `json:"subjects"`
			Atomic    bool     `json:"allow_atomic"`
			Retention string   `json:"retention"`
			Window    int64    `json:"duplicate_window"`
		} `json:"config"`
	}
	err := c.ask(ctx, "look at the stream", nats.NewMsg("$JS.API.STREAM.INFO."+c.options.Stream), &info)
	switch {
	case err != nil:
		return nil, err
	case info.Error != nil && info.Error.ErrCode == streamNotFound:
		return nil, misconfigured("there is no stream %s: create it with allow_atomic and the subjects %s>, or any with once: window", c.options.Stream, markPrefix)
	case info.Error != nil:
		return nil, fmt.Errorf("look at the stream: %w", info.Error)
	case !c.options.refused.IsZero() && info.Created.Equal(c.options.refused):
		return nil, misconfigured("stream %s is one that the router reads: each entry would come back as a new one, for ever (deliver into another stream)", c.options.Stream)
	case c.options.Once == Window && info.Config.Window <= 0:
		return nil, misconfigured("stream %s remembers no ids: set its duplicate_window", c.options.Stream)
	case c.options.Once == Window:
	case !info.Config.Atomic:
		return nil, misconfigured("stream %s does not take atomic batches: set allow_atomic, or once: window", c.options.Stream)
	case info.Config.Retention != "limits":
		return nil, misconfigured("stream %s has retention %s, which takes marks away: it must be limits", c.options.Stream, info.Config.Retention)
	}
	return info.Config.Subjects, nil
}

// commit publishes the messages as one atomic batch: the first and the last are answered.
func (c *client) commit(ctx context.Context, messages []*nats.Msg) error {
	batch := strings.TrimPrefix(nats.NewInbox(), nats.InboxPrefix) // unique, and short enough
	for i, m := range messages {
		m.Header.Set("Nats-Batch-Id", batch)
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		m.Header.Set("Nats-Expected-Stream", c.options.Stream)
	}
	last := messages[len(messages)-1]
	last.Header.Set("Nats-Batch-Commit", "1")
	var ack struct {
		Error *apiError `json:"error"`
	}
	if err := c.ask(ctx, "begin the batch", messages[0], nil); err != nil {
		return err
	}
	if err := c.step("fill the batch", func() error { return c.fill(messages[1 : len(messages)-1]) }); err != nil {
		return err
	}
	if err := c.ask(ctx, "commit the batch", last, &ack); err != nil {
		return err
	}
	if ack.Error != nil {
		return fmt.Errorf("commit the batch: %w", ack.Error)
	}
	return nil
}

func (c *client) fill(messages []*nats.Msg) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := conn.PublishMsg(m); err != nil {
			return fmt.Errorf("fill the batch: %w", err)
		}
	}
	return nil
}

// last reads the last message of a subject from the stream's leader; nil when there is none.
func (c *client) last(ctx context.Context, subject string) ([]byte, error) {
	request := nats.NewMsg("$JS.API.STREAM.MSG.GET." + c.options.Stream)
	body, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return nil, err
	}
	request.Data = body
	var answer struct {
		Error   *apiError `json:"error"`
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if err := c.ask(ctx, "read the mark", request, &answer); err != nil {
		return nil, err
	}
	if answer.Error != nil && answer.Error.ErrCode == noMessage {
		return nil, nil
	}
	if answer.Error != nil {
		return nil, fmt.Errorf("read the mark: %w", answer.Error)
	}
	return answer.Message.Data, nil
}

// ask sends a request and decodes its answer; with to = nil an answer is empty, or the server's refusal.
func (c *client) ask(ctx context.Context, op string, m *nats.Msg, to any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var data []byte
	err := c.step(op, func() error {
		conn, err := c.connect()
		if err != nil {
			return err
		}
		reply, err := conn.RequestMsgWithContext(ctx, m)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		data = reply.Data
		return nil
	})
	if err != nil {
		return err
	}
	if to == nil && len(data) > 0 {
		var refusal struct {
			Error *apiError `json:"error"`
		}
		if json.Unmarshal(data, &refusal) == nil && refusal.Error != nil {
			return fmt.Errorf("%s: %w", op, refusal.Error)
		}
		return nil
	}
	if to == nil {
		return nil
	}
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("%s: the answer is no JSON: %w", op, err)
	}
	return nil
}

func (c *client) connect() (*nats.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && !c.conn.IsClosed() {
		return c.conn, nil
	}
	o := &c.options
	how := []nats.Option{nats.Name("sluice"), nats.MaxReconnects(-1), nats.Timeout(5 * time.Second), nats.ReconnectBufSize(-1)}
	if o.Creds != "" {
		how = append(how, nats.UserCredentials(o.Creds))
	}
	if o.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, misconfigured("read nkey: %w", err)
		}
		how = append(how, key)
	}
	if o.User != "" {
		how = append(how, nats.UserInfo(o.User, o.Password.Reveal()))
	}
	if o.Token != "" {
		how = append(how, nats.Token(o.Token.Reveal()))
	}
	if o.TLS != (transport.TLS{}) {
		how = append(how, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.TLS.ServerName}))
	}
	if o.TLS.CA != "" { // read for each connection
		how = append(how, nats.RootCAs(o.TLS.CA))
	}
	if o.TLS.Cert != "" {
		how = append(how, nats.ClientCert(o.TLS.Cert, o.TLS.Key))
	}
	conn, err := nats.Connect(o.URL, how...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c.conn = conn
	return conn, nil
}

func (c *client) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	return nil
}

// classify gives an error its code.
func classify(ctx context.Context, err error) error {
	var done *driver.Error
	switch {
	case ctx.Err() != nil:
		return &driver.Error{Code: driver.Canceled, Err: err}
	case errors.As(err, &done):
		return done
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("%w (correct creds, nkey, user and password, or token)", err)}
	case tlsTrouble(err):
		return &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("%w (look at tls: ca must vouch for the server and serverName be its name, cert and key be what the server trusts)", err)}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("%w (the file must be readable by this process)", err)}
	case errors.Is(err, nats.ErrMaxPayload):
		return &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("%w (raise the server's max_payload, or lower maxEntry)", err)}
	}
	return &driver.Error{Code: driver.Unavailable, Err: err}
}

// tlsTrouble says whether the two sides do not trust each other, or only one of them speaks TLS.
func tlsTrouble(err error) bool {
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	return errors.As(err, &certificate) || errors.As(err, &alert) || errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted)
}
