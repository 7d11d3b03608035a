package pipelinetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

// pickyPlaces are memory places, one of whose routes refuses certain entries until it is mended: some by Plan, some by Write.
type pickyPlaces struct {
	oddPlaces
	mended *atomic.Bool
	lost   *atomic.Bool // the dead letters cannot be found
}

func newPickyPlaces() pickyPlaces {
	p := pickyPlaces{mended: new(atomic.Bool), lost: new(atomic.Bool)}
	p.oddPlaces = oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0"}
	p.refuse = func(ref driver.Ref) bool { return !p.mended.Load() && names(ref, "e3", "e13", "e23") }
	p.write = func(u *driver.Unit) error {
		e := &driver.Error{Code: driver.Rejected}
		for _, ref := range u.Refs {
			if !p.mended.Load() && names(ref, "e5", "e15", "e25", "e35") {
				e.Rejects = append(e.Rejects, driver.Reject{Seq: ref.Seq, Index: ref.Index, Reason: "no such row"})
			}
		}
		if len(e.Rejects) > 0 {
			return e
		}
		return nil
	}
	return p
}

func (p pickyPlaces) Open(route, place string) (sink, dead driver.Driver, err error) {
	sink, dead, err = p.oddPlaces.Open(route, place)
	return sink, losableDriver{dead, p.lost}, err
}

type losableDriver struct {
	driver.Driver
	lost *atomic.Bool
}

func (d losableDriver) ReadDead(ctx context.Context, name string) (io.ReadCloser, error) {
	if d.lost.Load() {
		return nil, &driver.Error{Code: driver.Unavailable, Err: fs.ErrNotExist}
	}
	return d.Driver.(driver.DeadReader).ReadDead(ctx, name)
}

func names(ref driver.Ref, ids ...string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(string(ref.Raw), `"`+id+`"`) })
}

// pickyWorld is a world whose first route keeps every entry and has had those refused that its destination does not take.
func pickyWorld(t *testing.T) (*World, pickyPlaces) {
	p := newPickyPlaces()
	w := NewWorld(t, 1, p)
	w.Routes[0].Rule = 0
	for range 40 {
		w.put(7)
	}
	life := w.Live(NewGate(0, false))
	life.Await(w.Patience)
	life.Drain()
	if b := w.balance(t); b.DeadLetters != 7 || b.Delivered != 33 || !b.Balanced {
		t.Fatalf("before the replay: %+v", b)
	}
	w.checkEnvelopes(t)
	return w, p
}

// checkEnvelopes: each refused entry stands in the dead letters with its reason, its position and its very bytes.
func (w *World) checkEnvelopes(t *testing.T) {
	t.Helper()
	found := 0
	for _, lines := range w.Places.Contents(t, "r0", true) {
		for _, line := range lines {
			var e pipeline.Envelope
			if err := json.Unmarshal([]byte(line), &e); err != nil || e.Raw == nil {
				t.Fatalf("not an envelope: %s (%v)", line, err)
			}
			m, err := w.Stream.Get(context.Background(), e.Seq)
			want := pipeline.Envelope{Route: "r0", Stream: "LOGS", Epoch: 1, Seq: e.Seq, Stored: m.Stored.UTC(), Reason: "rejected", Detail: e.Detail, Size: len(m.Data), Raw: e.Raw}
			if diff := cmp.Diff(want, e); diff != "" || err != nil || *e.Raw != string(m.Data) || e.Detail != "no such row" && e.Detail != "no such type" {
				t.Errorf("sequence %d: %v\n%s\n%s", e.Seq, err, line, diff)
			}
			found++
		}
	}
	if found != 7 {
		t.Errorf("%d dead letters", found)
	}
}

func (w *World) balance(t *testing.T) ledger.RouteBalance {
	t.Helper()
	b, err := ledger.TakeBalance(context.Background(), w.memory, "r0")
	if err != nil || len(b.Broken) > 0 {
		t.Fatal(err, b.Broken)
	}
	return b.Routes[0]
}

