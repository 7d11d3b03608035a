package s3

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/sinks"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/s3/s3test"
)

const bucket = "bucket"

// newDriver opens a destination on the server as a new process would.
func newDriver(t testing.TB, server *s3test.Server, l limits, changes ...func(*Options)) *Driver {
	t.Helper()
	o := Defaults()
	o.Bucket, o.Endpoint, o.Compression = bucket, server.URL, codec.None
	for _, change := range changes {
		change(o)
	}
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
func checkWhole(t *testing.T, server *s3test.Server, u *driver.Unit) {
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

// TestAFaultAtEachCallNeverDoubles: whatever happens to the n-th call, for each n, the retry ends with the unit, once; also where
// the store replaces.
func TestAFaultAtEachCallNeverDoubles(t *testing.T) {
	faults := map[string]s3test.Fault{
		"refused": {Kind: s3test.Refuse}, "lost reply": {Kind: s3test.DropReply}, "twice": {Kind: s3test.Duplicate},
		"corrupt": {Kind: s3test.Corrupt}, "late error": {Kind: s3test.LateError},
		"slow down":  {Kind: s3test.Status, Status: 503, Code: "SlowDown"},
		"429":        {Kind: s3test.Status, Status: 429, Code: "TooManyRequests"},
		"conflict":   {Kind: s3test.Status, Status: 409, Code: "ConditionalRequestConflict"},
		"lost parts": {Kind: s3test.Status, Status: 404, Code: "NoSuchUpload"},
	}
	u := unit("a/S.json", 12, 3000)
	for name, fault := range faults {
		for kind, l := range map[string]limits{"one request": usual, "parts": small} {
			for _, conditions := range []s3test.Conditions{s3test.Always, s3test.Ignored} {
				t.Run(fmt.Sprintf("%s/%s/%v", name, kind, conditions), func(t *testing.T) {
					for at := int64(1); faultAt(t, l, conditions, fault, at, u); at++ {
						if at > 30 {
							t.Fatal("no end of calls")
						}
					}
				})
			}
		}
	}
}

// faultAt writes the unit with a fault at a call, and says whether that call came.
func faultAt(t *testing.T, l limits, conditions s3test.Conditions, fault s3test.Fault, at int64, u driver.Unit) bool {
	server := start(t)
	server.CreateBucket(bucket, s3test.Bucket{Conditions: conditions})
	var calls atomic.Int64
	var met atomic.Value
	server.SetFault(func(c s3test.Call) s3test.Fault {
		inUpload := c.Op == s3test.UploadPart || c.Op == s3test.Complete
		late := fault.Kind == s3test.LateError && c.Op != s3test.Complete // the only one that answers before it is done
		if calls.Add(1) != at || fault.Code == "NoSuchUpload" && !inUpload || late {
			return s3test.Fault{}
		}
		met.Store(c)
		return fault
	})
	receipt, err := retried(newDriver(t, server, l)).Write(t.Context(), &u)
	if err != nil {
		t.Fatalf("call %d, %v: %v", at, met.Load(), err)
	}
	checkWhole(t, server, &u)
	c, _ := met.Load().(s3test.Call)
	if made := c.Key == u.Name && (c.Op == s3test.PutObject || c.Op == s3test.Complete); fault.Kind == s3test.DropReply && made != receipt.Existed {
		t.Errorf("call %d, %v, gives %+v", at, c, receipt)
	}
	if n := server.Uploads(); n > 1 || n == 1 && fault.Kind != s3test.DropReply && fault.Kind != s3test.Duplicate && c.Op != s3test.Abort {
		t.Errorf("call %d, %v, leaves %d uploads", at, c, n)
	}
	return calls.Load() >= at
}

func TestEightWritersOneWinner(t *testing.T) {
	for kind, l := range map[string]limits{"one request": usual, "parts": small} {
		t.Run(kind, func(t *testing.T) {
			server := start(t)
			server.CreateBucket(bucket, s3test.Bucket{})
			u := unit("a/S.json", 30, 3000)
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
			if created.Load() != 1 || existed.Load() != 7 || server.Uploads() != 0 {
				t.Errorf("%d created it, %d found it, %d uploads are left", created.Load(), existed.Load(), server.Uploads())
			}
			checkWhole(t, server, &u)
		})
	}
}

// TestZombiesOfAStoreThatReplacesWriteTheSame: without conditions two writers may both write; the plan fixes what.
func TestZombiesOfAStoreThatReplacesWriteTheSame(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, s3test.Bucket{Conditions: s3test.Ignored})
	server.SetRights("s3:PutObject")
	u := unit("a/S.json", 30, 300)
	for range 3 {
		if _, err := newDriver(t, server, usual).Write(t.Context(), &u); err != nil {
			t.Fatal(err)
		}
	}
	checkWhole(t, server, &u)
	if o, err := server.Object(bucket, u.Name); err != nil || o.Writes != 3 {
		t.Errorf("%d writes, %v", o.Writes, err)
	}
}

// TestLargeObjectsUnderFaults: more than 16 MiB, in parts of 8, with everything going wrong once at some call.
func TestLargeObjectsUnderFaults(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, s3test.Bucket{})
	u := unit("a/S.json", 400, 50_000)
	seen := make(map[s3test.Op]int)
	server.SetFault(func(c s3test.Call) s3test.Fault { // one writer: one call at a time
		if c.Key != u.Name {
			return s3test.Fault{}
		}
		seen[c.Op]++
		switch {
		case c.Op == s3test.UploadPart && seen[c.Op] == 2:
			return s3test.Fault{Kind: s3test.Status, Status: 503, Code: "SlowDown"}
		case c.Op == s3test.UploadPart && seen[c.Op] == 4:
			return s3test.Fault{Kind: s3test.Corrupt}
		case c.Op == s3test.Complete && seen[c.Op] == 1:
			server.ForgetUploads()
		case c.Op == s3test.Complete && seen[c.Op] == 2:
			return s3test.Fault{Kind: s3test.LateError}
		}
		return s3test.Fault{}
	})
	receipt, err := retried(newDriver(t, server, usual)).Write(t.Context(), &u)
	if err != nil || receipt.Bytes < 20_000_000 || !receipt.Existed {
		t.Fatalf("%+v, %v, after %v", receipt, err, seen)
	}
	checkWhole(t, server, &u)
	if seen[s3test.Create] != 5 || seen[s3test.Complete] != 3 || seen[s3test.PutObject] != 0 {
		t.Errorf("the faults were not met: %v", seen)
	}
}

