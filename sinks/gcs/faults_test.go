package gcs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/sinks"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
)

const bucket = "bucket"

// newDriver opens a destination on the server as a new process would.
func newDriver(t testing.TB, server *gcstest.Server, l limits) *Driver {
	t.Helper()
	o := Defaults()
	o.Bucket, o.Endpoint, o.Compression = bucket, server.URL, codec.None
	d := open(*o, driver.ToSink)
	d.limits = l
	t.Cleanup(func() { d.Close() })
	return d
}

// retried is the driver as the pipeline holds it, without long pauses.
func retried(d driver.Driver) *sinks.Sink {
	return sinks.New(d, sinks.Options{Backoff: sinks.Backoff{First: time.Millisecond, Max: time.Millisecond}})
}

// unit is one of n entries with some bytes each, that do not compress.
func unit(name string, n, size int) driver.Unit {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	u := driver.Unit{Name: name, Codec: "json", Count: n}
	for i := range n {
		text := make([]byte, size)
		for j := range text {
			text[j] = 'a' + byte(random.Uint32()%26)
		}
		u.Refs = append(u.Refs, driver.Ref{Seq: uint64(i + 1), Raw: fmt.Appendf(nil, `{"textPayload":"%s"}`, text)})
	}
	u.Digest = driver.Digest(u.Refs)
	u.Origin = driver.Origin{Route: "route", Stream: "LOGS", Epoch: 1, First: 1, Last: uint64(n), Units: 1}
	return u
}

// checkWhole: the object holds the unit, and never held anything else.
func checkWhole(t *testing.T, server *gcstest.Server, u *driver.Unit) {
	t.Helper()
	found, err := readAll(server, &Options{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || len(found[u.Name]) != len(u.Refs) {
		t.Fatalf("%d objects, %d entries in %s, want %d", len(found), len(found[u.Name]), u.Name, len(u.Refs))
	}
	for i := range u.Refs {
		if found[u.Name][i] != string(u.Refs[i].Raw) {
			t.Fatalf("entry %d differs", i)
		}
	}
}

// TestAFaultAtEachCallNeverDoubles: whatever happens to the n-th call, for each n, the retry ends with the unit, once.
func TestAFaultAtEachCallNeverDoubles(t *testing.T) {
	faults := map[string]gcstest.Fault{
		"refused": {Kind: gcstest.Refuse}, "lost reply": {Kind: gcstest.DropReply}, "twice": {Kind: gcstest.Duplicate},
		"truncated": {Kind: gcstest.Truncate}, "corrupt": {Kind: gcstest.Corrupt}, "429": {Kind: gcstest.Status, Status: 429},
		"503": {Kind: gcstest.Status, Status: 503}, "410": {Kind: gcstest.Status, Status: 410},
		"rate limit": {Kind: gcstest.Status, Status: 403, Reason: "rateLimitExceeded"},
	}
	u := unit("a/S.json", 30, 30_000)
	for name, fault := range faults {
		for kind, l := range map[string]limits{"one request": usual, "resumable": small} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				if fault.Status == http.StatusGone && kind == "one request" {
					return // there is no session to lose
				}
				for at := int64(1); ; at++ {
					server := start(t)
					server.CreateBucket(bucket, gcstest.Bucket{})
					var calls atomic.Int64
					var met atomic.Value
					server.SetFault(func(c gcstest.Call) gcstest.Fault {
						if calls.Add(1) != at || fault.Status == http.StatusGone && c.Op != gcstest.Chunk && c.Op != gcstest.LastChunk {
							return gcstest.Fault{}
						}
						met.Store(c.Op)
						return fault
					})
					receipt, err := retried(newDriver(t, server, l)).Write(t.Context(), &u)
					if err != nil {
						t.Fatalf("call %d, %v: %v", at, met.Load(), err)
					}
					checkWhole(t, server, &u)
					if op := met.Load(); fault.Kind == gcstest.DropReply && (op == gcstest.Insert || op == gcstest.LastChunk) != receipt.Existed {
						t.Errorf("call %d, %v, gives %+v", at, op, receipt)
					}
					if calls.Load() < at {
						break
					}
				}
			})
		}
	}
}

func TestEightWritersOneWinner(t *testing.T) {
	for kind, l := range map[string]limits{"one request": usual, "resumable": small} {
		t.Run(kind, func(t *testing.T) {
			server := start(t)
			server.CreateBucket(bucket, gcstest.Bucket{})
			u := unit("a/S.json", 30, 30_000)
			var existed, created atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				d := newDriver(t, server, l)
				all.Go(func() {
					receipt, err := d.Write(t.Context(), &u)
					switch {
					case err != nil:
						t.Error(err)
					case receipt.Existed:
						existed.Add(1)
					default:
						created.Add(1)
					}
				})
			}
			all.Wait()
			if created.Load() != 1 || existed.Load() != 7 {
				t.Errorf("%d created it, %d found it", created.Load(), existed.Load())
			}
			checkWhole(t, server, &u)
		})
	}
}

