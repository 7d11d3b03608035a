package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"
	"time"
)

// backoff spaces the tries of a lane whose destination or stream does not answer: 0.5 s doubling to 30 s, with jitter.
type backoff struct{ next time.Duration }

const (
	backoffFirst = 500 * time.Millisecond
	backoffMost  = 30 * time.Second
)

func newBackoff() *backoff { return &backoff{next: backoffFirst} }

func (b *backoff) reset() { b.next = backoffFirst }

// pause waits, less when woken; false when ctx ended or stop was closed.
func (b *backoff) pause(ctx context.Context, stop, wake <-chan struct{}) bool {
	d := b.next/2 + mathrand.N(b.next/2)
	b.next = min(2*b.next, backoffMost)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-wake:
		return true
	case <-stop:
	case <-ctx.Done():
	}
	return false
}

func randomNonce() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
