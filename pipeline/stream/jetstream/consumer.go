package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream"
)

// recover makes a consumer anew after the last message given out, once it is sure that the stream is still the same one.
func (r *reader) recover(ctx context.Context) error {
	r.stream.bus.log.Debug("reader begins anew", "stream", r.stream.name, "seq", r.next, "cause", r.lost)
	r.dismiss()
	r.modest, r.calm = min(r.modest+1, mostModest), 0
	pause := time.NewTimer(0)
	defer pause.Stop()
	wait := 50 * time.Millisecond
	for end := time.Now().Add(patience); ; {
		select {
		case <-pause.C:
		case <-r.closed:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		err := r.attempt(ctx)
		if err == nil || !away(err) || errors.Is(err, stream.ErrChanged) || time.Now().After(end) {
			return err
		}
		pause.Reset(wait)
		wait = min(2*wait, 2*time.Second)
	}
}

func (r *reader) attempt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := r.compare(ctx); err != nil {
		return err
	}
	return r.open(ctx)
}

// compare asks whether the stream is still the one that was being read: its identity, and the last message given out.
func (r *reader) compare(ctx context.Context) error {
	info, err := r.stream.Info(ctx)
	if err != nil {
		return err
	}
	if !info.Created.Equal(r.created) {
		return stream.ErrChanged
	}
	if !r.given {
		return nil
	}
	if info.Last < r.next-1 {
		return stream.ErrChanged
	}
	m, err := r.stream.Get(ctx, r.next-1)
	switch {
	case errors.Is(err, stream.ErrNotFound):
		return nil // retention or an operator took it since
	case err != nil:
		return err
	case !m.Stored.Equal(r.stored):
		return stream.ErrChanged
	}
	return nil
}

// open makes the consumer on the server, with an inbox of its own so that nothing of an earlier one is taken for its.
func (r *reader) open(ctx context.Context) error {
	bus := r.stream.bus
	var consumer jetstream.Consumer
	err := bus.ask(ctx, requestTimeout, func(ctx context.Context) (err error) {
		r.connection, _ = bus.connection()
		// A consumer whose making was not answered is one that the server forgets again.
		consumer, err = bus.js.CreateConsumer(ctx, r.stream.name, jetstream.ConsumerConfig{
			DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
			OptStartSeq:       r.next,
			AckPolicy:         jetstream.AckNonePolicy,
			MaxDeliver:        1,
			MemoryStorage:     true,
			Replicas:          1,
			InactiveThreshold: forgetConsumer,
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	arrived := make(chan *nats.Msg, pullMessages+100) // room for all that was asked for, and for what the server says
	sub, err := bus.conn.ChanSubscribe(bus.conn.NewInbox(), arrived)
	if err != nil {
		return fmt.Errorf("subscribe to deliveries: %w", err)
	}
	r.consumer, r.sub, r.arrived = consumer, sub, arrived
	r.delivery, r.asked, r.lost, r.opened = 0, demand{}, nil, time.Now()
	return nil
}

// dismiss lets go of the consumer: the server forgets it by itself, and now if it hears us.
func (r *reader) dismiss() {
	if r.sub == nil {
		return
	}
	bus := r.stream.bus
	// Both fail only when the connection is gone, and then there is nothing to let go of.
	_ = r.sub.Unsubscribe()
	_ = bus.conn.Publish("$JS.API.CONSUMER.DELETE."+r.stream.name+"."+r.consumer.CachedInfo().Name, nil)
	r.sub = nil
}

// Close frees the reader and its consumer.
func (r *reader) Close() error {
	r.closing.Do(func() {
		close(r.closed)
		r.reading.Lock()
		defer r.reading.Unlock()
		r.spent = errClosed
		r.timer.Stop()
		r.dismiss()
	})
	return nil
}

// pullRequest is the body of CONSUMER.MSG.NEXT.
type pullRequest struct {
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes"`
	Expires   time.Duration `json:"expires"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

// most is what may be on its way at once: less after each loss, since a server cuts off who does not take what it asked for in
// time, and more again after a calm while. Where a message was too large for it, the largest there may be fits from then on.
func (r *reader) most() demand {
	bytes := pullBytes >> r.modest
	if r.wide {
		bytes = max(bytes, int(r.stream.bus.conn.MaxPayload())+64<<10)
	}
	return demand{pullMessages >> r.modest, bytes}
}

// pull asks for more as soon as half of what was asked for has come, so that the server never waits for us.
func (r *reader) pull() error {
	conn := r.stream.bus.conn
	most := r.most()
	if r.asked.messages > most.messages/2 && r.asked.bytes > most.bytes/2 {
		return nil
	}
	more := demand{most.messages - max(r.asked.messages, 0), most.bytes - max(r.asked.bytes, 0)}
	request, err := json.Marshal(pullRequest{more.messages, more.bytes, pullExpires, pullHeartbeat})
	if err != nil {
		return err
	}
	next := "$JS.API.CONSUMER.MSG.NEXT." + r.stream.name + "." + r.consumer.CachedInfo().Name
	if err := conn.PublishRequest(next, r.sub.Subject, request); err != nil {
		return err
	}
	r.asked = most
	return nil
}

// heed does what the server says instead of delivering: that it is there, that a pull has ended, or that the consumer has.
func (r *reader) heed(h nats.Header) {
	status, said := h.Get("Status"), h.Get("Description")
	switch {
	case status == "100":
	case status == "404", status == "408", status == "409" && (said == "Message Size Exceeds MaxBytes" || said == "Batch Completed"):
		r.asked.messages = max(0, r.asked.messages-number(h.Get("Nats-Pending-Messages")))
		r.asked.bytes = max(0, r.asked.bytes-number(h.Get("Nats-Pending-Bytes")))
		r.wide = r.wide || said == "Message Size Exceeds MaxBytes"
	default:
		r.lost = fmt.Errorf("the server says %s %s", status, said)
	}
}

// number reads a count; what is none counts nothing, and a pull that then seems open is noticed by silence.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// delivered is what the reply subject of a delivery tells.
type delivered struct {
	seq      uint64
	delivery uint64
	stored   time.Time
}

// parseAck reads $JS.ACK.<stream>.<consumer>.<times>.<seq>.<delivery>.<nanoseconds>.<pending>, or the longer form, which has a
// domain and an account before the stream (ADR-15).
func parseAck(subject string) (delivered, bool) {
	const short, long = 9, 11
	skip := 5
	switch n := strings.Count(subject, ".") + 1; {
	case n >= long:
		skip += 2
	case n != short:
		return delivered{}, false
	}
	for range skip {
		_, subject, _ = strings.Cut(subject, ".")
	}
	var numbers [3]uint64
	for i := range numbers {
		var token string
		token, subject, _ = strings.Cut(subject, ".")
		n, err := strconv.ParseUint(token, 10, 64)
		if err != nil {
			return delivered{}, false
		}
		numbers[i] = n
	}
	return delivered{numbers[0], numbers[1], time.Unix(0, int64(numbers[2])).UTC()}, true
}
