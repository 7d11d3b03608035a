package bigquery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/bigquery/v2"

	"sluice/sinks"
	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/driver"
)

const table = "entries"

// lane delivers to one destination as the pipeline does: it holds the state and the open plan.
type lane struct {
	t     *testing.T
	o     Options
	sink  *sinks.Sink
	state driver.State
	plan  driver.Plan
	batch *driver.Batch
}

// newLane opens a destination on the server as a new process would, with requests of some bytes at most.
func newLane(t *testing.T, server *bigquerytest.Server, request int) *lane {
	t.Helper()
	return laneOf(t, options(server, table), request)
}

func laneOf(t *testing.T, o Options, request int) *lane {
	t.Helper()
	d, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	d.request = request
	t.Cleanup(func() { d.Close() })
	return &lane{t: t, o: o, sink: sinks.New(d, sinks.Options{Backoff: sinks.Backoff{First: time.Millisecond, Max: time.Millisecond}})}
}

// prepare prepares until it succeeds, as the pipeline does, but not for ever.
func (l *lane) prepare() {
	l.t.Helper()
	for try := 0; ; try++ {
		s, err := l.sink.Prepare(l.t.Context(), l.state)
		if err == nil {
			l.state = s
			return
		}
		if code := driver.CodeOf(err); try == 5 || code != driver.Unavailable && code != driver.Unknown {
			l.t.Fatal(err)
		}
	}
}

func (l *lane) draft(b *driver.Batch) {
	l.t.Helper()
	var err error
	if l.plan, err = l.sink.Plan(l.state, b); err != nil {
		l.t.Fatal(err)
	}
	l.batch = b
	for i := range l.plan.Units {
		u := &l.plan.Units[i]
		u.To, u.Count, u.Digest = driver.ToSink, len(u.Refs), driver.Digest(u.Refs)
		u.Origin = driver.Origin{Route: b.Route, Stream: b.Stream, Epoch: b.Epoch, First: b.First, Last: b.Last, Units: len(l.plan.Units)}
	}
}

// again makes the plan anew, as another process does that finds it in the ledger.
func (l *lane) again(old *lane) {
	l.state = old.state
	l.draft(old.batch)
	for i := range l.plan.Units {
		l.plan.Units[i].Redo = true
	}
}

// write writes the plan, amending it as long as it wants, and goes on from its next state. It gives what was refused.
func (l *lane) write() (rejects []driver.Reject, err error) {
	for amends := 0; amends < 5; amends++ {
		var change *driver.Error
		for i := range l.plan.Units {
			_, err := l.sink.Write(l.t.Context(), &l.plan.Units[i])
			var e *driver.Error
			if errors.As(err, &e) && (e.Code == driver.Moved || e.Code == driver.Rejected) {
				change = e
				break
			}
			if err != nil {
				return rejects, err
			}
		}
		if change == nil {
			l.state = l.plan.Next
			return rejects, nil
		}
		if l.state, err = change.Restate(l.state); err != nil {
			return rejects, err
		}
		rejects = append(rejects, change.Rejects...)
		l.draft(without(l.batch, change.Rejects))
	}
	return rejects, errors.New("the plan was amended for ever")
}

func without(b *driver.Batch, rejects []driver.Reject) *driver.Batch {
	left := *b
	left.Groups = slices.Clone(b.Groups)
	for i := range left.Groups {
		left.Groups[i].Refs = slices.DeleteFunc(slices.Clone(b.Groups[i].Refs), func(ref driver.Ref) bool {
			return slices.ContainsFunc(rejects, func(r driver.Reject) bool { return r.Seq == ref.Seq && r.Index == ref.Index })
		})
	}
	return &left
}

// batch is one of n entries from a sequence on, two a message, each with so many bytes of text.
func batch(first uint64, n, size int) *driver.Batch {
	b := &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 1, First: first, Last: first + uint64(n-1)/2, Groups: []driver.Group{{}}}
	for i := range n {
		raw := fmt.Appendf(nil, `{"logName":"projects/p/logs/x","timestamp":"2026-03-01T10:00:00Z","textPayload":"%s"}`, bytes.Repeat([]byte("x"), size))
		b.Groups[0].Refs = append(b.Groups[0].Refs, driver.Ref{Seq: first + uint64(i/2), Index: int32(i % 2), Raw: raw})
	}
	return b
}

