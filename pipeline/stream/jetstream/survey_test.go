package jetstream

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// good is a stream that nobody need worry about, on a server that nobody need worry about.
func good() survey {
	return survey{
		wanted: StreamConfig{Name: "LOGS"},
		have: jetstream.StreamConfig{
			Name: "LOGS", Subjects: []string{"logs.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardOld, Replicas: 3,
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 50 << 30, MaxMsgs: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, Duplicates: 2 * time.Minute,
		},
		server: serverFacts{cluster: "c", maxPayload: 1 << 20},
	}
}

// Each setting that is off gives one complaint, which begins so and ends with its remedy.
func TestSurvey(t *testing.T) {
	mirror := func(s jetstream.StreamSource) *jetstream.StreamSource { return &s }
	transform := []jetstream.SubjectTransformConfig{{Source: "a", Destination: "b"}}
	for _, c := range []struct {
		name           string
		change         func(*survey)
		complaint, fix string // "" = none
	}{
		{"good", func(s *survey) {}, "", ""},
		{"workqueue", func(s *survey) { s.have.Retention = jetstream.WorkQueuePolicy }, "unfit: its retention is workqueue", "make another stream with retention limits for bus.streams; this one cannot be changed into it"},
		{"interest", func(s *survey) { s.have.Retention = jetstream.InterestPolicy }, "unfit: its retention is interest", "run: nats stream edit LOGS --retention=limits"},
		{"async", func(s *survey) { s.have.PersistMode = jetstream.AsyncPersistMode }, "unfit: its persist mode is async", "make another stream without --persist-mode=async for bus.streams"},
		{"mirror", func(s *survey) { s.have.Mirror, s.have.Subjects = mirror(jetstream.StreamSource{Name: "X"}), nil }, "", ""},
		{"part of a mirror", func(s *survey) { s.have.Mirror = mirror(jetstream.StreamSource{Name: "X", FilterSubject: "a"}) }, "unfit: it mirrors only a part of stream X", "mirror the whole of it, without filters and transforms, or read it itself"},
		{"changed mirror", func(s *survey) {
			s.have.Mirror = mirror(jetstream.StreamSource{Name: "X", SubjectTransforms: transform})
		}, "unfit: it mirrors only a part of stream X", "mirror the whole of it, without filters and transforms, or read it itself"},
		{"changed source", func(s *survey) {
			s.have.Sources = []*jetstream.StreamSource{{Name: "X", SubjectTransforms: transform}}
		}, "unfit: it takes messages from stream X with transforms", "source it without transforms, or read it itself"},
		{"source", func(s *survey) { s.have.Sources = []*jetstream.StreamSource{{Name: "X"}} }, "stream LOGS gathers from other streams", "read it or what it gathers from, not both in turn"},
		{"subjects", func(s *survey) { s.wanted.Subjects = []string{"a", "b.>"} }, "stream LOGS has subjects [logs.>] where [a b.>] is configured", "run: nats stream edit LOGS --subjects=a,b.>; or change the configuration"},
		{"age", func(s *survey) { s.wanted.MaxAge = time.Hour }, "stream LOGS has maxAge 168h0m0s where 1h0m0s", "run: nats stream edit LOGS --max-age=1h0m0s; or change the configuration"},
		{"bytes", func(s *survey) { s.wanted.MaxBytes = 1 << 30 }, "stream LOGS has maxBytes 53687091200 where 1073741824", "run: nats stream edit LOGS --max-bytes=1073741824; or change the configuration"},
		{"replicas", func(s *survey) { s.wanted.Replicas = 5 }, "stream LOGS has replicas 3 where 5", "run: nats stream edit LOGS --replicas=5; or change the configuration"},
		{"one copy in a cluster", func(s *survey) { s.have.Replicas = 1 }, "stream LOGS has 1 of the cluster's servers", "run: nats stream edit LOGS --replicas=3"},
		{"two copies in a cluster", func(s *survey) { s.have.Replicas = 2 }, "stream LOGS has 2 of the cluster's servers", "run: nats stream edit LOGS --replicas=3"},
		{"one server", func(s *survey) { s.server.cluster, s.have.Replicas = "", 1 }, "stream LOGS stands on one server, which tells publishers that a message is stored before it is synced", "set sync_interval: always in the server's jetstream {}, or use three servers; replicas: 1 in bus.streams says that you know"},
		{"one server, known", func(s *survey) { s.server.cluster, s.have.Replicas, s.wanted.Replicas = "", 1, 1 }, "", ""},
		{"embedded", func(s *survey) { s.server.cluster, s.have.Replicas, s.server.embedded = "", 1, true }, "", ""},
		{"memory", func(s *survey) { s.have.Storage = jetstream.MemoryStorage }, "stream LOGS is kept in memory", "make another one with storage file for bus.streams"},
		{"discard new", func(s *survey) { s.have.Discard = jetstream.DiscardNew }, "stream LOGS refuses new messages when it is full", "run: nats stream edit LOGS --discard=old"},
		{"per subject", func(s *survey) { s.have.MaxMsgsPerSubject = 5 }, "stream LOGS keeps only 5 messages a subject", "run: nats stream edit LOGS --max-msgs-per-subject=-1"},
		{"no limit", func(s *survey) { s.have.MaxAge, s.have.MaxBytes = 0, -1 }, "stream LOGS has no limit", "run: nats stream edit LOGS --max-age=7d --max-bytes=50GiB"},
		{"no age", func(s *survey) { s.have.MaxAge = 0 }, "", ""},
		{"tiny age", func(s *survey) { s.have.MaxAge = 59 * time.Minute }, "stream LOGS keeps messages for 59m0s only", "run: nats stream edit LOGS --max-age=7d"},
		{"tiny bytes", func(s *survey) { s.have.MaxBytes = 200 << 20 }, "stream LOGS keeps 209715200 bytes only", "run: nats stream edit LOGS --max-bytes=50GiB"},
		{"tiny count", func(s *survey) { s.have.MaxMsgs = 5000 }, "stream LOGS keeps 5000 messages only", "run: nats stream edit LOGS --max-msgs=-1"},
		{"rollup", func(s *survey) { s.have.AllowRollup = true }, "stream LOGS lets publishers delete what is stored", "run: nats stream edit LOGS --no-allow-rollup"},
		{"TTL", func(s *survey) { s.have.AllowMsgTTL = true }, "stream LOGS lets publishers say that a message goes early", "see that nobody sets Nats-TTL, or make a stream without"},
		{"window", func(s *survey) { s.have.Duplicates = time.Minute }, "stream LOGS knows duplicates for 1m0s only", "run: nats stream edit LOGS --dupe-window=2m"},
		{"no ack", func(s *survey) { s.have.NoAck = true }, "stream LOGS acknowledges nothing", "run: nats stream edit LOGS --ack"},
		{"sealed", func(s *survey) { s.have.Sealed = true }, "stream LOGS is sealed", "make another one for bus.streams"},
		{"payload", func(s *survey) { s.server.maxPayload = 1000 }, "stream LOGS is on a server that takes messages of 1000 bytes, less than an entry of 1048576 bytes", "set max_payload: 8MB in the server's configuration, or lower limits.entry"},
		{"small entries", func(s *survey) { s.server.maxPayload, s.wanted.MaxEntry = 1000, 1000 }, "", ""},
		{"message size", func(s *survey) { s.have.MaxMsgSize = 1000 }, "stream LOGS takes messages of 1000 bytes", "run: nats stream edit LOGS --max-msg-size=-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good()
			c.change(&s)
			got := append(s.differences(), s.risks()...)
			if err := s.unfit(); err != nil {
				got = append(got, "unfit: "+err.Error())
			}
			var want []string
			if c.complaint != "" {
				want = []string{c.complaint + "…"}
			}
			if diff := cmp.Diff(want, got, beginning); diff != "" {
				t.Error(diff)
			}
			if len(got) == 1 && !strings.HasSuffix(got[0], " ("+c.fix+")") {
				t.Errorf("%s\nwant at its end: (%s)", got[0], c.fix)
			}
		})
	}
}

