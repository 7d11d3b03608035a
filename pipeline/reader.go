package pipeline

import (
	"context"
	"fmt"
	"time"

	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
)

// reader is one position in a stream, with the lanes aboard that stand there. Its goroutine reads, decides each block once and
// hands it to the lanes aboard.
type reader struct {
	rs *readers

	// Guarded by rs.mu.
	pos        uint64 // the next sequence it will hand out
	aboard     []*lane
	processing bool      // a block is being decided: pos is about to move
	idle       time.Time // since when nobody is aboard; zero = somebody is, or is about to be
	heldBy     *reader   // a reader close behind, for whom this one waits
	ended      bool
	placed     time.Time     // when it was put where it had not been reading,
	fresh      bool          // and it has not read there yet
	stopped    time.Time     // since when it waits for lanes at stoppedAt
	stoppedAt  uint64        //
	counted    bool          // this stop is in spent
	spent      time.Duration // how long it has waited for lanes since it was placed
	stop       context.CancelFunc

	// Its goroutine's own.
	src    stream.Reader
	srcPos uint64 // where src stands
	buf    []stream.Message
	bufPos uint64 // the stream holds nothing between here and buf's first message
	panel  *panel
}

// order is what the readers tell one of them to do next.
type order struct {
	end    bool
	aboard []*lane
	last   uint64 // the block may go up to here
}

func (r *reader) run(ctx context.Context) {
	defer r.rs.retire(r)
	defer r.closeSource()
	wait := newBackoff()
	for ctx.Err() == nil {
		o := r.rs.enter(ctx, r)
		if o.end {
			return
		}
		err := r.step(ctx, o)
		r.rs.leave(r)
		if err == nil {
			wait.reset()
			continue
		}
		if r.rs.router.failFor(err) || ctx.Err() != nil {
			return
		}
		r.closeSource()
		r.rs.log.Warn("reading the stream", "error", err)
		wait.pause(ctx, r.rs.router.draining, nil)
	}
}

// step reads what is next and takes one block of it to the lanes aboard.
func (r *reader) step(ctx context.Context, o order) error {
	if err := r.fill(ctx); err != nil {
		return err
	}
	// Not within begin and leave: the lanes that would give memory back may wait for a change, and a change waits for leave.
	if err := r.rs.router.relieve(ctx); err != nil {
		return err
	}
	// Lanes may have boarded or changed over meanwhile.
	o = r.rs.begin(r)
	if len(o.aboard) == 0 {
		return nil
	}
	if r.buf[0].Seq > r.pos {
		lost, err := r.rs.lost(ctx, r.pos, r.buf[0].Seq)
		if err != nil {
			return err
		}
		if lost > 0 {
			r.passLoss(o.aboard, lost)
			return nil
		}
	}
	blk, n := gather(r.rs.stream.Name(), r.pos, o.last, r.buf)
	if n == 0 {
		for _, l := range o.aboard {
			l.takeGap(r, o.last)
		}
		r.rs.advance(r, o.last+1)
		return nil
	}
	r.deliver(blk, o.aboard)
	r.advancePast(blk, n)
	return nil
}

// fill makes sure that buf begins at or after pos, waiting for a message if there is none.
func (r *reader) fill(ctx context.Context) error {
	if r.pos < r.bufPos {
		r.buf = nil // it went back: what lies between was never in buf
	}
	for len(r.buf) > 0 && r.buf[0].Seq < r.pos {
		r.bufPos = r.buf[0].Seq + 1
		r.buf = r.buf[1:]
	}
	if len(r.buf) > 0 {
		return nil
	}
	if r.src == nil || r.srcPos != r.pos {
		r.closeSource()
		if err := r.check(ctx); err != nil {
			return err
		}
		src, err := r.rs.stream.Read(ctx, r.pos)
		if err != nil {
			return fmt.Errorf("read from sequence %d: %w", r.pos, err)
		}
		r.src = src
	}
	msgs, err := r.src.Next(ctx, blockMessages)
	if err != nil {
		return fmt.Errorf("read after sequence %d: %w", r.pos-1, err)
	}
	if msgs[0].Seq < r.pos {
		return fmt.Errorf("the stream gave sequence %d where %d was due", msgs[0].Seq, r.pos)
	}
	r.buf, r.bufPos = append(r.buf[:0:0], msgs...), r.pos
	r.srcPos = msgs[len(msgs)-1].Seq + 1
	return nil
}

// deliver decides the block and hands each lane its verdicts.
func (r *reader) deliver(blk *block, aboard []*lane) {
	version := r.rs.versionNow()
	if r.panel == nil || r.panel.version != version || !r.panel.holds(blk.first) || !r.panel.serves(aboard) {
		r.panel = r.rs.newPanel(blk.first, version)
	}
	blk.strangers = r.rs.newTo(blk)
	r.panel.decide(blk, aboard)
	for _, l := range aboard {
		if l.meet(r, r.panel.revisions[l.ordinal], r.panel.routes[l.ordinal]) {
			l.take(r, blk, r.panel.verdicts(l.ordinal))
		}
	}
}

// advancePast moves the reader behind the block. When every lane got off, it stays where the hindmost stopped, so that they can
// board again without reading anew.
func (r *reader) advancePast(blk *block, n int) {
	to := r.rs.stand(r, blk)
	if to == blk.last()+1 {
		r.buf, r.bufPos = r.buf[n:], to
	}
	r.rs.handOut(&blk.msgs[len(blk.msgs)-1].Message)
	r.rs.advance(r, to)
}

func (r *reader) passLoss(aboard []*lane, to uint64) {
	for _, l := range aboard {
		l.stopAt(r, &barrier{loss: &ledger.Loss{From: r.pos, To: to, Count: to - r.pos + 1, Reason: "retention"}})
	}
	r.rs.advance(r, to+1)
}

func (r *reader) closeSource() {
	if r.src != nil {
		_ = r.src.Close() // nothing durable depends on it
		r.src = nil
	}
	r.buf = nil
}

// lost tells up to which sequence the stream has lost what lies between pos and the message at next: 0 when it only misses
// interior messages there.
func (rs *readers) lost(ctx context.Context, pos, next uint64) (uint64, error) {
	info, err := rs.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the stream's first sequence: %w", err)
	}
	if info.First <= pos {
		return 0, nil
	}
	return min(info.First, next) - 1, nil
}

// check compares the stream with what is believed of it, before the reader opens.
func (r *reader) check(ctx context.Context) error {
	info, err := r.rs.ask(ctx)
	if err != nil {
		return err
	}
	if err := r.rs.compare(ctx, info); err != nil {
		return err
	}
	if info.First > r.pos {
		r.rs.trimmed(r, info.First-1)
	}
	return nil
}

// newTo gives where a block's unknown resources are counted: nowhere when its messages were handed out before.
func (rs *readers) newTo(blk *block) *strangers {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.seen != nil && blk.first <= rs.seen.Seq {
		return nil
	}
	return &rs.strangers
}

// handOut remembers the furthest message that lanes were given.
func (rs *readers) handOut(m *stream.Message) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.seen == nil || rs.seen.Seq < m.Seq {
		rs.seen = m
	}
}

func (rs *readers) versionNow() int {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.version
}
