package pipeline

import (
	"context"
	"sync/atomic"

	"sluice/pipeline/stream"
)

// refBytes is what a reference costs beside the message that it points into.
const refBytes = 64

// message is a message that lanes share. It counts against the memory bound once, at full size, however many lanes pin it.
type message struct {
	stream.Message
	pins atomic.Int32
}

// memory bounds the pending bytes over all lanes.
type memory struct {
	limit int64
	used  atomic.Int64
	freed chan struct{} // something was given back; capacity 1
}

// aside is the share of the memory that is not for pending entries: what readers have read ahead, and what is being encoded.
const aside = 2

func newMemory(limit int64) *memory {
	return &memory{limit: limit - limit/aside, freed: make(chan struct{}, 1)}
}

// pin keeps m's bytes for one more batch.
func (b *memory) pin(m *message) {
	if m.pins.Add(1) == 1 {
		b.used.Add(int64(len(m.Data)))
	}
}

// unpin gives m's bytes back; the last one counts.
func (b *memory) unpin(m *message) {
	if m.pins.Add(-1) == 0 {
		b.give(int64(len(m.Data)))
	}
}

func (b *memory) take(n int64) { b.used.Add(n) }

func (b *memory) give(n int64) {
	b.used.Add(-n)
	select {
	case b.freed <- struct{}{}:
	default:
	}
}

func (b *memory) over() bool { return b.used.Load() > b.limit }

// tight says that batches should not grow above their limits any more.
func (b *memory) tight() bool { return b.used.Load() > b.limit/4*3 }

// await returns when something was given back, or when ctx ends.
func (b *memory) await(ctx context.Context) {
	select {
	case <-b.freed:
	case <-ctx.Done():
	}
}
