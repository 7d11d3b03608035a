package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"sluice/logentry"
	"sluice/pipeline/ledger"
)

// fingerprint stands for what tells a repeated entry: its logName's parent, its timestamp as an instant, and its insertId.
type fingerprint [16]byte

// fingerprintOf gives the entry's; ok is false where it has no insertId or timestamp of its own: it is never a duplicate.
func fingerprintOf(e *logentry.Entry) (print fingerprint, ok bool) {
	id, at := e.Get(logentry.PathInsertID), e.Get(logentry.PathTimestamp)
	if id.Kind != logentry.String || id.Derived || len(id.Text) == 0 || at.Kind != logentry.String || at.Derived {
		return print, false
	}
	instant, err := time.Parse(time.RFC3339Nano, string(at.AppendText(nil)))
	if err != nil {
		return print, false
	}
	text := append(logentry.ParentOf(e.Get(logentry.PathLogName).AppendText(nil)), 0)
	text = binary.BigEndian.AppendUint64(text, uint64(instant.Unix()))
	text = binary.BigEndian.AppendUint32(text, uint32(instant.Nanosecond()))
	sum := sha256.Sum256(id.AppendText(text))
	return fingerprint(sum[:16]), true
}

// hindsight is what a lane remembers of the sequences before next: of the entries there that the revision keeps, duplicates included.
type hindsight struct {
	hash  string // of the revision
	size  uint64
	next  uint64
	last  map[fingerprint]uint64 // where each was seen last
	queue []sighting             // in stream order, from head on
	head  int
}

type sighting struct {
	seq   uint64
	print fingerprint
}

func newHindsight(rev revision, next uint64) *hindsight {
	return &hindsight{hash: rev.hash, size: rev.decision.Window, next: next, last: make(map[fingerprint]uint64)}
}

// sift marks those of the verdicts on the messages up to the last-th that repeat an entry of the window, and moves it on.
func (w *hindsight) sift(blk *block, last int, verdicts []verdict) {
	for i := range verdicts {
		v := &verdicts[i]
		if !v.kept() || !v.printed {
			continue
		}
		seq := blk.msgs[v.msg].Seq
		w.forgetBefore(seq)
		_, v.duplicate = w.last[v.print]
		w.last[v.print] = seq
		w.queue = append(w.queue, sighting{seq, v.print})
	}
	w.next = blk.msgs[last].Seq + 1
}

// forgetBefore lets go of what lies further back than the window reaches from seq.
func (w *hindsight) forgetBefore(seq uint64) {
	for ; w.head < len(w.queue) && w.queue[w.head].seq+w.size < seq; w.head++ {
		if s := w.queue[w.head]; w.last[s.print] == s.seq {
			delete(w.last, s.print)
		}
	}
	if w.head > len(w.queue)/2 && w.head > 1024 {
		w.queue = append(w.queue[:0:0], w.queue[w.head:]...)
		w.head = 0
	}
}

// windowFits says whether the lane knows what lies before the sequence that it needs next. l.mu is held.
func (l *lane) windowFits() bool {
	d := l.pending.revision.decision
	return d == nil || d.Window == 0 || l.window != nil && l.window.hash == l.pending.revision.hash && l.window.next == l.pending.next
}

// lookBack reads the sequences before the lane's next one, unless it knows them: what a duplicate is depends on the stream and the
// revision alone, not on what the lane has lived through.
func (l *lane) lookBack(ctx context.Context) error {
	l.mu.Lock()
	fits, rev, next := l.windowFits(), l.pending.revision, l.pending.next
	l.mu.Unlock()
	if fits {
		return nil
	}
	w, err := l.readWindow(ctx, rev, next)
	if err != nil {
		return fmt.Errorf("look back for duplicates: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window = w
	return nil
}

func (l *lane) readWindow(ctx context.Context, rev revision, next uint64) (*hindsight, error) {
	first := uint64(1)
	if next > rev.decision.Window {
		first = next - rev.decision.Window
	}
	w := newHindsight(rev, next)
	if first >= next {
		return w, nil
	}
	asked := *rev.decision
	asked.Redact = nil // only what is kept is asked
	c := newCourt([]question{{decision: &asked, key: noKey}}, asked.Limits, nil)
	src, err := l.readers.stream.Read(ctx, first)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	for at := first; at < next; {
		buf, err := nextWithin(ctx, src, min(blockMessages, next-at), silence)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			if err := l.provenEnd(ctx, at, ledger.Anchor{Seq: next - 1}); err != nil {
				return nil, err
			}
			break // it is gone: what stood there repeats nothing any more
		}
		if err != nil {
			return nil, err
		}
		for len(buf) > 0 && buf[0].Seq < next {
			blk, n := gather(l.readers.stream.Name(), at, next-1, buf)
			w.sift(blk, len(blk.msgs)-1, c.decide(blk, everybody)[0])
			at, buf = blk.last()+1, buf[n:]
		}
		if len(buf) > 0 {
			break
		}
	}
	w.next = next
	return w, nil
}

// repeats marks the verdicts that a recorded plan holds for duplicates: a redo does not ask the stream again, which may have lost
// what they repeat.
func repeats(rev revision, recorded []ledger.Repeat, blk *block, verdicts []verdict) {
	if rev.decision.Window == 0 {
		return
	}
	for i := range verdicts {
		v := &verdicts[i]
		at := blk.msgs[v.msg].Seq
		for len(recorded) > 0 && recorded[0].EndsBefore(at, v.index) {
			recorded = recorded[1:]
		}
		v.duplicate = v.kept() && len(recorded) > 0 && recorded[0].Holds(at, v.index)
	}
}

// everythingUpTo are the duplicates of a plan that is widened down to first: what was kept begins where it began.
func everythingUpTo(first, last uint64) ledger.Repeat {
	return ledger.Repeat{From: first, To: last, ToIndex: math.MaxInt32}
}

// candidate notes a candidate that repeats another or not, so that a plan names runs of duplicates by where they begin and end.
func (b *batch) candidate(seq uint64, v *verdict) (duplicate bool) {
	switch {
	case v.duplicate && b.repeating:
		run := &b.repeats[len(b.repeats)-1]
		run.To, run.ToIndex = seq, v.index
	case v.duplicate:
		b.repeats = append(b.repeats, ledger.Repeat{From: seq, FromIndex: v.index, To: seq, ToIndex: v.index})
	}
	if b.repeating = v.duplicate; v.duplicate {
		b.duplicates++
	}
	return v.duplicate
}
