package jetstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/pipeline/stream"
)

// progressStream keeps the last progress of each source, one message a subject.
const progressStream = "SLUICE_PROGRESS"

// Progress is how far a source has been published on a stream: all of its first Bytes bytes were acknowledged.
type Progress struct {
	Source  string    `json:"source"`            // absolute path
	Stream  string    `json:"stream"`            // on which it was published
	Created time.Time `json:"created"`           // that stream's identity: another one has none of it
	Seq     uint64    `json:"seq"`               // highest sequence acknowledged: a stream that ends below it has lost some of it
	Bytes   int64     `json:"bytes"`             // acknowledged, from the source's beginning
	SHA256  string    `json:"sha256"`            // hex, of those bytes: a source that begins otherwise is another
	Entries int64     `json:"entries"`           // in those bytes
	Refused int64     `json:"refused,omitempty"` // of those, left out because no message holds them
	Cuts    []int64   `json:"cuts,omitempty"`    // offsets behind Bytes where a message ended because the source did
}

// ProgressStore keeps Progress on the bus. All methods may be called from several goroutines at once; of two publishers of one
// source at a time the last one's word stays.
type ProgressStore struct {
	bus  *Bus
	pubs *Publisher
}

// Progress opens the store and creates its stream, with replicas copies, when it is absent. Like Load and Save it waits for a
// restart of the server, for 60 s at most.
func (b *Bus) Progress(ctx context.Context, replicas int) (*ProgressStore, error) {
	handle, err := b.open(ctx, progressStream, func(ctx context.Context) (jetstream.Stream, error) {
		return b.js.CreateStream(ctx, jetstream.StreamConfig{
			Name:              progressStream,
			Subjects:          []string{"sluice.progress.>"},
			MaxMsgsPerSubject: 1,
			Storage:           jetstream.FileStorage,
			Discard:           jetstream.DiscardOld,
			Replicas:          max(replicas, 1),
		})
	})
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", progressStream, withRemedy(err, b.options))
	}
	s := &Stream{bus: b, name: progressStream, handle: handle}
	return &ProgressStore{b, s.Publisher()}, nil
}

// Load gives the progress of a source on a stream; false when there is none. It is read from the leader.
func (p *ProgressStore) Load(ctx context.Context, streamName, source string) (Progress, bool, error) {
	m, err := p.bus.get(ctx, patience, progressStream, map[string]string{"last_by_subj": progressSubject(streamName, source)})
	if errors.Is(err, stream.ErrNotFound) {
		return Progress{}, false, nil
	}
	if err != nil {
		return Progress{}, false, fmt.Errorf("load progress of %s: %w", source, err)
	}
	var at Progress
	if err := json.Unmarshal(m.Data, &at); err != nil {
		return Progress{}, false, fmt.Errorf("load progress of %s: %w", source, err)
	}
	return at, true, nil
}

// Save stores the progress of at.Source on at.Stream in place of the one before; it is acknowledged on return.
func (p *ProgressStore) Save(ctx context.Context, at Progress) error {
	b, err := json.Marshal(at)
	if err != nil {
		return fmt.Errorf("save progress of %s: %w", at.Source, err)
	}
	if _, err := p.pubs.Publish(ctx, progressSubject(at.Stream, at.Source), "", b); err != nil {
		return fmt.Errorf("save progress of %s: %w", at.Source, err)
	}
	return nil
}

func progressSubject(streamName, source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sluice.progress." + escape(streamName) + "." + hex.EncodeToString(sum[:])
}
