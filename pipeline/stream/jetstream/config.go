package jetstream

import (
	"context"
	"errors"
	"fmt"
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

	MaxEntry  int  // bytes of the largest entry that publishers may send; default 1 MiB. Only for warnings
	MustExist bool // an absent stream is an error instead
}

// How a stream is made.
const (
	embeddedMaxAge  = 7 * 24 * time.Hour
	duplicateWindow = 2 * time.Minute
)

// Stream opens a stream and creates it when it is absent: file storage, limits retention, discarding the oldest, a duplicate
// window of 2 minutes, direct gets allowed. A stream that exists is never altered: where it differs from c, or is a risk, the
// result's Warnings say so. One whose settings break the promise of the pipeline is an error: messages leave it before they were
// read, or it is not what was published. An error also names what another stream already has of it, such as overlapping subjects.
// A restart of the server is waited for, for 60 s at most.
func (b *Bus) Stream(ctx context.Context, c StreamConfig) (*Stream, error) {
	var create func(context.Context) (jetstream.Stream, error)
	if !c.MustExist {
		create = func(ctx context.Context) (jetstream.Stream, error) { return b.create(ctx, c) }
	}
	handle, err := b.open(ctx, c.Name, create)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", c.Name, withRemedy(err, b.options))
	}
	s := survey{wanted: c, have: handle.CachedInfo().Config, server: b.facts(handle.CachedInfo())}
	if err := s.unfit(); err != nil {
		return nil, fmt.Errorf("open stream %s: %w", c.Name, err)
	}
	return &Stream{bus: b, name: c.Name, handle: handle, warnings: append(s.differences(), s.risks()...)}, nil
}

// open asks for a stream and lets create make it when it is absent; create may be nil.
func (b *Bus) open(ctx context.Context, name string, create func(context.Context) (jetstream.Stream, error)) (handle jetstream.Stream, err error) {
	err = b.ask(ctx, patience, func(ctx context.Context) error {
		handle, err = b.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && create != nil {
			handle, err = create(ctx)
		}
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was first
			handle, err = b.js.Stream(ctx, name)
		}
		return err
	})
	return handle, err
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
	return b.js.CreateStream(ctx, full)
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
