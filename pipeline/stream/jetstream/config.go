package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamConfig describes a stream. Zero fields take their defaults when it is created, and are not compared when it exists.
type StreamConfig struct {
	Name     string
	Subjects []string      // default logs.>
	MaxAge   time.Duration // default: 7 days embedded, else unlimited
	MaxBytes int64         // default: half of the free disk embedded, else unlimited
	Replicas int           // default 1

	MustExist bool // an absent stream is an error instead
}

// How a stream is made.
const (
	embeddedMaxAge  = 7 * 24 * time.Hour
	duplicateWindow = 2 * time.Minute
)

// Stream opens a stream and creates it when it is absent: file storage, limits retention, discarding the oldest, a duplicate
// window of 2 minutes, direct gets allowed. A stream that exists is never altered: where it differs from c, the result's
// Warnings say so. An error names what another stream already has of it, such as overlapping subjects. A restart of the server is
// waited for, for 60 s at most.
func (b *Bus) Stream(ctx context.Context, c StreamConfig) (*Stream, error) {
	var handle jetstream.Stream
	err := b.ask(ctx, patience, func(ctx context.Context) (err error) {
		handle, err = b.js.Stream(ctx, c.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && !c.MustExist {
			handle, err = b.create(ctx, c)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", c.Name, err)
	}
	return &Stream{bus: b, name: c.Name, handle: handle, warnings: differences(c, handle.CachedInfo().Config)}, nil
}

func (b *Bus) create(ctx context.Context, c StreamConfig) (jetstream.Stream, error) {
	full := jetstream.StreamConfig{
		Name:        c.Name,
		Subjects:    c.Subjects,
		MaxAge:      c.MaxAge,
		MaxBytes:    c.MaxBytes,
		Replicas:    max(c.Replicas, 1),
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Duplicates:  duplicateWindow,
		AllowDirect: true,
	}
	if len(full.Subjects) == 0 {
		full.Subjects = []string{"logs.>"}
	}
	if full.MaxAge > 0 {
		full.Duplicates = min(full.Duplicates, full.MaxAge)
	}
	if b.dir != "" {
		if err := embeddedLimits(&full, b.dir); err != nil {
			return nil, err
		}
	}
	handle, err := b.js.CreateStream(ctx, full)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was first
		return b.js.Stream(ctx, c.Name)
	}
	return handle, err
}

func embeddedLimits(c *jetstream.StreamConfig, dir string) error {
	if c.MaxAge == 0 {
		c.MaxAge = embeddedMaxAge
	}
	if c.MaxBytes == 0 {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			return fmt.Errorf("free disk of %s: %w", dir, err)
		}
		c.MaxBytes = max(int64(fs.Bavail)*int64(fs.Bsize)/2, 64<<20)
	}
	return nil
}

// differences says where a stream is not as asked for, or not fit for delivery exactly once.
func differences(c StreamConfig, have jetstream.StreamConfig) []string {
	var all []string
	differ := func(what string, want, have any) {
		all = append(all, fmt.Sprintf("stream %s has %s %v where %v is configured; it was left as it is", c.Name, what, have, want))
	}
	if len(c.Subjects) > 0 && !equalSubjects(c.Subjects, have.Subjects) {
		differ("subjects", c.Subjects, have.Subjects)
	}
	if c.MaxAge != 0 && c.MaxAge != have.MaxAge {
		differ("maxAge", c.MaxAge, have.MaxAge)
	}
	if c.MaxBytes != 0 && c.MaxBytes != have.MaxBytes {
		differ("maxBytes", c.MaxBytes, have.MaxBytes)
	}
	if c.Replicas != 0 && c.Replicas != have.Replicas {
		differ("replicas", c.Replicas, have.Replicas)
	}
	if have.Retention != jetstream.LimitsPolicy {
		differ("retention", jetstream.LimitsPolicy, have.Retention)
	}
	if have.Storage != jetstream.FileStorage {
		differ("storage", jetstream.FileStorage, have.Storage)
	}
	return all
}

func equalSubjects(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