// positions are those that the table holds, in the order of its rows.
func positions(server *bigquerytest.Server) (all []string) {
	for _, row := range server.Rows(project, dataset, table) {
		all = append(all, fmt.Sprintf("%v/%v/%v.%v", row.Values["_sluice_stream"], row.Values["_sluice_epoch"], row.Values["_sluice_seq"], row.Values["_sluice_index"]))
	}
	return all
}

// checkRows: the table holds the entries of the batches, each once, and nothing else.
func checkRows(t *testing.T, server *bigquerytest.Server, batches ...*driver.Batch) {
	t.Helper()
	var want []string
	for _, b := range batches {
		for _, ref := range b.Groups[0].Refs {
			want = append(want, fmt.Sprintf("%s/%d/%d.%d", b.Stream, b.Epoch, ref.Seq, ref.Index))
		}
	}
	if got := positions(server); !slices.Equal(got, want) {
		t.Fatalf("the table holds %d rows, want %d:\n%v\n%v", len(got), len(want), got, want)
	}
}

// fourRequests bounds requests so that ten entries of 1000 bytes take four.
const fourRequests = 3_400 + envelope + 1400

// TestAFaultAtEachCallNeverDoubles: whatever happens to the n-th call, for each n, two plans end with each entry once.
func TestAFaultAtEachCallNeverDoubles(t *testing.T) {
	for name, fault := range map[string]bigquerytest.Fault{
		"refused": {Kind: bigquerytest.Refuse}, "lost reply": {Kind: bigquerytest.DropReply}, "twice": {Kind: bigquerytest.Duplicate},
		"429": {Kind: bigquerytest.Status, Status: 429}, "500": {Kind: bigquerytest.Status, Status: 500}, "503": {Kind: bigquerytest.Status, Status: 503},
		"in band": {Kind: bigquerytest.InBand, Status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			for at := int64(1); ; at++ {
				server := start(t)
				var calls atomic.Int64
				server.SetFault(func(bigquerytest.Call) bigquerytest.Fault {
					if calls.Add(1) == at {
						return fault
					}
					return bigquerytest.Fault{}
				})
				l := newLane(t, server, fourRequests)
				one, two := batch(1, 10, 1000), batch(100, 10, 1000)
				for _, b := range []*driver.Batch{one, two} {
					l.prepare()
					l.draft(b)
					if rejects, err := l.write(); err != nil || rejects != nil {
						t.Fatalf("call %d: %v, %v", at, rejects, err)
					}
				}
				checkRows(t, server, one, two)
				if calls.Load() < at {
					if at < 12 {
						t.Fatalf("only %d calls", at)
					}
					return
				}
			}
		})
	}
}

// TestLostStream: a stream that ends, or that the service forgets, at each request of a plan: the rest goes to another, nothing twice.
func TestLostStream(t *testing.T) {
	for name, lose := range map[string]func(*bigquerytest.Server, string){
		"finalized": (*bigquerytest.Server).EndStream, "forgotten": (*bigquerytest.Server).ForgetStream,
	} {
		for at := range 4 {
			t.Run(fmt.Sprint(name, at), func(t *testing.T) {
				server := start(t)
				l := newLane(t, server, fourRequests)
				l.prepare()
				b := batch(1, 10, 1000)
				l.draft(b)
				if splits := l.plan.Units[0].Splits; len(splits) != 4 {
					t.Fatalf("splits %v", splits)
				}
				appends := 0
				server.SetFault(func(c bigquerytest.Call) bigquerytest.Fault {
					if c.Op == bigquerytest.Append {
						if appends++; appends == at+1 {
							lose(server, c.Stream)
						}
					}
					return bigquerytest.Fault{}
				})
				if _, err := l.write(); err != nil {
					t.Fatal(err)
				}
				l.prepare()
				next := batch(50, 4, 10)
				l.draft(next)
				if _, err := l.write(); err != nil {
					t.Fatal(err)
				}
				checkRows(t, server, b, next)
				if n := len(server.Streams(project, dataset, table)); n != 2 {
					t.Errorf("%d streams", n)
				}
			})
		}
	}
}

