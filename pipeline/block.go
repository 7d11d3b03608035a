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
	blockBytes    = 1 << 20
)

// block is a run of messages of a stream, decided once for all lanes aboard its reader.
type block struct {
	stream  string
	first   uint64 // where the reader stood; sequences from here to the first message are missing from the stream
	msgs    []*message
	missing []ledger.Gap // between first and the last message
	entries []uint64     // entries[i]: entries in msgs[0..i], filled in by decide
}

// gather makes a block of the messages at the head of buf, from position first up to and including sequence last, and returns
// how many it took: at least one if the head of buf lies in that range.
func gather(streamName string, first, last uint64, buf []stream.Message) (*block, int) {
	b := &block{stream: streamName, first: first}
	bytes, n := 0, 0
	next := first
	for n < len(buf) && n < blockMessages && buf[n].Seq <= last {
		if n > 0 && bytes+len(buf[n].Data) > blockBytes {
			break
		}
		if buf[n].Seq > next {
			b.missing = append(b.missing, ledger.Gap{From: next, To: buf[n].Seq - 1})
		}
		bytes += len(buf[n].Data)
		next = buf[n].Seq + 1
		b.msgs = append(b.msgs, &message{Message: buf[n]})
		n++
	}
	return b, n
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