// beginning lets a text that ends in … stand for all that begin with it.
var beginning = cmp.Comparer(func(a, b string) bool {
	begins := func(long, short string) bool {
		short, open := strings.CutSuffix(short, "…")
		return open && strings.HasPrefix(long, short)
	}
	return a == b || begins(a, b) || begins(b, a)
})

// A stream that breaks the promise is refused and left as it is; the stream that we make ourselves is one of which only the server
// can be said to be single.
func TestSurveyOfServer(t *testing.T) {
	bus := openBus(t, Options{URL: startServer(t, t.TempDir(), server.RANDOM_PORT).ClientURL()})
	handle, err := bus.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "QUEUE", Subjects: []string{"q"}, Retention: jetstream.WorkQueuePolicy})
	check(t, err)
	before := handle.CachedInfo().Config
	if _, err := bus.Stream(t.Context(), StreamConfig{Name: "QUEUE"}); err == nil || !strings.Contains(err.Error(), "open stream QUEUE: its retention is workqueue") {
		t.Errorf("got %v", err)
	}
	after, err := handle.Info(t.Context())
	check(t, err)
	if diff := cmp.Diff(before, after.Config); diff != "" {
		t.Errorf("it was altered: %s", diff)
	}
	own := openStream(t, bus, StreamConfig{Name: "LOGS", MaxBytes: 1 << 30})
	if diff := cmp.Diff([]string{"stream LOGS stands on one server…"}, own.Warnings(), beginning); diff != "" {
		t.Error(diff)
	}
	if _, err := bus.Stream(t.Context(), StreamConfig{Name: "OTHER", Subjects: []string{"logs.a"}}); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("got %v", err)
	}
	if _, err := bus.Stream(t.Context(), StreamConfig{Name: "THREE", Subjects: []string{"three"}, Replicas: 3}); err == nil ||
		!strings.HasSuffix(err.Error(), "(replicas need a cluster of as many servers with JetStream)") {
		t.Errorf("got %v", err)
	}
}

