package pipelinetest

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
	"sluice/redact"
	"sluice/sinks/driver"
)

var shownParts = regexp.MustCompile(`,"timestamp":"[^"]*"|,"jsonPayload":\{"n":(\d)\}`)

// redacting makes every route of the world drop timestamps, by which objects are named, and hash the number that the rules ask for.
func (w *World) redacting(t *testing.T, key func() (redact.Key, error)) {
	t.Helper()
	rules := []redact.Rule{{Fields: []string{"timestamp"}, With: redact.Drop}, {Fields: []string{"json_payload.*"}, With: redact.Hash}}
	w.Decide = func(route string, b []byte) (d pipeline.Decision, err error) {
		if d, err = decide(route, b); err == nil && !d.Unreadable {
			d.Redact, err = redact.New(rules, key)
		}
		return d, err
	}
	hashed := make(map[string]string)
	alone, err := redact.New([]redact.Rule{{Fields: []string{"n"}, With: redact.Hash}}, goodKey)
	if err == nil {
		err = alone.Ready()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range strings.Split("0123456789", "") {
		out, _ := alone.Redact(nil, []byte(`{"n":`+n+`}`))
		hashed[n] = `,"jsonPayload":` + string(out)
	}
	w.Shown = func(route, line string) string {
		if route == pipeline.Unreadable {
			return line
		}
		return shownParts.ReplaceAllStringFunc(line, func(part string) string { return hashed[shownParts.FindStringSubmatch(part)[1]] })
	}
}

func goodKey() (redact.Key, error) { return redact.NewKey("0123456789abcdef") }

// TestRedactedCrashes crashes at every durable operation: what is redone has the digests of the plan and the bytes that stand
// already, and no destination ever sees more than it may. Filters see it.
func TestRedactedCrashes(t *testing.T) {
	for i, crashed := 1, true; crashed; i += crashStep {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, 5, NewMemoryPlaces())
			w.redacting(t, goodKey)
			w.Publish(12)
			crashed = w.oneLife(NewGate(i, i%2 == 0))
			check(t, 5, w.finish())
			for _, r := range w.Routes {
				for object := range w.Places.Contents(t, r.Name, false) {
					if strings.Contains(object, "/2026/") { // the timestamps' year; the world's clock begins in 2000
						t.Fatalf("%s: the object's name gives the timestamp away: %s", r.Name, object)
					}
				}
			}
		})
	}
}

// TestDigestsOfRedacted are those of the same plans without redaction: they are over the bytes of the bus.
func TestDigestsOfRedacted(t *testing.T) {
	digests := make(map[bool][]string)
	for _, redacted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, 1, NewMemoryPlaces())
			if redacted {
				w.redacting(t, goodKey)
				w.Shown = nil
			}
			w.Routes[0].Rule = 0
			for range 20 { // without timestamps, which name the objects
				w.Stream.Append([]byte(`{"logName":"projects/p/logs/app","jsonPayload":{"n":7}}`))
			}
			w.oneLife(NewGate(0, false))
			err := w.memory.Scan(context.Background(), "r0/LOGS", 0, func(_ ledger.Rev, r ledger.Record) error {
				for _, p := range r.Open {
					for _, u := range p.Units {
						digests[redacted] = append(digests[redacted], u.Digest)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	if diff := cmp.Diff(digests[false], digests[true]); diff != "" || len(digests[true]) == 0 {
		t.Errorf("%d digests: %s", len(digests[true]), diff)
	}
}

// TestKeyIsGone: a plan is open under a revision without redaction, and the next revision's key is not there at the restart: the
// lane finishes the plan, halts and says why, and goes on once there is a key.
func TestKeyIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.Routes = w.Routes[:1]
		w.Routes[0].Rule, w.Routes[0].Place = 0, "away"
		var known atomic.Bool
		key := func() (redact.Key, error) {
			if !known.Load() {
				return redact.Key{}, errors.New("no such file")
			}
			return goodKey()
		}
		w.Decide = func(route string, b []byte) (d pipeline.Decision, err error) {
			if d, err = decide(route, b); err == nil && d.Rule.Include != nil { // not under the first rule
				d.Redact, err = redact.New([]redact.Rule{{Fields: []string{"insertId"}, With: redact.Hash}}, key)
			}
			return d, err
		}
		w.Block("away", true) // the plan stays open
		w.put(9)
		life := w.Live(NewGate(0, false))
		time.Sleep(time.Minute)
		life.Crash()
		w.Block("away", false)
		w.Routes[0].Rule = 1
		w.put(9)
		life = w.Live(NewGate(0, false))
		time.Sleep(2 * time.Minute)
		s := stateOf(life, "r0")
		if s.State != pipeline.Halted || !strings.Contains(s.Message, "no such file") || s.Cursor != 1 {
			t.Errorf("without the key: %+v", s)
		}
		life.Crash()
		known.Store(true)
		w.oneLife(NewGate(0, false))
		if b := w.balance(t); b.Delivered != 2 || !b.Balanced {
			t.Errorf("with the key: %+v", b)
		}
	})
}