// replay replays the route in a life of its own, and gives what was reported last.
func (w *World) replay(t *testing.T) (last pipeline.SideStatus, err error) {
	t.Helper()
	life := w.Live(NewGate(0, false))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	err = life.Router.Replay(ctx, "r0", "the table has the column now", func(s pipeline.SideStatus) { last = s })
	life.Drain()
	return last, err
}

// TestReplay delivers what was refused, once, after the destination was mended and the stream has lost all of it; a second replay
// has nothing to do.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := pickyWorld(t)
		p.mended.Store(true)
		w.Trim(41)
		s, err := w.replay(t)
		if err != nil || !s.Done || s.Delivered != 7 || s.Refused != 0 || s.Lane != "r0/LOGS/r1" {
			t.Fatalf("%+v, %v", s, err)
		}
		if s, err := w.replay(t); err != nil || s.Lane != "" {
			t.Errorf("a second replay: %+v, %v", s, err)
		}
		check(t, 1, w.finish())
		if b := w.balance(t); b.DeadLetters != 0 || b.Delivered != 40 || b.Replayed != 7 || b.Examined != 40 || !b.Balanced {
			t.Errorf("after the replay: %+v", b)
		}
	})
}

// TestReplayRefusedAgain: what the destination still refuses stays dead and is counted so; a later replay takes it up again, with
// what has died since.
func TestReplayRefusedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := pickyWorld(t)
		s, err := w.replay(t)
		if err != nil || !s.Done || s.Delivered != 0 || s.Refused != 7 {
			t.Fatalf("%+v, %v", s, err)
		}
		if b := w.balance(t); b.DeadLetters != 7 || b.Delivered != 33 || !b.Balanced {
			t.Errorf("refused again: %+v", b)
		}
		line := `{"logName":"projects/p0/logs/app","insertId":"e5","jsonPayload":{"n":7,"again":true}}`
		w.sent = append(w.sent, sent{line: line, n: 7, seq: w.Stream.Append([]byte(line))})
		life := w.Live(NewGate(0, false))
		life.Await(w.Patience)
		life.Drain()
		p.mended.Store(true)
		if s, err := w.replay(t); err != nil || s.Delivered != 8 || s.Lane != "r0/LOGS/r2" {
			t.Errorf("%+v, %v", s, err)
		}
		check(t, 1, w.finish())
		if b := w.balance(t); b.DeadLetters != 0 || b.Delivered != 41 || b.Replayed != 8 || !b.Balanced {
			t.Errorf("after the second replay: %+v", b)
		}
	})
}

// TestReplayFromTheStream: dead letters that cannot be read are made again from the stream while it holds their entries; later
// the replay halts, and goes on when the dead letters are back.
func TestReplayFromTheStream(t *testing.T) {
	for name, held := range map[string]bool{"held": true, "gone": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, p := pickyWorld(t)
				p.mended.Store(true)
				p.lost.Store(true)
				if !held {
					w.Trim(41)
				}
				s, err := w.replay(t)
				if (err == nil) != held || s.Done != held {
					t.Fatalf("%+v, %v", s, err)
				}
				if !held {
					if s.State != pipeline.Halted {
						t.Errorf("%+v", s)
					}
					p.lost.Store(false)
					if s, err := w.replay(t); err != nil || s.Lane != "" && (s.Lane != "r0/LOGS/r1" || s.Delivered != 7) { // the start may have finished it
						t.Errorf("with the dead letters back: %+v, %v", s, err)
					}
				}
				check(t, 1, w.finish())
			})
		})
	}
}