// TestStreamLostBeforeARedo: half of a plan stands, the process dies, the stream is gone when another one redoes the plan.
func TestStreamLostBeforeARedo(t *testing.T) {
	server := start(t)
	dying := newLane(t, server, fourRequests)
	dying.prepare()
	b := batch(1, 10, 1000)
	dying.draft(b)
	server.SetFault(func(c bigquerytest.Call) bigquerytest.Fault {
		if c.Op == bigquerytest.Append && c.Offset > 3 {
			return bigquerytest.Fault{Kind: bigquerytest.Status, Status: 403}
		}
		return bigquerytest.Fault{}
	})
	if _, err := dying.write(); driver.CodeOf(err) != driver.Misconfigured {
		t.Fatal(err)
	}
	server.ForgetStream(dying.plan.Units[0].Name)
	server.SetFault(func(c bigquerytest.Call) bigquerytest.Fault {
		if c.Op == bigquerytest.Query {
			return bigquerytest.Fault{Kind: bigquerytest.Status, Status: 403}
		}
		return bigquerytest.Fault{}
	})
	l := newLane(t, server, fourRequests)
	l.again(dying)
	if _, err := l.write(); driver.CodeOf(err) != driver.Conflict {
		t.Fatalf("without the right to count: %v", err)
	}
	server.SetFault(nil)
	if _, err := l.write(); err != nil {
		t.Fatal(err)
	}
	checkRows(t, server, b)
}

// TestRefusedRows: rows that the service refuses are named, the others stand once, and a zombie with the plan of before adds nothing.
func TestRefusedRows(t *testing.T) {
	server := start(t)
	l := newLane(t, server, fourRequests)
	l.prepare()
	b := batch(1, 10, 1000)
	l.draft(b)
	zombie := newLane(t, server, fourRequests)
	zombie.again(l)
	server.RefuseRows(func(r bigquerytest.Row) string {
		if seq := r.Values["_sluice_seq"].(int64); seq == 3 || seq == 5 && r.Values["_sluice_index"].(int64) == 1 {
			return "the partition is too old"
		}
		return ""
	})
	rejects, err := l.write()
	if err != nil || len(rejects) != 3 || rejects[2] != (driver.Reject{Seq: 5, Index: 1, Reason: "BigQuery: the partition is too old"}) {
		t.Fatalf("%+v, %v", rejects, err)
	}
	server.RefuseRows(nil)
	_, err = zombie.sink.Write(t.Context(), &zombie.plan.Units[0])
	if driver.CodeOf(err) != driver.Moved {
		t.Errorf("the zombie: %v", err)
	}
	checkRows(t, server, without(b, rejects))
}

// TestStreamAndLedgerDiffer: nothing is guessed.
func TestStreamAndLedgerDiffer(t *testing.T) {
	server := start(t)
	l := newLane(t, server, maxRequest)
	l.prepare()
	before := l.state
	l.draft(batch(1, 10, 10))
	if _, err := l.write(); err != nil {
		t.Fatal(err)
	}
	stepped := newLane(t, server, maxRequest)
	stepped.state = before
	stepped.draft(batch(1, 4, 10))
	if _, err := stepped.write(); driver.CodeOf(err) != driver.Conflict {
		t.Errorf("a new plan where rows stand: %v", err)
	}
	server.ShortenStream(l.plan.Units[0].Name, 3)
	l.draft(batch(20, 2, 10))
	if _, err := l.write(); driver.CodeOf(err) != driver.Conflict {
		t.Errorf("rows that were acknowledged are gone: %v", err)
	}
}

