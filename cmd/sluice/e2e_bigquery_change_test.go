package main

import (
	"fmt"
	"strings"
	"testing"

	"sluice/sinks/bigquery/bigquerytest"
)

// TestBigQueryPurged: the stream loses a part of a plan that is open at BigQuery. Its place there is closed before the rest is planned:
// what stands of it stays, what does not is delivered as far as the stream has it, and nothing stands twice.
func TestBigQueryPurged(t *testing.T) {
	for name, c := range map[string]struct{ taken, want int }{"nothing stands": {0, 20}, "everything stands": {1, 30}} {
		t.Run(name, func(t *testing.T) {
			b := newTables(t)
			w := &liar{place: newPlace(t, "routes:\n  - name: rows\n    batch: {entries: 30}\n    sink: "+b.sink("rows", "")+"\n"),
				lives: []map[uint64]string{{}}, gone: make(map[string]bool)}
			w.start()
			appends := 0
			b.server.SetFault(func(call bigquerytest.Call) bigquerytest.Fault {
				if call.Op != bigquerytest.Append {
					return bigquerytest.Fault{}
				}
				if appends++; appends <= c.taken {
					return bigquerytest.Fault{Kind: bigquerytest.DropReply}
				}
				return bigquerytest.Fault{Kind: bigquerytest.Status, Status: 403}
			})
			last := w.put(30)
			w.paused("rows")
			if open := w.last("rows/LOGS").Open[0]; open.Last != last {
				t.Fatalf("the plan ends at %d of %d", open.Last, last)
			}
			w.purge(11)
			b.server.SetFault(nil)
			w.await(last, "rows")
			w.stop()
			if rows := b.rows("rows"); len(rows) != c.want || rows["e29"] != 1 {
				t.Errorf("%d rows, want %d: %v", len(rows), c.want, rows)
			}
			for id, n := range b.rows("rows") {
				if n != 1 {
					t.Errorf("%s stands %d times", id, n)
				}
			}
		})
	}
}

// TestBigQueryOtherLimits: other batch limits are another delivery: a new write stream, the same table, each entry once.
func TestBigQueryOtherLimits(t *testing.T) {
	b := newTables(t)
	routes := "routes:\n  - name: rows\n    batch: {age: 50ms, entries: 10}\n    sink: " + b.sink("rows", "") + "\n"
	p := newPlace(t, routes)
	for life, entries := range []string{"10", "7", "7"} {
		p.configure(placeConfig + strings.Replace(routes, "entries: 10", "entries: "+entries, 1))
		var lines []string
		for i := range 30 {
			lines = append(lines, fmt.Sprintf(`{"insertId":"life%d-%d"}`, life, i))
		}
		p.writeLines(fmt.Sprintf("life%d.jsonl", life), lines)
		d := p.daemon()
		d.await("health", func() bool { return p.health() == 200 })
		p.publish(fmt.Sprintf("life%d.jsonl", life), 30)
		d.await("all", func() bool { return len(b.rows("rows")) == 30*(life+1) && p.status("rows").Lag == 0 })
		d.drain()
	}
	for id, n := range b.rows("rows") {
		if n != 1 {
			t.Errorf("%s stands %d times", id, n)
		}
	}
	if streams := b.server.Streams(bigProject, bigDataset, "rows"); len(streams) != 2 {
		t.Errorf("streams %v, want one for each of two limits", streams)
	}
	if row := p.balance()["rows"]; row.Delivered != 90 {
		t.Errorf("account %+v", row)
	}
}
