package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const auditRoutes = `
ledger: {file: data/ledger}
deadLetter: {file: {dir: data/dead}}
routes:
  - name: audit
    filter: logName:"cloudaudit.googleapis.com"
    batch: {age: 50ms}
    sink: {file: {dir: out/audit}}
  - name: everything
    batch: {age: 50ms}
    sink: {file: {dir: out/everything}}
`

// realEntries are lines of real Google Cloud entries, which lie beside the repository on some machines.
func realEntries(t *testing.T) []string {
	const name = "../../../shared/data/entries/gcp.jsonl"
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// madeEntries are lines of the same kinds: several logs, and some entries without insertId, two of them alike.
func madeEntries() []string {
	var lines []string
	for i := range 400 {
		id := fmt.Sprintf(`"insertId":"i%d", `, i)
		if i%20 == 0 {
			id = ""
		}
		log := []string{"cloudaudit.googleapis.com%2Factivity", "cloudaudit.googleapis.com%2Fdata_access", "syslog"}[i%3]
		severity := []string{"INFO", "NOTICE", "WARNING", "ERROR"}[i%4]
		lines = append(lines, fmt.Sprintf(`{%s"timestamp":"2026-01-%02dT00:00:00Z","severity":%q,"logName":"projects/p%d/logs/%s","textPayload":"%d \u00e4 ä"}`,
			id, 1+i/40, severity, i%2, log, i/40))
	}
	return append(lines, lines[0])
}

// isAudit says by another road what the route audit keeps.
func isAudit(t *testing.T, line string) bool {
	var e struct{ LogName string }
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(e.LogName, "cloudaudit.googleapis.com")
}

// Published entries are delivered byte for byte, once each. Publishing them again adds nothing, neither while the stream itself
// would know them again nor later: this stream forgets after 100 ms.
func TestPublishTwice(t *testing.T) {
	t.Run("made", func(t *testing.T) { testPublishTwice(t, madeEntries()) })
	t.Run("real", func(t *testing.T) {
		entries := realEntries(t)
		if n := testPublishTwice(t, entries); n != 348 || len(entries) != 557 {
			t.Errorf("%d of %d entries are of audit logs, want 348 of 557", n, len(entries))
		}
	})
}

func testPublishTwice(t *testing.T, entries []string) int {
	url, js := forgetfulServer(t)
	p := newPlace(t, "")
	p.configure("bus: {url: " + url + ", streams: [LOGS]}" + auditRoutes)
	p.writeLines("entries.jsonl", entries)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	p.publish("entries.jsonl", int64(len(entries)))
	p.publish("entries.jsonl", 0)
	untilForgotten(t, js)
	p.publish("entries.jsonl", 0)

	info, err := js.Stream(t.Context(), "LOGS")
	if err != nil {
		t.Fatal(err)
	}
	d.await("all deliveries", p.settled(info.CachedInfo().State.LastSeq, "everything"))
	d.drain()
	var audit []string
	for _, line := range entries {
		if isAudit(t, line) {
			audit = append(audit, line)
		}
	}
	p.same("out/audit", audit)
	row := p.balance()["audit"]
	p.diff("account", []uint64{uint64(len(entries) + probes), uint64(len(audit)), uint64(len(entries) + probes - len(audit))},
		[]uint64{row.Examined, row.Delivered, row.NotMatched})
	return len(audit)
}

// forgetfulServer runs a NATS server whose stream LOGS knows ids for 100 ms.
func forgetfulServer(t *testing.T) (url string, js jetstream.JetStream) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not start")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	stream := jetstream.StreamConfig{Name: "LOGS", Subjects: []string{"logs.>"}, Duplicates: 100 * time.Millisecond}
	if _, err := js.CreateStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	return s.ClientURL(), js
}

// probes is how many messages untilForgotten stores.
const probes = 2

// untilForgotten returns when the stream no longer knows the ids of what was published before the call.
func untilForgotten(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for stored := 0; stored < probes; <-tick.C {
		ack, err := js.Publish(t.Context(), "logs.probe", []byte(`{"logName":"projects/p/logs/probe"}`), jetstream.WithMsgID("probe"))
		if err != nil {
			t.Fatal(err)
		}
		if !ack.Duplicate {
			stored++
		}
	}
}
