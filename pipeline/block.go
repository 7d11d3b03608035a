package pipeline

import (
	"crypto/sha256"
	"encoding/hex"

	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
)

// A block is at most this many messages and about this many bytes, and at least one message.
const (
	blockMessages = 512
	blockBytes    = 512 << 10
)

// block is a run of messages of a stream, decided once for all lanes aboard its reader.
type block struct {
	stream    string
	first     uint64 // where the reader stood; sequences from here to the first message are missing from the stream
	msgs      []*message
	bytes     int          // of the messages' data
	missing   []ledger.Gap // between first and the last message
	strangers *strangers   // where entries of unknown resources are counted; nil: this block was counted already
	entries   []uint64     // entries[i]: entries in msgs[0..i], filled in by decide
}

// gather makes a block of the messages at the head of buf, from position first up to and including sequence last, and returns
// how many it took: at least one if the head of buf lies in that range.
func gather(streamName string, first, last uint64, buf []stream.Message) (*block, int) {
	b := &block{stream: streamName, first: first}
	n, next := 0, first
	for n < len(buf) && n < blockMessages && buf[n].Seq <= last {
		if n > 0 && b.bytes+len(buf[n].Data) > blockBytes {
			break
		}
		if buf[n].Seq > next {
			b.missing = append(b.missing, ledger.Gap{From: next, To: buf[n].Seq - 1})
		}
		b.bytes += len(buf[n].Data)
		next = buf[n].Seq + 1
		b.msgs = append(b.msgs, &message{Message: buf[n]})
		n++
	}
	return b, n
}

// runs cuts the block's messages into at most n runs of about equal size in bytes, of least bytes or more each where there are
// several, and returns where each ends.
func (b *block) runs(n, least int) []int {
	n = min(n, b.bytes/least)
	ends := make([]int, 0, max(n, 1))
	size := 0
	for i := 0; i < len(b.msgs) && len(ends) < n-1; i++ {
		if size += len(b.msgs[i].Data); size >= b.bytes/n*(len(ends)+1) {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] < len(b.msgs) {
		ends = append(ends, len(b.msgs))
	}
	return ends
}

// last is the sequence of the block's last message.
func (b *block) last() uint64 { return b.msgs[len(b.msgs)-1].Seq }

// examined counts the entries of the messages from to to, both included.
func (b *block) examined(from, to int) uint64 {
	n := b.entries[to]
	if from > 0 {
		n -= b.entries[from-1]
	}
	return n
}

// anchorOf ties a cursor to its message.
func anchorOf(m *stream.Message) ledger.Anchor {
	sum := sha256.Sum256(m.Data)
	return ledger.Anchor{Seq: m.Seq, Stored: m.Stored.UnixNano(), Sum: hex.EncodeToString(sum[:8])}
}
