package jetstream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream"
)

var _ stream.Stream = (*Stream)(nil)

// Stream is one stream of the bus.
type Stream struct {
	bus      *Bus
	name     string
	handle   jetstream.Stream
	warnings []string
}

// Name is the stream's name.
func (s *Stream) Name() string { return s.name }

// Warnings lists, for people, where the stream as it stood when it was opened differs from what was asked for or is not fit for
// its purpose, each with what to do about it.
func (s *Stream) Warnings() []string { return s.warnings }

// Replicas is the number of the stream's copies when it was opened.
func (s *Stream) Replicas() int { return max(s.handle.CachedInfo().Config.Replicas, 1) }

// Takes says whether the stream stored what is published on a subject, as it was configured when it was opened.
func (s *Stream) Takes(subject string) bool {
	return slices.ContainsFunc(s.handle.CachedInfo().Config.Subjects, func(filter string) bool { return server.SubjectMatchesFilter(subject, filter) })
}

// Info asks the leader. Without a deadline of its own it waits 10 s at most.
func (s *Stream) Info(ctx context.Context) (stream.Info, error) {
	var i *jetstream.StreamInfo
	err := s.bus.ask(ctx, requestTimeout, func(ctx context.Context) (err error) {
		i, err = s.handle.Info(ctx)
		return err
	})
	if err != nil {
		return stream.Info{}, fmt.Errorf("info of stream %s: %w", s.name, err)
	}
	info := stream.Info{
		Name: s.name, Created: i.Created, First: i.State.FirstSeq, Last: i.State.LastSeq,
		Messages: i.State.Msgs, Bytes: i.State.Bytes,
	}
	if info.Messages == 0 {
		info.First = info.Last + 1
	}
	return info, nil
}

// Get reads one message by STREAM.MSG.GET, which only the leader answers: a direct get may come from a replica that lags.
func (s *Stream) Get(ctx context.Context, seq uint64) (stream.Message, error) {
	m, err := s.bus.get(ctx, requestTimeout, s.name, map[string]uint64{"seq": seq})
	if err != nil {
		return stream.Message{}, fmt.Errorf("get message %d of stream %s: %w", seq, s.name, err)
	}
	return m, nil
}

// storedMessage is the answer to STREAM.MSG.GET.
type storedMessage struct {
	Message struct {
		Seq  uint64    `json:"seq"`
		Data []byte    `json:"data"`
		Time time.Time `json:"time"`
	} `json:"message"`
	Error *jetstream.APIError `json:"error"`
}

func (b *Bus) get(ctx context.Context, limit time.Duration, name string, query any) (m stream.Message, err error) {
	request, err := json.Marshal(query)
	if err != nil {
		return m, err
	}
	err = b.ask(ctx, limit, func(ctx context.Context) (err error) {
		m, err = b.getOnce(ctx, name, request)
		return err
	})
	return m, err
}

func (b *Bus) getOnce(ctx context.Context, name string, request []byte) (stream.Message, error) {
	reply, err := b.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+name, request)
	if err != nil {
		return stream.Message{}, err
	}
	var stored storedMessage
	if err := json.Unmarshal(reply.Data, &stored); err != nil {
		return stream.Message{}, fmt.Errorf("decode the server's answer: %w", err)
	}
	switch {
	case stored.Error == nil:
		return stream.Message{Seq: stored.Message.Seq, Stored: stored.Message.Time.UTC(), Data: stored.Message.Data}, nil
	case stored.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return stream.Message{}, stream.ErrNotFound
	}
	return stream.Message{}, stored.Error
}
