package pipelinetest

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

const duplicatesWindow = 20

// repeating makes every route leave out what repeats one of so many sequences before.
func (w *World) repeating() {
	w.Decide = func(route string, b []byte) (pipeline.Decision, error) {
		d, err := decide(route, b)
		if !d.Unreadable {
			d.Window = duplicatesWindow
		}
		return d, err
	}
}

// putRepeats publishes n messages of one to three entries, each new, or a repetition of one of the last 40.
func (w *World) putRepeats(n int) {
	for range n {
		var payload []byte
		first := len(w.sent)
		for range 1 + w.Rand.IntN(3) {
			line, value := "", w.Rand.IntN(10)
			if len(w.sent) > 0 && w.Rand.IntN(3) == 0 {
				old := w.sent[max(0, len(w.sent)-1-w.Rand.IntN(40))]
				line, value = old.line, old.n
			} else {
				line = fmt.Sprintf(`{"logName":"projects/p%d/logs/app","timestamp":"2026-03-01T00:00:00Z","insertId":"e%d","jsonPayload":{"n":%d}}`, value%2, len(w.sent), value)
			}
			payload = append(append(payload, line...), '\n')
			w.sent = append(w.sent, sent{line: line, n: value})
		}
		time.Sleep(time.Millisecond)
		seq := w.Stream.Append(payload)
		for i := first; i < len(w.sent); i++ {
			w.sent[i].seq = seq
		}
	}
}

// forgetRepeats takes the duplicates out of what the model wants: a line that stands within the window before, whatever else there is.
// All routes have one rule from beginning to end, and lines that it does not keep are wanted by nobody.
func (w *World) forgetRepeats() (repeated uint64) {
	last := make(map[string]uint64)
	var kept []sent
	for _, s := range w.sent {
		seq, seen := last[s.line]
		last[s.line] = s.seq
		if seen && seq+duplicatesWindow >= s.seq {
			repeated++
		} else {
			kept = append(kept, s)
		}
	}
	w.sent = kept
	return repeated
}

// TestDuplicates crashes at every other durable operation while a third of the entries repeat others: those within the window are left out
// and counted, by a redo as by the first life.
func TestDuplicates(t *testing.T) {
	for i, crashed := 1, true; crashed; i += 2 {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, 6, NewMemoryPlaces())
			w.repeating()
			for _, r := range w.Routes {
				r.Rule = 0
			}
			w.putRepeats(25)
			crashed = w.oneLife(NewGate(i, i%4 == 1))
			w.putRepeats(25)
			w.finish() // its model knows of no duplicates
			repeated := w.forgetRepeats()
			led, err := w.OpenLedger()
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range w.delivered(led) {
				t.Errorf("crash at %d: %s", i, wrong)
			}
			for _, r := range w.Routes {
				account, err := ledger.Audit(context.Background(), led, pipeline.LaneName(r.Name, "LOGS"))
				if err != nil || account.Tally.Counts.Duplicates != repeated || repeated < 10 {
					t.Errorf("crash at %d: %s counts %d of %d duplicates (%v)", i, r.Name, account.Tally.Counts.Duplicates, repeated, err)
				}
			}
		})
	}
}

// delivered compares what stands at the destinations with the lines that were sent, each once.
func (w *World) delivered(ledger.Ledger) (wrong []string) {
	for _, r := range w.Routes {
		want := make(map[string]int)
		for _, s := range w.sent {
			want[s.line]++
		}
		for _, lines := range w.Places.Contents(w.T, r.Name, false) {
			for _, line := range lines {
				want[line]--
			}
		}
		for line, n := range want {
			if n != 0 {
				wrong = append(wrong, fmt.Sprintf("%s: %d times missing: %s", r.Name, n, line))
			}
		}
	}
	return wrong
}

// TestDuplicatesOfWhatIsGone redoes a plan after retention took what its duplicates repeat: it is the same plan.
func TestDuplicatesOfWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.repeating()
		w.Routes = w.Routes[:1]
		w.Routes[0].Rule, w.Routes[0].Batch.Entries = 0, 100
		w.Routes[0].Batch.Bytes, w.Routes[0].Batch.Age = 1<<20, time.Second
		w.putRepeats(30)
		w.oneLife(NewGate(0, false))
		for _, s := range w.sent[len(w.sent)-10:] { // all of them again
			w.sent = append(w.sent, sent{seq: w.Stream.Append([]byte(s.line)), line: s.line, n: s.n})
		}
		w.putRepeats(1)
		w.Routes[0].Place = "old"
		w.Block("old", true)
		life := w.Live(NewGate(0, false))
		time.Sleep(20 * time.Second)
		life.Crash()
		w.Trim(31)
		w.Block("old", false)
		life = w.Live(NewGate(0, false))
		life.Await(w.Patience)
		time.Sleep(time.Minute)
		if s := stateOf(life, "r0"); s.State != pipeline.Running {
			t.Errorf("r0 is %s: %s", s.State, s.Message)
		}
		life.Drain()
		w.forgetRepeats()
		for _, wrong := range w.delivered(w.memory) {
			t.Error(wrong)
		}
	})
}
