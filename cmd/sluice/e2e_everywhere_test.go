package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/gcs/gcstest"
	"sluice/sinks/http/receivertest"
	"sluice/sinks/pubsub/pubsubtest"
	"sluice/sinks/s3/s3test"
)

// everywhere is a place whose routes go from two streams to every kind of destination, each of which outlives the daemons.
type everywhere struct {
	*place
	bucket *bucket
	s3     *s3test.Server
	tables *tables
	topics *pubsubtest.Server
	hooks  *receivertest.Server
	bus    string
	js     jetstream.JetStream

	sent    map[string]sentEntry // by position: stream/epoch/sequence.index
	seq     uint64               // the last of both streams
	open    map[string][]span    // by lane: plans that a kill found open
	hits    int
	doubles map[string]int

	mu   sync.Mutex
	rand *rand.Rand
	lost map[string]int // replies, by destination
}

// sentEntry is one entry that was published.
type sentEntry struct {
	line string
	kind string // "", or what some destination does not take: big, column, time
	kept bool   // by the routes' filter and exclusion
}

type span struct{ first, last uint64 }

// arrival is an entry at a destination that tells whose it is.
type arrival struct{ position, line string }

const topic = "projects/acme/topics/audit"

func newEverywhere(t *testing.T, seed uint64) *everywhere {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	e := &everywhere{
		place: newPlace(t, ""), bucket: newBucket(t, "acme"), tables: newTables(t), hooks: receivertest.Start(receivertest.Options{Body: "wrapped", IgnoreKeys: true}),
		sent: make(map[string]sentEntry), open: make(map[string][]span), doubles: make(map[string]int), lost: make(map[string]int),
		rand: rand.New(rand.NewPCG(seed, 3)),
	}
	t.Cleanup(e.hooks.Close)
	var err error
	if e.s3, err = s3test.Start(s3test.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.s3.Close() })
	e.s3.CreateBucket("acme", s3test.Bucket{})
	if e.topics, err = pubsubtest.Start(pubsubtest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.topics.Close() })
	if err := e.topics.CreateTopic(topic); err != nil {
		t.Fatal(err)
	}
	e.startBus(t)
	e.loseReplies()
	return e
}

// startBus starts a server with the two streams that are read and the one that is written.
func (e *everywhere) startBus(t *testing.T) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not start")
	}
	e.bus = s.ClientURL()
	conn, err := nats.Connect(e.bus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if e.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	for name, subjects := range map[string][]string{"LOGS": {"logs.>"}, "MORE": {"more.>"}, "OUT": {"out.>", "sluice.mark.>"}} {
		if _, err := e.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: subjects, AllowAtomicPublish: name == "OUT"}); err != nil {
			t.Fatal(err)
		}
	}
}

// loseReplies lets calls of the buckets and the tables take effect without an answer, now and then.
func (e *everywhere) loseReplies() {
	lose := func(what string) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.lost[what] > 0 && e.rand.IntN(10) > 0 {
			return false
		}
		e.lost[what]++
		return true
	}
	e.bucket.server.SetFault(func(c gcstest.Call) (f gcstest.Fault) {
		if c.Op == gcstest.Insert && lose("gcs") {
			f.Kind = gcstest.DropReply
		}
		return f
	})
	e.s3.SetFault(func(c s3test.Call) (f s3test.Fault) {
		if c.Op == s3test.PutObject && lose("s3") {
			f.Kind = s3test.DropReply
		}
		return f
	})
	e.tables.server.SetFault(func(c bigquerytest.Call) (f bigquerytest.Fault) {
		if c.Op == bigquerytest.Append && lose("bigquery") {
			f.Kind = bigquerytest.DropReply
		}
		return f
	})
}

// config gives the configuration: nats and http take entries of so many bytes, the table has more options.
func (e *everywhere) config(limit, table string) string {
	sinks := map[string]string{
		"file":     "{file: {dir: out/file}}",
		"gcs":      fmt.Sprintf("{gcs: {bucket: acme, prefix: gcs, endpoint: %q}}", e.bucket.server.URL),
		"s3":       fmt.Sprintf("{s3: {bucket: acme, prefix: s3, endpoint: %q, pathStyle: true}}", e.s3.URL),
		"bigquery": e.tables.sink("everything", table),
		"pubsub":   fmt.Sprintf("{pubsub: {project: acme, topic: audit, endpoint: %q}}", e.topics.URL),
		"nats":     fmt.Sprintf("{nats: {url: %q, stream: OUT, subject: out.all, maxEntry: %s}}", e.bus, limit),
		"http":     fmt.Sprintf("{http: {url: %q, wrap: true, maxBytes: %s}}", e.hooks.URL+"/in", limit),
	}
	text := fmt.Sprintf(`
bus: {url: %q, streams: [{name: LOGS, subjects: ["logs.>"]}, {name: MORE, subjects: ["more.>"]}]}
ledger: {file: data/ledger}
deadLetter: {file: {dir: data/dead}}
sinkErrors: {disabled: true}
routes:
`, e.bus)
	for i, route := range allRoutes {
		text += fmt.Sprintf(`
  - name: %s
    filter: severity>=INFO
    exclusions: [{name: threes, filter: jsonPayload.n=3}]
    batch: {age: %dms, entries: 150}
    sink: %s
`, route, 20+10*i, sinks[route])
	}
	return text
}

