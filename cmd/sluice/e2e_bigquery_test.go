package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"google.golang.org/api/bigquery/v2"

	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/driver"
)

const bigProject, bigDataset = "acme-prod", "audit"

// tables are those of a BigQuery in this process, which outlives every daemon of a test.
type tables struct {
	t      testing.TB
	server *bigquerytest.Server
}

func newTables(t testing.TB) *tables {
	t.Helper()
	server, err := bigquerytest.Start(bigquerytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	server.CreateDataset(bigProject, bigDataset)
	return &tables{t, server}
}

// sink is the configuration of a sink that delivers to a table; more options may follow.
func (b *tables) sink(table, more string) string {
	return fmt.Sprintf("{bigquery: {project: %s, dataset: %s, table: %s, endpoint: %q, writeEndpoint: %q%s}}",
		bigProject, bigDataset, table, b.server.URL, b.server.WriteURL, more)
}

// logging is the configuration of a sink with a table for each log, in a dataset of its own.
func (b *tables) logging(dataset string) string {
	b.server.CreateDataset(bigProject, dataset)
	return fmt.Sprintf("{bigquery: {project: %s, dataset: %s, schema: cloud-logging, endpoint: %q, writeEndpoint: %q}}",
		bigProject, dataset, b.server.URL, b.server.WriteURL)
}

// all gives the rows of all tables of a dataset.
func (b *tables) all(dataset string) (rows []bigquerytest.Row) {
	for _, table := range b.server.Tables(bigProject, dataset) {
		rows = append(rows, b.server.Rows(bigProject, dataset, table)...)
	}
	return rows
}

// rows gives a table's rows by their insertId, and how often each stands there.
func (b *tables) rows(table string) map[string]int {
	b.t.Helper()
	return b.byInsertID(b.server.Rows(bigProject, bigDataset, table))
}

// byInsertID counts rows by their insertId; their positions must be as many as they are.
func (b *tables) byInsertID(rows []bigquerytest.Row) map[string]int {
	b.t.Helper()
	all, positions := make(map[string]int), make(map[string]bool)
	for _, row := range rows {
		v := row.Values
		position := fmt.Sprint(v["_sluice_stream"], v["_sluice_epoch"], v["_sluice_seq"], v["_sluice_index"])
		if positions[position] {
			b.t.Errorf("two rows are at %s", position)
		}
		positions[position] = true
		all[fmt.Sprint(v["insertId"])]++
	}
	return all
}

// lines gives the lines of a source that rows were made of, and how often each stands there.
func (b *tables) lines(rows []bigquerytest.Row, byID map[int]string, last string) map[string]int {
	b.t.Helper()
	b.byInsertID(rows)
	all := make(map[string]int)
	for _, row := range rows {
		id := 0
		switch payload := row.Values["jsonPayload"].(type) {
		case json.RawMessage:
			var p struct{ ID int }
			if err := json.Unmarshal(payload, &p); err != nil {
				b.t.Fatal(err)
			}
			id = p.ID
		case map[string]any:
			n, _ := payload["id"].(float64)
			id = int(n)
		}
		line := byID[id]
		if row.Values["insertId"] == "the-last" {
			line = last
		}
		all[line]++
	}
	return all
}

// stands says whether all rows of a unit stand.
func (b *tables) stands(u driver.Unit) bool {
	parts := strings.Split(u.Name, "/") // projects/P/datasets/D/tables/T/streams/S
	if len(parts) != 8 {
		return false
	}
	n := 0
	for _, row := range b.server.Rows(parts[1], parts[3], parts[5]) {
		n += count(row.Stream == u.Name && row.Offset >= u.Offset && row.Offset < u.Offset+int64(u.Count))
	}
	return n == u.Count
}

// TestKillBigQuery is TestKill over two tables and a dataset with a table for each log. The service fails now and then, mostly by a reply that is lost after the
// call took effect, and ends write streams between two lives. Rows, positions and the ledger's account must agree.
func TestKillBigQuery(t *testing.T) {
	kills := heavy(8, 48)
	seed := killSeed(t)
	t.Logf("seed %d (SLUICE_SEED=%d repeats its choices, not the machine's timing)", seed, seed)
	b := newTables(t)
	p := newPlace(t, strings.NewReplacer(
		"{file: {dir: out/archive, layout: hourly}}", b.logging("logs"),
		"{file: {dir: out/errors, layout: databricks, compression: gzip}}", b.sink("errors", ""),
		"{file: {dir: out/most, layout: hourly, compression: gzip}}", b.sink("most", ", columns: {team: labels.team, id: {value: jsonPayload.id, type: INTEGER}}"),
	).Replace(killRoutes))
	var mu sync.Mutex
	random, lost := rand.New(rand.NewPCG(seed, 3)), make(map[bigquerytest.Op]int)
	b.server.SetFault(func(c bigquerytest.Call) bigquerytest.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch die := random.IntN(100); {
		case die < 12 || c.Op == bigquerytest.Append && lost[c.Op] == 0:
			lost[c.Op]++
			return bigquerytest.Fault{Kind: bigquerytest.DropReply}
		case die < 20:
			return []bigquerytest.Fault{{Kind: bigquerytest.Duplicate}, {Kind: bigquerytest.Refuse}, {Kind: bigquerytest.Status, Status: 429},
				{Kind: bigquerytest.Status, Status: 500}, {Kind: bigquerytest.InBand, Status: 503}}[die%5]
		}
		return bigquerytest.Fault{}
	})
	feed := &feeder{place: p, rand: rand.New(rand.NewPCG(seed, 2)), source: "source.jsonl"}
	feed.grow(300)
	ctx, stop := context.WithCancel(t.Context())
	var feeding sync.WaitGroup
	feeding.Go(func() { feed.run(ctx) })
	k := &killing{place: p, rand: rand.New(rand.NewPCG(seed, 1)), stands: func(lane string, u driver.Unit) bool { return b.stands(u) || p.stands(lane, u) }}
	k.between = func(life int) {
		for _, lane := range []string{"most/LOGS", "archive/LOGS"} {
			for _, open := range p.last(lane).Open {
				if stream := open.Units[0].Name; life%2 == 0 && strings.Contains(stream, "/streams/") {
					b.server.EndStream(stream)
				}
			}
		}
	}
	hits := k.often(kills)
	stop()
	feeding.Wait()

	d := p.daemon()
	feed.finish()
	d.await("the last entry at every destination", func() bool {
		for route := range killOracle {
			if s := p.status(route); s.LastSuccess.IsZero() || s.Lag > 0 {
				return false
			}
		}
		return b.rows("most")["the-last"] == 1 && b.rows("errors")["the-last"] == 1 && b.byInsertID(b.all("logs"))["the-last"] == 1
	})
	d.drain()
	p.settleUnreadable(p.last("most/LOGS").Committed)
	byID := sourceByID(p, feed.source)
	judgeKills(p, feed.source, func(route string) map[string]int {
		if route == "archive" {
			return b.lines(b.all("logs"), byID, feed.last)
		}
		return b.lines(b.server.Rows(bigProject, bigDataset, route), byID, feed.last)
	})
	moved := 0
	for _, r := range append(p.records("most/LOGS"), p.records("archive/LOGS")...) {
		moved += count(r.Amend != nil && r.Amend.Reason == "moved")
	}
	t.Logf("%d kills of the daemon: %d hit an open plan, %d of these with units still to write; %d plans moved to another stream; replies lost after their effect: %v; %d entries",
		kills, hits.open, hits.unfinished, moved, lost, feed.lines)
	if hits.open == 0 || lost[bigquerytest.Append] == 0 {
		t.Error("no kill hit an open plan, or no reply was lost: the test has tried nothing")
	}
}

