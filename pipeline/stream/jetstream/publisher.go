package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How a publisher sends.
const (
	maxInFlight = 1024
	ackTimeout  = 5 * time.Second
)

// Publisher puts messages on one stream. All methods may be called from several goroutines at once.
type Publisher struct {
	stream   *Stream
	patience time.Duration
}

// Ack is the server's word that a message is stored.
type Ack struct {
	Seq       uint64
	Duplicate bool // somebody else stored a message with this id before, within the stream's duplicate window, under Seq
}

// Publisher makes a publisher.
func (s *Stream) Publisher() *Publisher { return &Publisher{s, patience} }

// MaxPayload is the size of the largest message that the server takes, in bytes.
func (p *Publisher) MaxPayload() int { return int(p.stream.bus.conn.MaxPayload()) }

// Publish stores data under subject and returns when the leader has acknowledged it. id is the Nats-Msg-Id: within the stream's
// duplicate window a message with an id that was seen is not stored again; empty means none. While the server is away, full or
// electing, it tries again for 60 s; without an id a retry may then store the message twice.
func (p *Publisher) Publish(ctx context.Context, subject, id string, data []byte) (Ack, error) {
	return p.Start(subject, id, data).Wait(ctx)
}

// Pending is a message on its way.
type Pending struct {
	publisher *Publisher
	message   *nats.Msg
	options   []jetstream.PublishOpt
	future    jetstream.PubAckFuture
	began     time.Time
	sent      int   // times
	err       error // of the sending
}

// Start sends a message and does not wait for its acknowledgement, unless 1,024 messages are already on their way. data must
// stay unchanged until Wait has returned.
func (p *Publisher) Start(subject, id string, data []byte) *Pending {
	options := []jetstream.PublishOpt{jetstream.WithExpectStream(p.stream.name)}
	if id != "" {
		options = append(options, jetstream.WithMsgID(id))
	}
	m := &Pending{publisher: p, message: &nats.Msg{Subject: subject, Data: data}, options: options, began: time.Now()}
	m.send()
	return m
}

func (m *Pending) send() {
	m.sent++
	m.message.Reply = ""
	m.future, m.err = m.publisher.stream.bus.js.PublishMsgAsync(m.message, m.options...)
}

// Wait returns when the message is stored, sending it again for 60 s at most. When ctx ended it, it may be called again. One
// goroutine at a time.
func (m *Pending) Wait(ctx context.Context) (Ack, error) {
	var end time.Time // of the patience, from the first refusal on
	// The first time at once: after a restart, all that was on its way comes back refused.
	for wait := time.Duration(0); ; wait = min(2*wait+50*time.Millisecond, 500*time.Millisecond) {
		ack, err := m.outcome(ctx)
		if err != nil {
			if denied := m.publisher.stream.bus.denied.since(m.began, m.message.Subject); denied != nil {
				return Ack{}, m.fail(denied)
			}
		}
		switch {
		case err == nil:
			return ack, nil
		case ctx.Err() != nil:
			return Ack{}, ctx.Err()
		case !retryable(err):
			return Ack{}, m.fail(err)
		case end.IsZero():
			end = time.Now().Add(m.publisher.patience)
		case time.Now().After(end):
			return Ack{}, m.fail(fmt.Errorf("gave up after %s: %w (is the server up?)", m.publisher.patience, err))
		}
		select {
		case <-ctx.Done():
			return Ack{}, ctx.Err()
		case <-time.After(wait):
		}
		m.send()
	}
}

func (m *Pending) outcome(ctx context.Context) (Ack, error) {
	if m.err != nil {
		return Ack{}, m.err
	}
	select {
	case ack := <-m.future.Ok():
		// Of a message that was sent twice, the first one is what the server then has already.
		return Ack{Seq: ack.Sequence, Duplicate: ack.Duplicate && m.sent == 1}, nil
	case m.err = <-m.future.Err():
		return Ack{}, m.err
	case <-ctx.Done():
		return Ack{}, ctx.Err()
	}
}

func (m *Pending) fail(err error) error {
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		err = fmt.Errorf("%w (does stream %s take this subject?)", err, m.publisher.stream.name)
	}
	return fmt.Errorf("publish %d bytes on %s: %w", len(m.message.Data), m.message.Subject, err)
}

// retryable says whether the server may take the message later: it is restarting, electing, full or out of reach.
func retryable(err error) bool {
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) || errors.Is(err, nats.ErrConnectionClosed) {
		return false
	}
	return away(err)
}