// TestRedactedFiles is the same where what stands is decoded and compared.
func TestRedactedFiles(t *testing.T) {
	for i := 1; i < 40; i += 3 {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			w := NewWorld(t, 4, FilePlaces{dir})
			w.redacting(t, goodKey)
			w.OpenLedger = func() (ledger.Ledger, error) { return file.Open(dir+"/ledger", quiet) }
			w.Publish(8)
			w.oneLife(NewGate(i, i%2 == 0))
			check(t, 4, w.finish())
		})
	}
}

// TestRedactedDeadLetters: what a destination refuses is as redacted in the dead letters as it would be there, and when it is
// replayed.
func TestRedactedDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Bool
		places := oddPlaces{MemoryPlaces: NewMemoryPlaces(), route: "r0", write: func(u *driver.Unit) error {
			if u.To == driver.ToSink && !refused.Swap(true) {
				return &driver.Error{Code: driver.Rejected, Rejects: []driver.Reject{{Seq: u.Refs[0].Seq, Index: u.Refs[0].Index, Reason: "bad"}}}
			}
			return nil
		}}
		w := NewWorld(t, 1, places)
		w.redacting(t, goodKey)
		w.Routes = w.Routes[:1]
		w.Routes[0].Rule = 0
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		life.Await(w.Patience)
		life.Drain()
		letters := 0
		for _, lines := range w.Places.Contents(t, "r0", true) {
			for _, line := range lines {
				letters++
				if raw := unwrap(line); shownParts.MatchString(raw) || !strings.Contains(raw, `"hmac:`) {
					t.Errorf("a dead letter holds %s", raw)
				}
			}
		}
		if letters != 1 {
			t.Errorf("%d dead letters", letters)
		}
		life = w.Live(NewGate(0, false))
		if err := life.Router.Replay(context.Background(), "r0", "", func(pipeline.SideStatus) {}); err != nil {
			t.Error(err)
		}
		life.Drain()
		check(t, 1, w.finish())
	})
}

// TestKeyThatIsNotThere halts the route, whose open plan was begun under it, and resuming goes on with it.
func TestKeyThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		w := NewWorld(t, 1, NewMemoryPlaces())
		w.redacting(t, func() (redact.Key, error) {
			if away.Load() {
				return redact.Key{}, errors.New("no such key")
			}
			return goodKey()
		})
		w.Routes[0].Rule, w.Routes[0].Place = 0, "old"
		w.Block("old", true)
		w.Publish(30)
		life := w.Live(NewGate(0, false))
		time.Sleep(20 * time.Second)
		life.Crash()
		away.Store(true)
		w.Block("old", false)
		life = w.Live(NewGate(0, false))
		<-life.Router.Ready()
		time.Sleep(time.Minute)
		for _, route := range []string{"r0", "r1"} {
			if s := stateOf(life, route); s.State != pipeline.Halted || s.Message != "redaction: no such key" {
				t.Errorf("%s is %s: %s", route, s.State, s.Message)
			}
		}
		if s := stateOf(life, pipeline.Unreadable); s.State != pipeline.Running {
			t.Errorf("the unreadable ones are %s: %s", s.State, s.Message)
		}
		away.Store(false)
		for _, r := range w.Routes {
			life.act(t, r.Name, pipeline.ActResume)
		}
		life.Await(w.Patience)
		life.Drain()
		check(t, 1, w.finish())
	})
}