// TestReplayCrashesAtEveryStep crashes a replay at its i-th durable operation, for every i, before and after it took effect. The
// next life finishes it without being asked.
func TestReplayCrashesAtEveryStep(t *testing.T) {
	for _, after := range []bool{false, true} {
		for i, crashed := 1, true; crashed; i += crashStep {
			synctest.Test(t, func(t *testing.T) {
				w, p := pickyWorld(t)
				w.Routes[0].Batch.Bytes = 300 // several plans
				p.mended.Store(true)
				w.Trim(41)
				life := w.Live(NewGate(i, after))
				replayed := make(chan error, 1)
				go func() {
					replayed <- life.Router.Replay(context.Background(), "r0", "", func(pipeline.SideStatus) {})
				}()
				select {
				case <-life.Gate.dead:
					<-replayed
					<-life.done
					life.release()
				case err := <-replayed:
					if err != nil {
						t.Fatal(err)
					}
					crashed = life.Drain()
				}
				begun := false
				if r, rev, err := w.memory.Last(context.Background(), "r0/LOGS/r1"); err != nil {
					t.Fatal(err)
				} else if begun = rev > 0; begun && r.Kind != ledger.KindClosed {
					life := w.Live(NewGate(0, false))
					time.Sleep(time.Minute)
					life.Drain()
				}
				if b := w.balance(t); begun && b.Replayed != 7 {
					t.Errorf("operation %d: the next life has not finished the replay: %+v", i, b)
				}
				if s, err := w.replay(t); err != nil || begun && s.Lane != "" {
					t.Errorf("operation %d: one more replay: %+v, %v", i, s, err)
				}
				check(t, uint64(i), w.finish())
				if b := w.balance(t); b.Delivered != 40 || b.Replayed != 7 || !b.Balanced {
					t.Errorf("operation %d: %+v", i, b)
				}
			})
		}
	}
}

// TestReplayOfTwoEpochs: entries keep the epoch under which they were refused, which is part of their identity. What a replay counts
// is no sequence of the stream.
func TestReplayOfTwoEpochs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := pickyWorld(t)
		w.Recreate()
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		for _, id := range []string{"e5", "e13"} {
			line := fmt.Sprintf(`{"logName":"projects/p0/logs/app","insertId":%q,"jsonPayload":{"n":7,"epoch":2}}`, id)
			w.sent = append(w.sent, sent{line: line, n: 7, seq: w.Stream.Append([]byte(line))})
		}
		life.Await(w.Patience)
		life.Drain()
		p.mended.Store(true)
		if s, err := w.replay(t); err != nil || s.Delivered != 9 {
			t.Fatalf("%+v, %v", s, err)
		}
		epochs := make(map[string]int)
		for name, lines := range w.Places.Contents(t, "r0", false) {
			if strings.Contains(name, "-r1.") {
				_, name, _ = strings.Cut(name, "SLOGS-")
				epochs[name[:2]] += len(lines)
			}
		}
		if diff := cmp.Diff(map[string]int{"e1": 7, "e2": 2}, epochs); diff != "" {
			t.Error(diff)
		}
		check(t, 1, w.finish())
	})
}

// TestReplayCountsForItself: a replay of one packed message counts beyond the stream's sequences, and revisions are not shifted by it.
func TestReplayCountsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPickyPlaces()
		w := NewWorld(t, 1, p)
		w.Routes[0].Rule = 0
		var pack []string
		for _, id := range []string{"e3", "e13", "e23", "e5", "e15", "e25", "e35"} {
			line := fmt.Sprintf(`{"logName":"projects/p0/logs/app","insertId":%q,"jsonPayload":{"n":7}}`, id)
			pack = append(pack, line)
			w.sent = append(w.sent, sent{line: line, n: 7, seq: 1})
		}
		w.Stream.Append([]byte(strings.Join(pack, "\n")))
		life := w.Live(NewGate(0, false))
		life.Await(w.Patience)
		life.Drain()
		p.mended.Store(true)
		if s, err := w.replay(t); err != nil || s.Delivered != 7 {
			t.Fatalf("%+v, %v", s, err)
		}
		w.Routes[0].Rule = 1
		life = w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		life.Drain()
		if from := w.lastRevision(t); from != 2 {
			t.Errorf("the revision is in force from sequence %d", from)
		}
		check(t, 1, w.finish())
	})
}

