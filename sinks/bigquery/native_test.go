package bigquery

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/sinks/driver"
)

const fullEntry = `{"log_name":"projects/p/logs/x", "logName":"projects/p/logs/y","timestamp":"2026-03-01T10:00:00.123456789+01:00","severity":"warning",
 "insert_id":"i\u00e9","resource":{"type":"gce_instance","labels":{"zone":"a"},"odd":1},"labels":{"a.b":"c"},"textPayload":"say \"hi\"",
 "jsonPayload":{"n":1.50,"deep":[{"x":null}], "text":"}{"},"httpRequest":{"requestMethod":"GET","status":"503","responseSize":1e3,"latency":"1.5s","cacheHit":true},
 "operation":{"id":"o","first":true},"trace":null,"traceSampled":false,"sourceLocation":{"file":"f.go","line":"12"},"split":{"uid":"u","index":0,"totalSplits":2},
 "errorGroups":[{"id":"g"}],"unknown":{"k":"v"},"other":7}`

// TestNativeRow: an entry with everything in it, as the table's reader finds it.
func TestNativeRow(t *testing.T) {
	server := start(t)
	o := options(server, table)
	o.Columns = map[string]Column{
		"zone": {Value: "resource.labels.zone"}, "fast": {Value: `httpRequest.latency < duration("1s")`}, "took": {Value: "httpRequest.latency"},
		"at": {Value: "timestamp"}, "sum": {Value: "httpRequest.status + 1"}, "n": {Value: "jsonPayload.n", Type: "FLOAT"}, "all": {Value: "jsonPayload.deep", Type: "JSON"},
		"none": {Value: "labels.none"}, "also": {Value: "spanId"},
	}
	l := laneOf(t, o, maxRequest)
	l.prepare()
	l.draft(&driver.Batch{Route: "route", Stream: "LOGS", Epoch: 3, First: 7, Last: 7, Groups: []driver.Group{{Refs: []driver.Ref{{Seq: 7, Index: 2, Stored: 1e18, Raw: []byte(fullEntry)}}}}})
	if rejects, err := l.write(); err != nil || rejects != nil {
		t.Fatal(rejects, err)
	}
	rows := server.Rows(project, dataset, table)
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	at := time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	want := map[string]any{
		"timestamp": at, "receiveTimestamp": time.Unix(1e9, 0).UTC(), "logName": "projects/p/logs/y", "severity": "WARNING", "insertId": "ié",
		"resource": map[string]any{"type": "gce_instance", "labels": raw(`{"zone":"a"}`)}, "labels": raw(`{"a.b":"c"}`), "textPayload": `say "hi"`,
		"jsonPayload": raw(`{"n":1.50,"deep":[{"x":null}], "text":"}{"}`),
		"httpRequest": map[string]any{"requestMethod": "GET", "status": int64(503), "responseSize": int64(1000), "latency": 1.5, "cacheHit": true},
		"operation":   map[string]any{"id": "o", "first": true}, "traceSampled": false, "sourceLocation": map[string]any{"file": "f.go", "line": int64(12)},
		"split":       map[string]any{"uid": "u", "index": int64(0), "totalSplits": int64(2)},
		"errorGroups": raw(`[{"id":"g"}]`), "_sluice_extra": raw(`{"unknown":{"k":"v"},"other":7,"resource.odd":1}`),
		"_sluice_stream": "LOGS", "_sluice_epoch": int64(3), "_sluice_seq": int64(7), "_sluice_index": int64(2),
		"zone": "a", "fast": false, "took": 1.5, "at": at, "sum": int64(504), "n": 1.5, "all": raw(`[{"x":null}]`),
	}
	if diff := cmp.Diff(want, rows[0].Values); diff != "" {
		t.Errorf("the row (-want +got):\n%s", diff)
	}
	made := server.Table(project, dataset, table)
	if made.TimePartitioning.Type != "DAY" || made.TimePartitioning.Field != "timestamp" || made.Clustering.Fields[0] != "logName" {
		t.Errorf("the table: %+v %+v", made.TimePartitioning, made.Clustering)
	}
}

// FuzzItems: the items of an array are found as encoding/json finds them.
func FuzzItems(f *testing.F) {
	f.Add([]byte(`[ 1 , "a]\\\"", {"x":["}"]},[[ ]], null,-1e5,true ]`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want, got []json.RawMessage
		if json.Unmarshal(raw, &want) != nil || want == nil {
			return
		}
		items(raw, func(value []byte) { got = append(got, value) })
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the items of %s (-want +got):\n%s", raw, diff)
		}
	})
}