// rights are what a user needs for one stream that exists, and nothing more; the last one only lets publishers in.
var rights = []string{
	"$JS.API.STREAM.INFO.LOGS", "$JS.API.STREAM.MSG.GET.LOGS", "$JS.API.CONSUMER.CREATE.LOGS.>", "$JS.API.CONSUMER.MSG.NEXT.LOGS.>",
	"$JS.API.CONSUMER.DELETE.LOGS.>", "logs.>",
}

func restricted(allow []string) string {
	return `authorization { users: [ {user: admin, password: a}, {user: me, password: a, permissions: {
		publish: { allow: ["` + strings.Join(allow, `", "`) + `"] }, subscribe: { allow: ["_INBOX.>"] } } } ] }`
}

// With these rights everything works; without one of them an error names it.
func TestRights(t *testing.T) {
	t.Parallel()
	password := func() (string, error) { return "a", nil }
	p := startProcess(t, restricted(rights))
	openStream(t, openBus(t, Options{URL: p.url(), Login: Login{User: "admin", Password: password}}), StreamConfig{Name: "LOGS"})
	bus := openBus(t, Options{URL: p.url(), Login: Login{User: "me", Password: password}})
	work := func() error {
		s, err := bus.Stream(t.Context(), StreamConfig{Name: "LOGS"})
		if err != nil {
			return err
		}
		if _, err := s.Publisher().Publish(t.Context(), "logs.a", "", nil); err != nil {
			return err
		}
		r, err := s.Read(t.Context(), 1)
		if err != nil {
			return err
		}
		defer r.Close()
		m, err := r.Next(t.Context(), 1)
		if err != nil {
			return err
		}
		_, err = s.Get(t.Context(), m[0].Seq)
		return err
	}
	check(t, work())
	for i, right := range rights {
		if strings.Contains(right, ".DELETE.") {
			continue // only frees the server earlier
		}
		p.kill()
		p.start(restricted(append(append([]string{}, rights[:i]...), rights[i+1:]...)))
		err := work()
		named := "(allow our user to publish to " + strings.TrimSuffix(right, ">")
		if err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("without %s: %v", right, err)
		}
	}
}