// TestCancelShowsNothing: a caller that gives up while the service hangs gets Canceled, and nothing became visible, nor stays.
func TestCancelShowsNothing(t *testing.T) {
	for kind, l := range map[string]limits{"one request": usual, "parts": small} {
		ops := []s3test.Op{s3test.Create, s3test.UploadPart, s3test.Complete}
		if l == usual {
			ops = []s3test.Op{s3test.PutObject}
		}
		for _, op := range ops {
			t.Run(kind+"/"+string(op), func(t *testing.T) {
				server := start(t)
				server.CreateBucket(bucket, s3test.Bucket{})
				ctx, cancel := context.WithCancel(t.Context())
				server.SetFault(func(c s3test.Call) s3test.Fault {
					if c.Op != op {
						return s3test.Fault{}
					}
					cancel()
					return s3test.Fault{Kind: s3test.Hang}
				})
				u := unit("a/S.json", 30, 3000)
				d := newDriver(t, server, l, func(o *Options) { o.Create = CreateOnly })
				if _, err := d.Write(ctx, &u); driver.CodeOf(err) != driver.Canceled {
					t.Errorf("got %v, want canceled", err)
				}
				if names := server.Names(bucket); names != nil || server.Uploads() != 0 {
					t.Errorf("%v became visible, %d uploads stay", names, server.Uploads())
				}
				server.SetFault(nil)
				if receipt, err := d.Write(t.Context(), &u); err != nil || receipt.Existed {
					t.Errorf("the write after it: %+v, %v", receipt, err)
				}
			})
		}
	}
}

// TestProbe: what is asked, once a driver, and what follows from the answer.
func TestProbe(t *testing.T) {
	put, created := s3test.Call{Op: s3test.PutObject, Bucket: bucket, Key: "_sluice/create-only-probe", CreateOnly: true}, s3test.PutObject
	for name, c := range map[string]struct {
		store  s3test.Bucket
		create Create
		want   []s3test.Call
	}{
		"a fresh bucket": {s3test.Bucket{}, Probe, []s3test.Call{put, put, {Op: created, Bucket: bucket, Key: "a", CreateOnly: true}, {Op: created, Bucket: bucket, Key: "b", CreateOnly: true}}},
		"ignored": {s3test.Bucket{Conditions: s3test.Ignored}, Probe, []s3test.Call{put, put, {Op: s3test.HeadObject, Bucket: bucket, Key: "a"}, {Op: created, Bucket: bucket, Key: "a"},
			{Op: s3test.HeadObject, Bucket: bucket, Key: "b"}, {Op: created, Bucket: bucket, Key: "b"}}},
		"told": {s3test.Bucket{}, CreateOnly, []s3test.Call{{Op: created, Bucket: bucket, Key: "a", CreateOnly: true}, {Op: created, Bucket: bucket, Key: "b", CreateOnly: true}}},
	} {
		server := start(t)
		server.CreateBucket(bucket, c.store)
		d := newDriver(t, server, usual, func(o *Options) { o.Create = c.create })
		for _, object := range []string{"a", "b"} {
			u := unit(object, 1, 10)
			if _, err := d.Write(t.Context(), &u); err != nil {
				t.Fatal(err)
			}
		}
		calls := server.Calls()
		for i := range calls {
			calls[i].AccessKey = ""
		}
		if !slices.Equal(calls, c.want) {
			t.Errorf("%s: the calls were %v, want %v", name, calls, c.want)
		}
	}
}
