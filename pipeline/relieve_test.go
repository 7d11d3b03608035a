package pipeline

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"sluice/configs"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
)

// TestGiveUpTooLate: the write may have ended between the moment in which the lane was found to hang and the giving up.
func TestGiveUpTooLate(t *testing.T) {
	l := &lane{wake: make(chan struct{}, 1), reader: &reader{}}
	l.giveUp()
	if l.reader == nil {
		t.Error("a lane whose destination has answered got off its reader")
	}
}

// standing is a lane aboard a reader, as far as taking blocks goes.
func standing(first uint64, batch configs.Batch) (*lane, *reader) {
	router := &Router{memory: newMemory(3 << 20)}
	route := &Route{Name: "r", Batch: batch}
	r := &reader{}
	return &lane{
		router: router, route: route, log: slog.New(slog.DiscardHandler), wake: make(chan struct{}, 1), reader: r,
		pending: newBatch(router.memory, first, revision{hash: "h"}, route),
	}, r
}

// keyed is a block of messages with one kept entry each, and a key for each.
func keyed(first uint64, keys ...string) (*block, []verdict) {
	b := &block{first: first}
	var verdicts []verdict
	for i, key := range keys {
		m := &message{Message: stream.Message{Seq: first + uint64(i), Data: []byte("{}")}}
		b.msgs, b.entries = append(b.msgs, m), append(b.entries, uint64(i+1))
		verdicts = append(verdicts, verdict{msg: int32(i), excluded: -1, raw: m.Data, key: []byte(key)})
	}
	return b, verdicts
}

// TestShed: what was gathered while a plan is being written is dropped when memory is short, with no trace but where it began.
func TestShed(t *testing.T) {
	l, r := standing(7, configs.Batch{Bytes: 1 << 20, Entries: 1000})
	blk, verdicts := keyed(7, "a", "b", "a")
	if !l.take(r, blk, verdicts) || l.pending.next != 10 {
		t.Fatalf("the lane stands at %d", l.pending.next)
	}
	now := time.Now()
	l.writing, l.answered = now.Add(-noAnswer/2), now
	if l.sheddable(now) != 0 {
		t.Error("a lane that has just begun to write would drop what it gathers")
	}
	l.writing = now.Add(-noAnswer)
	if l.sheddable(now) == 0 {
		t.Fatal("a lane that writes for long keeps what it gathers")
	}
	l.relieve = func(error) {}
	if l.unanswered(now) != 0 {
		t.Error("a plan is given up though its units are being taken")
	}
	if l.unanswered(now.Add(noAnswer)) == 0 || l.unanswered(now.Add(slowAnswer)) == 0 {
		t.Error("a plan is not given up though nothing is taken")
	}
	l.shed()
	if l.pending.next != 7 || l.pending.entries != 0 || l.pending.revision.hash != "h" || l.reader != nil {
		t.Errorf("the lane stands at %d with %d entries, aboard %v", l.pending.next, l.pending.entries, l.reader)
	}
	if used := l.router.memory.used.Load(); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

// TestGrowthWithinMemory: a batch grows above its limits only while memory is not short.
func TestGrowthWithinMemory(t *testing.T) {
	l, r := standing(1, configs.Batch{Bytes: 1 << 20, Entries: 3})
	l.writing = time.Now()
	blk, verdicts := keyed(1, "a", "a", "a", "a")
	if !l.take(r, blk, verdicts) || l.pending.entries != 4 {
		t.Fatalf("the lane took %d entries and got off though there is memory", l.pending.entries)
	}
	l.router.memory.take(l.router.memory.limit)
	blk, verdicts = keyed(5, "a", "a")
	if l.take(r, blk, verdicts) || l.reader != nil {
		t.Errorf("the lane holds %d entries and is still aboard though memory is short", l.pending.entries)
	}
}

// TestPlanStaysSmall: a batch is cut before the names of its units make its record large; no message is torn or left out.
func TestPlanStaysSmall(t *testing.T) {
	l, r := standing(1, configs.Batch{Bytes: 1 << 30, Entries: 1 << 30})
	var cuts []*batch
	next := uint64(1)
	for n := range 40 { // 40,000 keys of 260 bytes
		var keys []string
		for i := range 1000 {
			keys = append(keys, fmt.Sprintf("%0260d", n*1000+i))
		}
		blk, verdicts := keyed(next, keys...)
		if !l.take(r, blk, verdicts) {
			t.Fatal("the lane got off")
		}
		next = blk.last() + 1
		if l.cut != nil {
			cuts, l.cut = append(cuts, l.cut), nil
		}
	}
	var covered []ledger.Gap
	first := uint64(1)
	for _, b := range append(cuts, l.pending) {
		if b.plan > maxPlan || b.first != first || len(b.groups) != int(b.next-b.first) {
			t.Errorf("a batch of %d keys covers %d to %d and takes %d bytes in a record", len(b.groups), b.first, b.next-1, b.plan)
		}
		covered, first = append(covered, ledger.Gap{From: b.first, To: b.next - 1}), b.next
	}
	if len(cuts) < 4 || len(cuts) > 6 || first != 40_001 {
		t.Errorf("the batches are %v", covered)
	}
}