func sourceByID(p *place, source string) map[int]string {
	p.t.Helper()
	byID := make(map[int]string)
	err := eachLine(p.path(source), func(line string) {
		var e struct{ JSONPayload struct{ ID *int } }
		if json.Unmarshal([]byte(line), &e) == nil && e.JSONPayload.ID != nil {
			byID[*e.JSONPayload.ID] = line
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return byID
}

// TestBigQueryRefusals: entries of which no row can be made, and rows that the service refuses, are dead letters with their reasons;
// the others of their batch stand.
func TestBigQueryRefusals(t *testing.T) {
	b := newTables(t)
	p := newPlace(t, `
routes:
  - name: rows
    batch: {age: 300ms}
    sink: `+b.sink("rows", ", columns: {actor: protoPayload.actor, size: {value: jsonPayload.size, type: INTEGER}}")+"\n")
	b.server.RefuseRows(func(r bigquerytest.Row) string {
		if r.Values["insertId"] == "old" {
			return "the partition is too old"
		}
		return ""
	})
	const log = `"logName":"projects/p/logs/x"`
	bad := map[string]string{
		`{` + log + `,"insertId":"t","timestamp":"yesterday"}`:            `timestamp: "yesterday" is not a time like 2026-01-31T00:00:00Z`,
		`{` + log + `,"insertId":"y","timestamp":"0000-01-01T00:00:00Z"}`: `timestamp: the year 0 is not between 1 and 9999`,
		`{` + log + `,"insertId":"a","protoPayload":{"actor":7}}`:         `columns.actor: 7 does not fit a column of type STRING`,
		`{` + log + `,"insertId":"s","jsonPayload":{"size":"big"}}`:       `columns.size: "big" does not fit a column of type INTEGER`,
		`{` + log + `,"insertId":"h","httpRequest":{"status":"ok"}}`:      `httpRequest.status: "ok" is not an integer of 64 bits`,
		`{` + log + `,"insertId":"old"}`:                                  `BigQuery: the partition is too old`,
	}
	lines, want := []string{}, map[string]int{}
	for line := range bad {
		lines = append(lines, line)
	}
	for i := range 100 {
		id := fmt.Sprintf("good%d", i)
		lines = append(lines, fmt.Sprintf(`{%s,"insertId":%q,"timestamp":"2026-03-01T00:00:00Z","jsonPayload":{"size":%d}}`, log, id, i))
		want[id] = 1
	}
	p.writeLines("source.jsonl", lines)
	d := p.daemon()
	p.publish("source.jsonl", int64(len(lines)))
	d.await("all", p.settled(1, "rows"))
	d.drain()
	p.diff("rows", want, b.rows("rows"))
	got := make(map[string]string)
	for line := range p.lines("data/dead") {
		var e struct{ Reason, Detail, Raw string }
		p.decode(line, &e)
		got[e.Raw] = e.Reason + ": " + e.Detail
	}
	for line, reason := range bad {
		bad[line] = "rejected: " + reason
	}
	p.diff("dead letters", bad, got)
	if row := p.balance()["rows"]; row.Delivered != 100 || row.DeadLetters != uint64(len(bad)) {
		t.Errorf("account %+v", row)
	}
	b.server.RefuseRows(nil) // what the service takes now is delivered by a replay, once; of the others no row can be made still
	for range 2 {
		p.sluice(1, "replay", "rows")
	}
	want["old"] = 1
	p.diff("rows after the replay", want, b.rows("rows"))
}

// TestBigQueryWrongSchema: a table that does not take the rows, and a column that fits no entry, pause the route; nothing is a dead letter.
func TestBigQueryWrongSchema(t *testing.T) {
	b := newTables(t)
	b.server.CreateTable(bigProject, bigDataset, "taken", &bigquery.TableFieldSchema{Name: "severity", Type: "INTEGER"})
	p := newPlace(t, `
routes:
  - name: taken
    batch: {age: 50ms}
    sink: `+b.sink("taken", "")+`
  - name: column
    batch: {age: 50ms}
    sink: `+b.sink("column", ", columns: {n: {value: jsonPayload.n, type: BOOLEAN}}")+"\n")
	var lines []string
	for i := range 50 {
		lines = append(lines, fmt.Sprintf(`{"insertId":"e%d","jsonPayload":{"n":%d}}`, i, i))
	}
	p.writeLines("source.jsonl", lines)
	d := p.daemon()
	p.publish("source.jsonl", 50)
	for route, message := range map[string]string{"taken": "column severity is INTEGER, and STRING is needed", "column": "do not fit columns"} {
		d.await(route+" to pause", func() bool {
			s := p.status(route)
			return s.State == "paused" && strings.Contains(s.Message, message)
		})
	}
	d.drain()
	if rows, dead := b.rows("column"), p.lines("data/dead"); len(rows)+len(dead) > 0 {
		t.Errorf("%d rows, %d dead letters", len(rows), len(dead))
	}
}