// TestPlanThatLostEntries: the places of a plan are closed before what is left of it is planned.
func TestPlanThatLostEntries(t *testing.T) {
	for written, want := range map[int]driver.Code{0: driver.Moved, 1: driver.Conflict, 4: driver.Moved} {
		server := start(t)
		l := newLane(t, server, fourRequests)
		l.prepare()
		l.draft(batch(1, 10, 1000))
		appends := 0
		server.SetFault(func(c bigquerytest.Call) bigquerytest.Fault {
			if appends++; c.Op == bigquerytest.Append && appends > written {
				return bigquerytest.Fault{Kind: bigquerytest.Status, Status: 403}
			}
			return bigquerytest.Fault{}
		})
		_, _ = l.sink.Write(t.Context(), &l.plan.Units[0])
		server.SetFault(nil)
		u := l.plan.Units[0]
		u.Refs, u.Redo = nil, true
		_, err := l.sink.Write(t.Context(), &u)
		var e *driver.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Fatalf("%d requests stand: %v, want %v", written, err, want)
		}
		if want == driver.Conflict {
			continue
		}
		if l.state, err = e.Restate(l.state); err != nil {
			t.Fatal(err)
		}
		left := batch(3, 6, 1000)
		l.draft(left)
		if _, err := l.write(); err != nil {
			t.Fatal(err)
		}
		if written == 4 {
			left = batch(1, 10, 1000)
		}
		checkRows(t, server, left)
	}
}

// TestRequests: at most 9 MB each, cut at the same places whenever the plan is made.
func TestRequests(t *testing.T) {
	server := start(t)
	l := newLane(t, server, maxRequest)
	l.prepare()
	b := batch(1, 40, 700_000)
	b.Groups[0].Refs[7].Raw = []byte(`{"textPayload":"` + strings.Repeat("y", 9_000_000) + `"}`)
	l.draft(b)
	if len(l.plan.Rejects) != 1 || l.plan.Rejects[0].Seq != 4 || !strings.Contains(l.plan.Rejects[0].Reason, "larger than a request") {
		t.Errorf("rejects %+v", l.plan.Rejects)
	}
	if splits := l.plan.Units[0].Splits; !slices.Equal(splits, []int{12, 12, 12, 3}) {
		t.Errorf("splits %v", splits)
	}
	server.Calls()
	if _, err := l.write(); err != nil {
		t.Fatal(err)
	}
	for _, c := range server.Calls() {
		if c.Bytes > maxRequest {
			t.Errorf("a request of %d bytes", c.Bytes)
		}
	}
	checkRows(t, server, without(b, l.plan.Rejects))
}

// TestExistingTable: what it lacks is added; a column of another type is a person's to mend.
func TestExistingTable(t *testing.T) {
	server := start(t)
	server.CreateTable(project, dataset, table, &bigquery.TableFieldSchema{Name: "TimeStamp", Type: "TIMESTAMP"},
		&bigquery.TableFieldSchema{Name: "mine", Type: "STRING"}, &bigquery.TableFieldSchema{Name: "httpRequest", Type: "STRUCT", Fields: []*bigquery.TableFieldSchema{{Name: "status", Type: "INT64"}}})
	l := newLane(t, server, maxRequest)
	l.prepare()
	b := batch(1, 4, 10)
	l.draft(b)
	if _, err := l.write(); err != nil {
		t.Fatal(err)
	}
	checkRows(t, server, b)
	other := options(server, "other")
	server.CreateTable(project, dataset, "other", &bigquery.TableFieldSchema{Name: "httpRequest", Type: "RECORD", Fields: []*bigquery.TableFieldSchema{{Name: "status", Type: "STRING"}}})
	if _, err := laneOf(t, other, maxRequest).sink.Prepare(t.Context(), nil); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "column httpRequest.status is STRING, and INTEGER is needed") {
		t.Errorf("another type: %v", err)
	}
	other.Dataset = "missing"
	if _, err := laneOf(t, other, maxRequest).sink.Prepare(t.Context(), nil); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "there is no dataset missing") {
		t.Errorf("no dataset: %v", err)
	}
}

// TestHungServer: a call that hangs ends with its context.
func TestHungServer(t *testing.T) {
	server := start(t)
	l := newLane(t, server, maxRequest)
	l.prepare()
	l.draft(batch(1, 4, 10))
	server.SetFault(func(bigquerytest.Call) bigquerytest.Fault { return bigquerytest.Fault{Kind: bigquerytest.Hang} })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.sink.Write(ctx, &l.plan.Units[0]); driver.CodeOf(err) != driver.Canceled {
		t.Error(err)
	}
}