// feed publishes so many messages to each stream, four entries in each, at equal sequences. The last one is kept by all routes.
func (e *everywhere) feed(messages int) {
	e.t.Helper()
	for i := range messages {
		for stream, subject := range map[string]string{"LOGS": "logs.all", "MORE": "more.all"} {
			var lines []string
			for index := range 4 {
				s := e.entry(stream, e.seq+1, index, i == messages-1)
				e.sent[fmt.Sprintf("%s/1/%d.%d", stream, e.seq+1, index)] = s
				lines = append(lines, s.line)
			}
			ack, err := e.js.Publish(e.t.Context(), subject, []byte(strings.Join(lines, "\n")))
			if err != nil || ack.Sequence != e.seq+1 {
				e.t.Fatalf("publish to %s: %v, %v", stream, ack, err)
			}
		}
		e.seq++
	}
}

// entry makes an entry for a position; a few are such as some destination does not take.
func (e *everywhere) entry(stream string, seq uint64, index int, last bool) sentEntry {
	id, n, severity, stamp := fmt.Sprintf("%d", 4*seq+uint64(index)), (int(seq)+index)%6, []string{"DEBUG", "INFO", "ERROR"}[(int(seq)+index)%3], "2026-03-01T00:00:00Z"
	s, text := sentEntry{}, ""
	if index == 1 && !last {
		s.kind = map[uint64]string{13: "big", 29: "column", 53: "time"}[seq%60]
	}
	switch s.kind {
	case "big":
		text = strings.Repeat("x", 40<<10)
	case "column":
		id = `"no number"`
	case "time":
		stamp = "2026-13-45T00:00:00Z"
	}
	if s.kind != "" || last {
		n, severity = 1, "INFO"
	}
	s.kept = n != 3 && severity != "DEBUG"
	s.line = fmt.Sprintf(`{"insertId":"%s-%d-%d","logName":"projects/p%d/logs/app","timestamp":"%s","severity":"%s","jsonPayload":{"n":%d,"id":%s,"text":"%s"}}`,
		stream, seq, index, seq%2, stamp, severity, n, id, text)
	return s
}

// note takes down which plans a kill has left open.
func (e *everywhere) note() {
	e.t.Helper()
	for _, route := range allRoutes {
		for _, stream := range []string{"LOGS", "MORE"} {
			for _, p := range e.last(route + "/" + stream).Open {
				e.open[route+"/"+stream] = append(e.open[route+"/"+stream], span{p.First, p.Last})
				e.hits++
			}
		}
	}
}

// arrived gives what stands at a destination, repeated entries as often as they do.
func (e *everywhere) arrived(route string) (all []arrival) {
	e.t.Helper()
	add := func(id, line string) {
		position, ok := strings.CutPrefix(id, route+"/")
		if !ok {
			e.t.Errorf("%s: the identity of %.100q is %s", route, line, id)
		}
		all = append(all, arrival{position, line})
	}
	switch route {
	case "pubsub":
		for _, m := range e.topics.Messages(topic) {
			add(m.Attributes["sluice-id"], string(m.Data))
		}
	case "http":
		for _, r := range e.hooks.Requests("/in") {
			for _, entry := range r.Entries {
				add(entry.ID, entry.Raw)
			}
		}
	case "nats":
		e.eachOut(func(m jetstream.Msg) { add(m.Headers().Get("Sluice-Id"), string(m.Data())) })
	case "bigquery":
		e.tables.rows("everything")
		for _, row := range e.tables.server.Rows(bigProject, bigDataset, "everything") {
			v := row.Values
			position := fmt.Sprintf("%v/%v/%v.%v", v["_sluice_stream"], v["_sluice_epoch"], v["_sluice_seq"], v["_sluice_index"])
			s := e.sent[position]
			if !strings.Contains(s.line, fmt.Sprintf(`"insertId":"%v"`, v["insertId"])) {
				s.line = fmt.Sprintf("the row %v", v["insertId"])
			}
			all = append(all, arrival{position, s.line})
		}
	}
	return all
}

// eachOut yields the entries of the stream that nats delivers to.
func (e *everywhere) eachOut(yield func(jetstream.Msg)) {
	e.t.Helper()
	consumer, err := e.js.OrderedConsumer(e.t.Context(), "OUT", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"out.>"}})
	if err != nil {
		e.t.Fatal(err)
	}
	info, err := consumer.Info(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	for left := info.NumPending; left > 0; left-- {
		ctx, cancel := context.WithTimeout(e.t.Context(), patience)
		m, err := consumer.Next(jetstream.FetchContext(ctx))
		cancel()
		if err != nil {
			e.t.Fatal(err)
		}
		yield(m)
	}
}

// s3Lines gives the lines of all objects below the folder of the route to S3.
func (e *everywhere) s3Lines() map[string]int {
	e.t.Helper()
	all := make(map[string]int)
	for _, name := range e.s3.Names("acme") {
		if !strings.HasPrefix(name, "s3/") || strings.HasPrefix(name, "s3/_sluice/") {
			continue
		}
		o, err := e.s3.Object("acme", name)
		if err != nil {
			e.t.Fatal(err)
		}
		if o.Contents != 1 {
			e.t.Errorf("%s had %d contents", name, o.Contents)
		}
		var in io.Reader = bytes.NewReader(o.Content)
		if strings.HasSuffix(name, ".gz") {
			if in, err = gzip.NewReader(in); err != nil {
				e.t.Fatal(err)
			}
		}
		if err := linesOf(bufio.NewReader(in), func(line string) { all[line]++ }); err != nil {
			e.t.Fatalf("%s: %v", name, err)
		}
	}
	return all
}