// lastRevision is where the last recorded revision begins.
func (w *World) lastRevision(t *testing.T) (from uint64) {
	t.Helper()
	err := w.memory.Scan(context.Background(), "_stream/LOGS", 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Config != nil {
			from = r.Config.From
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// TestReplayOfTwoWriters: two processes replay at once and are each other's zombies.
func TestReplayOfTwoWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := pickyWorld(t)
		p.mended.Store(true)
		errs := make(chan error, 2)
		lives := []*Life{w.Live(NewGate(0, false)), w.Live(NewGate(0, false))}
		for _, life := range lives {
			go func() {
				errs <- life.Router.Replay(context.Background(), "r0", "", func(pipeline.SideStatus) {})
			}()
		}
		for range lives {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		for _, life := range lives {
			life.Drain()
		}
		check(t, 1, w.finish())
	})
}

// TestReplayNeedsARoute says clearly what cannot be replayed.
func TestReplayNeedsARoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		life := w.Live(NewGate(0, false))
		for route, want := range map[string]string{"nobody": "no route", pipeline.Unreadable: "publish it again"} {
			err := life.Router.Replay(context.Background(), route, "", nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", route, err)
			}
		}
		if err := life.Router.Act(context.Background(), "r0", ledger.Act{Who: "ana", What: pipeline.ActPause}); err != nil {
			t.Fatal(err)
		}
		if err := life.Router.Replay(context.Background(), "r0", "", nil); err == nil || !strings.Contains(err.Error(), "paused by ana") {
			t.Errorf("a route that a person holds: %v", err)
		}
		life.Drain()
	})
}

// TestTheBudgetHalts: a destination that refuses more than a few of a batch refuses the schema: nothing becomes a dead letter.
func TestTheBudgetHalts(t *testing.T) {
	for name, c := range map[string]struct {
		entries, refused int
		byWrite, halts   bool
	}{
		"few of few by Write":   {20, 9, true, false},
		"ten of few by Write":   {20, 10, true, true},
		"few of few by Plan":    {20, 9, false, false},
		"ten of few by Plan":    {20, 10, false, true},
		"5 % by Write":          {1000, 50, true, false},
		"over 5 % by Write":     {1000, 51, true, true},
		"over 5 % by Plan":      {1000, 51, false, true},
		"1,000 of many by Plan": {30000, 1000, false, false},
		"1,001 by Write":        {30000, 1001, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad := func(ref driver.Ref) bool { return strings.Contains(string(ref.Raw), `"n":1`) }
				p := oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0"}
				if c.byWrite {
					p.write = func(u *driver.Unit) error {
						e := &driver.Error{Code: driver.Rejected, Err: errors.New("rows")}
						for _, ref := range u.Refs {
							if bad(ref) {
								e.Rejects = append(e.Rejects, driver.Reject{Seq: ref.Seq, Index: ref.Index, Reason: "row"})
							}
						}
						if len(e.Rejects) == 0 {
							return nil
						}
						return e
					}
				} else {
					p.refuse = bad
				}
				w := NewWorld(t, 1, p)
				w.Routes = w.Routes[:1]
				w.Routes[0].Rule, w.Routes[0].Batch.Entries, w.Routes[0].Batch.Bytes, w.Routes[0].Batch.Age = 0, 1<<20, 1<<30, time.Minute
				for i := range c.entries {
					n := 7
					if i < c.refused {
						n = 1
					}
					w.put(n)
				}
				life := w.Live(NewGate(0, false))
				time.Sleep(5 * time.Minute)
				s := stateOf(life, "r0")
				life.Drain()
				b := w.balance(t)
				if c.halts && (s.State != pipeline.Halted || b.DeadLetters != 0 || b.Delivered != 0 || !strings.Contains(s.Message, "refuses")) {
					t.Errorf("r0 is %s (%s) with %+v", s.State, s.Message, b)
				}
				if !c.halts && (s.State != pipeline.Running || b.DeadLetters != uint64(c.refused) || b.Delivered != uint64(c.entries-c.refused)) {
					t.Errorf("r0 is %s (%s) with %+v", s.State, s.Message, b)
				}
			})
		})
	}
}
