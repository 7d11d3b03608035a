package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options says where the bus is. Exactly one of Dir and URL is set.
type Options struct {
	Dir    string        // embedded: the folder of the server's files; created when absent
	Listen string        // embedded: host:port to listen on; empty: a free port on the loopback
	Wait   time.Duration // how long to wait for another process to let go of Dir, or for a server at URL; 0: not at all
	URL    string        // servers elsewhere: nats:// or tls://, several of one cluster separated by commas, tried in this order
	Login  Login         // with URL
	TLS    *TLS          // with URL; nil: only where it says tls:// or the server asks for it
	Name   string        // of the connection, as the server's operator sees it; default "sluice"
	Log    *slog.Logger  // default: slog.Default(). The embedded server writes to it at debug, connections at info
}

// Bus is a connection to the server. All methods may be called from several goroutines at once.
type Bus struct {
	embedded *embedded // nil: the server is elsewhere
	dir      string    // of the embedded server, also when another process runs it
	conn     *nats.Conn
	js       jetstream.JetStream
	options  Options
	log      *slog.Logger
	link     atomic.Pointer[nats.Conn] // conn, once it is made, for what the client calls
	denied   denials

	mu          sync.Mutex
	connections int           // how often the connection was made anew
	reconnected chan struct{} // closed at the next time
	told        string        // the last trouble with the connection that was logged
}

// Open starts the embedded server on Dir, or connects to URL. The embedded server keeps the folder for itself (ErrHeld when
// another process has it), always listens, and puts its URL and token into <Dir>/client.json (mode 0600). ctx bounds the start
// only. Close ends all of it. The connection is made anew for ever, to whichever server of the cluster answers; an error of the
// first one says what can be done about it.
func Open(ctx context.Context, o Options) (*Bus, error) {
	o = o.withDefaults()
	switch {
	case (o.Dir == "") == (o.URL == ""):
		return nil, errors.New("open bus: set exactly one of a folder and a URL")
	case o.URL != "":
		return openElsewhere(ctx, o)
	}
	e, err := startEmbedded(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open embedded bus in %s: %w", o.Dir, err)
	}
	b, err := connect(ctx, o, e, nats.InProcessServer(e.server), nats.Token(e.token))
	if err != nil {
		e.stop()
		return nil, err
	}
	return b, nil
}

// Attach uses the embedded bus in o.Dir: the one that another process runs there, or, when nobody holds the folder, its own as
// by Open. While the other process is starting or restarting, Attach waits, for 60 s at most or until ctx ends. A connection to
// another process' server finds it again after a restart, whatever port and token it then has.
func Attach(ctx context.Context, o Options) (*Bus, error) {
	o = o.withDefaults()
	for end := time.Now().Add(patience); ; {
		b, err := Open(ctx, o)
		if !errors.Is(err, ErrHeld) {
			return b, err
		}
		// Until the other process has written client.json there is none, or that of the process before it.
		_, cause := readAccess(o.Dir)
		switch {
		case errors.Is(cause, fs.ErrNotExist):
			err = fmt.Errorf("%w, and it has not written %s yet: try again in a moment", err, accessFile)
		case cause != nil:
			return nil, cause
		default:
			if b, err = connectAttached(ctx, o); err == nil {
				return b, nil
			}
		}
		if !time.Now().Before(end) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// connectAttached connects to the server of the process that holds the folder.
func connectAttached(ctx context.Context, o Options) (*Bus, error) {
	a := attached{dir: o.Dir}
	o.URL = "nats://attached.invalid:4222" // never resolved: the dialer knows
	return connect(ctx, o, nil, nats.SetCustomDialer(a), nats.TokenHandler(a.token))
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "sluice"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// openElsewhere connects to servers that others run, and waits for them if told so.
func openElsewhere(ctx context.Context, o Options) (*Bus, error) {
	for end := time.Now().Add(o.Wait); ; {
		b, err := connect(ctx, o, nil, nats.DontRandomize())
		if err == nil {
			if err = b.hasJetStream(ctx); err == nil {
				return b, nil
			}
			b.conn.Close()
		}
		if !passing(err) || !time.Now().Before(end) {
			return nil, withRemedy(err, o)
		}
		select {
		case <-ctx.Done():
			return nil, withRemedy(err, o)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// hasJetStream asks for the account. A user who may not ask that is let through: what it may do, its requests will tell.
func (b *Bus) hasJetStream(ctx context.Context) error {
	err := b.ask(ctx, requestTimeout, func(ctx context.Context) error {
		_, err := b.js.AccountInfo(ctx)
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			err = &noJetStream{err}
		}
		return err
	})
	var denied *deniedError
	if errors.As(err, &denied) && denied.publish {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open bus at %s: %w", where(b.options), err)
	}
	return nil
}

// connect makes the connection. It is kept up for ever: each user has its own patience.
func connect(ctx context.Context, o Options, e *embedded, how ...nats.Option) (*Bus, error) {
	b := &Bus{embedded: e, dir: o.Dir, options: o, log: o.Log, reconnected: make(chan struct{})}
	login, err := b.login(o.Login)
	if err != nil {
		return nil, fmt.Errorf("connect to the bus at %s: %w", where(o), err)
	}
	how = append(append(append(how, login...), o.TLS.options()...),
		nats.Name(o.Name),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.Timeout(connectTimeout(ctx)),
		nats.IgnoreAuthErrorAbort(), // a restarted server may have another token: the next attempt reads it
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Log.Warn("bus disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.announce() }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { b.tell(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.denied.note(err)
			o.Log.Debug("bus connection", "error", err)
		}),
	)
	conn, err := nats.Connect(o.URL, how...)
	if err != nil {
		return nil, fmt.Errorf("connect to the bus at %s: %w", where(o), err)
	}
	b.link.Store(conn)
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(maxInFlight), jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open bus: %w", err)
	}
	b.conn, b.js = conn, js
	return b, nil
}

// reconnectDelay is how long to wait when all servers were tried: longer each time, and never the same, so that all who lost a
// server do not come at once.
func reconnectDelay(rounds int) time.Duration {
	const first, most = 200 * time.Millisecond, 3 * time.Second
	wait := min(first<<min(max(rounds-1, 0), 5), most)
	return wait/2 + rand.N(wait)
}

// tell logs why an attempt to connect again was in vain, once a reason.
func (b *Bus) tell(err error) {
	err = withRemedy(err, b.options)
	b.mu.Lock()
	known := b.told == err.Error()
	b.told = err.Error()
	b.mu.Unlock()
	if !known {
		b.log.Warn("bus not reached", "error", err)
	}
}

func connectTimeout(ctx context.Context) time.Duration {
	const most = 5 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		return max(min(time.Until(deadline), most), time.Millisecond)
	}
	return most
}

// announce tells readers that the connection was made anew.
func (b *Bus) announce() {
	b.log.Info("bus reconnected")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.connections++
	b.told = ""
	close(b.reconnected)
	b.reconnected = make(chan struct{})
}

// connection gives the number of the present connection and the channel that tells of the next.
func (b *Bus) connection() (int, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.connections, b.reconnected
}

// Embedded says whether the server runs in this process.
func (b *Bus) Embedded() bool { return b.embedded != nil }

// URL gives the address of the server at the other end, without credentials.
func (b *Bus) URL() string {
	if b.embedded != nil {
		return b.embedded.server.ClientURL()
	}
	return b.conn.ConnectedUrlRedacted()
}

// Close closes the connection and stops the embedded server, its files written and its folder free on return.
func (b *Bus) Close() error {
	b.conn.Close()
	if b.embedded != nil {
		return b.embedded.stop()
	}
	return nil
}
