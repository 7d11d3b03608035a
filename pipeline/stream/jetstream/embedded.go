package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Limits of the embedded server.
const (
	maxPayload   = 8 << 20
	startTimeout = 30 * time.Second
)

// embedded is the server inside this process, with the lock on its folder.
type embedded struct {
	server *server.Server
	token  string
	lock   *os.File
}

func startEmbedded(ctx context.Context, o Options) (e *embedded, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFolder(ctx, o.Dir, o.Wait)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	token, err := accessToken(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := mendStreams(o.Dir); err != nil {
		return nil, err
	}
	said := &serverLog{log: o.Log}
	s, err := newServer(o, token, said)
	if err != nil {
		return nil, err
	}
	s.Start()
	err = untilReady(ctx, s, said)
	if err == nil {
		err = writeAccess(o.Dir, access{URL: s.ClientURL(), Token: token, PID: os.Getpid()})
	}
	if err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, err
	}
	return &embedded{server: s, token: token, lock: lock}, nil
}

func newServer(o Options, token string, said *serverLog) (*server.Server, error) {
	host, port, err := listenAddress(o.Listen)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName:         "sluice-embedded",
		Host:               host,
		Port:               port,
		Authorization:      token,
		JetStream:          true,
		StoreDir:           o.Dir,
		JetStreamMaxStore:  1 << 60, // each stream has its own limit; the server's guess would shrink with the free disk
		JetStreamMaxMemory: 64 << 20,
		MaxPayload:         maxPayload,
		NoSigs:             true,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the embedded server: %w", err)
	}
	s.SetLoggerV2(said, false, false, false)
	return s, nil
}

// listenAddress gives host and port for the server's options, where −1 stands for a free port.
func listenAddress(listen string) (string, int, error) {
	if listen == "" {
		return "127.0.0.1", server.RANDOM_PORT, nil
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: want host:port, such as 127.0.0.1:4222", listen)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: the port is not a number from 0 to 65535", listen)
	}
	// The server itself would only log that the port is taken, and wait.
	probe, err := net.Listen("tcp", listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen for clients of the bus: %w", err)
	}
	if err := probe.Close(); err != nil {
		return "", 0, err
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(port), nil
}

// untilReady waits for the server, which says only in its log why it does not start.
func untilReady(ctx context.Context, s *server.Server, said *serverLog) error {
	for end := time.Now().Add(startTimeout); !s.ReadyForConnections(100 * time.Millisecond); {
		if fault := said.fatal.Load(); fault != nil {
			return fmt.Errorf("start the embedded server: %s", *fault)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(end) {
			return fmt.Errorf("the embedded server is not ready after %s", startTimeout)
		}
	}
	return nil
}

// stop ends the server, waits for its files and frees the folder.
func (e *embedded) stop() error {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	return e.lock.Close()
}

// serverLog passes the server's words on at debug, for what matters in them comes back as errors of our own calls; and it keeps
// why the server did not start.
type serverLog struct {
	log   *slog.Logger
	fatal atomic.Pointer[string]
}

func (l *serverLog) say(format string, v []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("embedded server", "said", fmt.Sprintf(format, v...))
	}
}

func (l *serverLog) Noticef(format string, v ...any) { l.say(format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.say(format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.say(format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.say(format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.say(format, v) }

// Fatalf is called by a server that gives up; it does not end the process.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.say(format, v)
	text := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &text)
}

// where names the bus for errors, without credentials.
func where(o Options) string {
	if o.Dir != "" {
		return o.Dir
	}
	var all []string
	for text := range strings.SplitSeq(o.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil {
			return "the configured URL"
		}
		u.User = nil
		all = append(all, u.String())
	}
	return strings.Join(all, ",")
}
