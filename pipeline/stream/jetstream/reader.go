package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream"
)

// How a reader pulls.
const (
	pullMessages   = 5000
	pullBytes      = 4 << 20 // until the server says that a message is larger: then the largest there may be
	nextBytes      = 1 << 20 // what Next gives at once, but at least one message
	pullExpires    = 30 * time.Second
	pullHeartbeat  = 2 * time.Second
	silence        = 2*pullHeartbeat + time.Second // after it the consumer is taken for lost
	forgetConsumer = 5 * time.Minute               // the server drops the consumer of a reader that does not read
	mostModest     = 5                             // halvings of what may be on its way
	calmMessages   = 100_000                       // without a loss, for one halving less
	patience       = 60 * time.Second              // with a server that is away
)

var errClosed = errors.New("reader is closed")

// reader is an ordered consumer: a short-lived consumer of the server that numbers its deliveries, which is thrown away and made
// anew after the last message given out whenever a number is missing, the connection was lost or the server is silent. Each
// time the reader looks first whether the stream is still the one that it had been reading.
type reader struct {
	stream  *Stream
	created time.Time // the stream's
	next    uint64    // lowest sequence not given out
	given   bool      // whether any was: then
	stored  time.Time // when the one below next was stored

	consumer   jetstream.Consumer
	sub        *nats.Subscription
	arrived    chan *nats.Msg
	delivery   uint64 // number of the consumer's last delivery
	connection int    // on which the consumer was made
	opened     time.Time
	asked      demand // what the server was asked for and has not sent
	wide       bool   // a message was larger than an ordinary pull
	modest     int    // how often what may be on its way is halved
	calm       int    // messages since the last loss
	lost       error  // why the consumer is of no use any more

	batch    []stream.Message
	gathered int // bytes in batch
	timer    *time.Timer
	spent    error
	closing  sync.Once
	closed   chan struct{}
	reading  sync.Mutex // held by Next, so that Close takes the consumer from nobody
}

// demand is an amount of messages.
type demand struct{ messages, bytes int }

// Read opens a reader. It holds a consumer on the server and at most about 5,000 messages or 16 MiB that were not asked for yet.
func (s *Stream) Read(ctx context.Context, from uint64) (stream.Reader, error) {
	info, err := s.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("read stream %s from %d: %w", s.name, from, err)
	}
	r := &reader{stream: s, created: info.Created, next: max(from, 1), timer: time.NewTimer(silence), closed: make(chan struct{})}
	if err := r.open(ctx); err != nil {
		return nil, fmt.Errorf("read stream %s from %d: %w", s.name, from, err)
	}
	return r, nil
}

// Next gives what has arrived, at most max. It rides out a server that is away for a minute.
func (r *reader) Next(ctx context.Context, max int) ([]stream.Message, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	if r.spent == nil {
		messages, err := r.gather(ctx, max)
		if err == nil {
			return messages, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.spent = err
	}
	return nil, fmt.Errorf("read stream %s at %d: %w", r.stream.name, r.next, r.spent)
}

func (r *reader) gather(ctx context.Context, max int) ([]stream.Message, error) {
	r.batch, r.gathered = r.batch[:0], 0
	for len(r.batch) == 0 {
		connection, reconnected := r.stream.bus.connection()
		if connection != r.connection {
			r.lost = errors.New("the connection was made anew")
		}
		if r.lost != nil {
			if err := r.recover(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.pull(); err != nil {
			r.lost = err
			continue
		}
		r.timer.Reset(silence)
		select {
		case m := <-r.arrived:
			r.take(m)
		case <-reconnected:
		case <-r.timer.C:
			if err := r.stream.bus.denied.since(r.opened, "$JS.API.CONSUMER.MSG.NEXT."+r.stream.name+"."); err != nil {
				return nil, err
			}
			r.lost = errors.New("the server is silent")
		case <-r.closed:
			return nil, errClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		r.drain(max)
	}
	return r.batch, nil
}

// drain takes what else has arrived.
func (r *reader) drain(max int) {
	for len(r.batch) < max && r.gathered < nextBytes && r.lost == nil {
		select {
		case m := <-r.arrived:
			r.take(m)
		default:
			return
		}
	}
}

// take puts a message into the batch, or does what the server says.
func (r *reader) take(m *nats.Msg) {
	if m.Reply == "" {
		r.heed(m.Header)
		return
	}
	at, ok := parseAck(m.Reply)
	if !ok || at.delivery != r.delivery+1 {
		r.lost = errors.New("a delivery is missing")
		return
	}
	r.delivery = at.delivery
	r.asked.messages--
	r.asked.bytes -= m.Size()
	if at.seq < r.next {
		// Opened beyond the end of the stream: older servers then begin at its end. Later it means that the stream stepped back.
		if r.given {
			r.lost = errors.New("a sequence came again")
		}
		return
	}
	if r.calm++; r.calm > calmMessages {
		r.modest, r.calm = max(r.modest-1, 0), 0
	}
	r.given, r.stored, r.next = true, at.stored, at.seq+1
	r.batch = append(r.batch, stream.Message{Seq: at.seq, Stored: at.stored, Data: m.Data})
	r.gathered += len(m.Data)
}