func TestEightContentsOneWinner(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{})
	var won, lost atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		d := newDriver(t, server, usual)
		all.Go(func() {
			u := unit("a/S.json", i+1, 100)
			switch _, err := d.Write(t.Context(), &u); {
			case err == nil:
				won.Add(1)
			case driver.CodeOf(err) == driver.Conflict:
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 7 {
		t.Errorf("%d won, %d had a conflict", won.Load(), lost.Load())
	}
}

// TestLargeObjectsUnderFaults: more than 16 MiB, in chunks of 8, with everything going wrong once at some call.
func TestLargeObjectsUnderFaults(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{})
	u := unit("a/S.json", 400, 50_000)
	calls := 0
	var ops []gcstest.Op
	server.SetFault(func(c gcstest.Call) gcstest.Fault { // one writer: one call at a time
		calls++
		ops = append(ops, c.Op)
		switch calls {
		case 2:
			return gcstest.Fault{Kind: gcstest.Truncate}
		case 5:
			return gcstest.Fault{Kind: gcstest.Status, Status: 503}
		case 7:
			return gcstest.Fault{Kind: gcstest.Corrupt}
		case 9:
			server.ForgetSessions()
		case 14:
			return gcstest.Fault{Kind: gcstest.DropReply}
		}
		return gcstest.Fault{}
	})
	receipt, err := retried(newDriver(t, server, usual)).Write(t.Context(), &u)
	if err != nil || receipt.Bytes < 20_000_000 {
		t.Fatalf("%+v, %v, after %v", receipt, err, ops)
	}
	checkWhole(t, server, &u)
	if count(ops, gcstest.StartLarge) < 4 || count(ops, gcstest.LastChunk) < 2 || count(ops, gcstest.Insert) != 0 {
		t.Errorf("the faults were not met: %v", ops)
	}
}

func count(ops []gcstest.Op, want gcstest.Op) int {
	n := 0
	for _, op := range ops {
		if op == want {
			n++
		}
	}
	return n
}

// TestCancelShowsNothing: a caller that gives up while the service hangs gets Canceled, and nothing became visible.
func TestCancelShowsNothing(t *testing.T) {
	for kind, l := range map[string]limits{"one request": usual, "resumable": small} {
		for _, op := range []gcstest.Op{gcstest.Insert, gcstest.StartLarge, gcstest.Chunk, gcstest.LastChunk} {
			if (op == gcstest.Insert) != (l == usual) {
				continue
			}
			t.Run(kind+"/"+string(op), func(t *testing.T) {
				server := start(t)
				server.CreateBucket(bucket, gcstest.Bucket{})
				ctx, cancel := context.WithCancel(t.Context())
				server.SetFault(func(c gcstest.Call) gcstest.Fault {
					if c.Op != op {
						return gcstest.Fault{}
					}
					cancel()
					return gcstest.Fault{Kind: gcstest.Hang}
				})
				u := unit("a/S.json", 30, 30_000)
				d := newDriver(t, server, l)
				if _, err := d.Write(ctx, &u); driver.CodeOf(err) != driver.Canceled {
					t.Errorf("got %v, want canceled", err)
				}
				if names := server.Names(bucket); names != nil {
					t.Errorf("%v became visible", names)
				}
				server.SetFault(nil)
				if receipt, err := d.Write(t.Context(), &u); err != nil || receipt.Existed {
					t.Errorf("the write after it: %+v, %v", receipt, err)
				}
			})
		}
	}
}

// TestLockedBucketTakesAllThatTheSinkDoes: nothing is ever replaced, changed or deleted, so a bucket that forbids it is no
// obstacle: not for units, redone ones, manifests or dead letters.
func TestLockedBucketTakesAllThatTheSinkDoes(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{Retention: 6 * driver.Year, Locked: true})
	server.SetRights("storage.objects.create", "storage.objects.get")
	o := Defaults()
	o.Bucket, o.Endpoint = bucket, server.URL
	for _, as := range []driver.To{driver.ToSink, driver.ToDeadLetter} {
		d := open(*o, as)
		b := &driver.Batch{Route: "r", Stream: "LOGS", Epoch: 1, First: 1, Last: 9, Groups: []driver.Group{{Key: "k", Refs: unit("", 3, 10).Refs}}}
		p, err := d.Plan(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		p.Units = append(p.Units, driver.Manifest("r"+string(as), "LOGS", 1, 1, []byte(`{}`)))
		for round := range 3 {
			for _, u := range p.Units {
				u.Count, u.Digest = len(u.Refs), driver.Digest(u.Refs)
				receipt, err := d.Write(t.Context(), &u)
				if err != nil || receipt.Existed != (round > 0) {
					t.Errorf("%s of %s, round %d: %+v, %v", u.Name, as, round, receipt, err)
				}
			}
		}
	}
	for _, c := range server.Calls() {
		if !slices.Contains([]gcstest.Op{gcstest.Insert, gcstest.Stat}, c.Op) || c.Op == gcstest.Insert && !c.CreateOnly {
			t.Errorf("the sink asked for %+v", c)
		}
	}
	names := server.Names(bucket)
	slices.Sort(names)
	want := []string{"_sluice/manifests/rdeadLetter/LOGS/e1/00000000000000000001.json", "_sluice/manifests/rsink/LOGS/e1/00000000000000000001.json",
		"k/SLOGS-e1-00000000000000000001.json", "k_SLOGS-e1-00000000000000000001.json.gz"}
	if !slices.Equal(names, want) {
		t.Errorf("the bucket holds %v", names)
	}
}
