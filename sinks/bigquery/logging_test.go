package bigquery

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/bigquery/v2"

	"sluice/logentry"
	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/driver"
)

// loggingLane is a lane in schema cloud-logging.
func loggingLane(t *testing.T, server *bigquerytest.Server, partitioned bool) *lane {
	o := options(server, "")
	o.Schema, o.UsePartitionedTables = schemaLogging, partitioned
	return laneOf(t, o, maxRequest)
}

// deliver delivers entries as the pipeline does.
func (l *lane) deliver(first uint64, entries ...string) (units int) {
	l.t.Helper()
	l.draftEntries(first, entries...)
	for i := range l.plan.Units {
		if _, err := l.sink.Write(l.t.Context(), &l.plan.Units[i]); err != nil {
			l.t.Fatal(err)
		}
	}
	l.state = l.plan.Next
	return len(l.plan.Units)
}

// draftEntries plans entries as the pipeline does: by their keys, preparing as often as the plan wants.
func (l *lane) draftEntries(first uint64, entries ...string) {
	l.t.Helper()
	b := &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 1, First: first, Last: first}
	fields := logentry.NewFields(l.sink.Properties().Fields...)
	for i, raw := range entries {
		e := logentry.Entry{Raw: []byte(raw), Stream: "LOGS", Seq: first, Index: i, Stored: time.Unix(0, 0).UTC()}
		if d := fields.Extract(&e, logentry.Limits{}); d != nil {
			l.t.Fatal(d)
		}
		key := string(l.sink.Key(nil, &e))
		at := slices.IndexFunc(b.Groups, func(g driver.Group) bool { return g.Key == key })
		if at < 0 {
			b.Groups, at = append(b.Groups, driver.Group{Key: key}), len(b.Groups)
		}
		b.Groups[at].Refs = append(b.Groups[at].Refs, driver.Ref{Seq: first, Index: int32(i), Raw: []byte(raw)})
	}
	for range 4 {
		l.prepare()
		if l.draft(b); l.plan.Wants == nil {
			break
		}
		l.state = l.plan.Wants
	}
	again := laneOf(l.t, l.o, maxRequest) // a redo makes the same plan, and its rows, of the plan alone
	again.state = l.state
	again.draft(b)
	if diff := cmp.Diff(l.plan, again.plan); diff != "" || l.plan.Wants != nil {
		l.t.Fatalf("a redo plans otherwise:\n%s", diff)
	}
}

// row gives the row of a table at a position, without the columns that Sluice adds.
func row(t *testing.T, server *bigquerytest.Server, table string, seq, index int64) map[string]any {
	t.Helper()
	for _, r := range server.Rows(project, dataset, table) {
		if r.Values["_sluice_seq"] == seq && r.Values["_sluice_index"] == index {
			for _, own := range []string{"_sluice_seq", "_sluice_index", "_sluice_epoch", "_sluice_stream", "receiveTimestamp", "timestamp", "insertId"} {
				delete(r.Values, own)
			}
			return r.Values
		}
	}
	t.Fatalf("table %s has no row %d.%d", table, seq, index)
	return nil
}

const auditEntry = `{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-03-01T23:30:00Z","severity":"NOTICE","labels":{"K8s-Pod/App":"web"},
 "resource":{"type":"gcs_bucket","labels":{"moduleid":"m"}},"operation":{"id":"o","first":true},"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog",
 "methodName":"storage.set","numResponseItems":"7","status":{"code":7,"message":"no"},"authenticationInfo":{"principalEmail":"a@b"},
 "authorizationInfo":[{"permission":"p","granted":true},{"permission":"q","resourceAttributes":{"name":"n"}}],"request":{"x":[1,{"y":null}]},"response":{},
 "serviceData":{"@type":"type.googleapis.com/google.iam.v1.logging.AuditData","policyDelta":{"bindingDeltas":[{"action":"ADD"}]}},"metadata":{"z":1}}}`

// TestLoggingAudit: the table and columns of an audit entry are those of Google's sinks.
func TestLoggingAudit(t *testing.T) {
	server := start(t)
	loggingLane(t, server, true).deliver(7, auditEntry)
	want := map[string]any{
		"logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity", "severity": "NOTICE", "labels": map[string]any{"k8s_pod_app": "web"},
		"resource":  map[string]any{"type": "gcs_bucket", "labels": map[string]any{"moduleid": "m"}},
		"operation": map[string]any{"id": "o", "first": true},
		"protopayload_auditlog": map[string]any{
			"type":       "type.googleapis.com/google.cloud.audit.AuditLog",
			"methodName": "storage.set", "numResponseItems": int64(7), "status": map[string]any{"code": int64(7), "message": "no"},
			"authenticationInfo": map[string]any{"principalEmail": "a@b"},
			"authorizationInfo": []any{map[string]any{"permission": "p", "granted": true},
				map[string]any{"permission": "q", "resourceAttributes": map[string]any{"name": "n"}}},
			"requestJson": `{"x":[1,{"y":null}]}`, "responseJson": `{}`, "metadataJson": `{"z":1}`,
			"servicedata_v1_iam": map[string]any{"type": "type.googleapis.com/google.iam.v1.logging.AuditData", "policyDelta": map[string]any{"bindingDeltas": []any{map[string]any{"action": "ADD"}}}},
		},
	}
	got := row(t, server, "cloudaudit_googleapis_com_activity", 7, 0)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the row (-want +got):\n%s", diff)
	}
	sharded := start(t)
	loggingLane(t, sharded, false).deliver(7, auditEntry)
	if tables := sharded.Tables(project, dataset); !slices.Equal(tables, []string{"cloudaudit_googleapis_com_activity_20260301"}) {
		t.Errorf("tables %v", tables)
	}
}

func payload(json string) string {
	return `{"logName":"projects/p/logs/app","jsonPayload":` + json + `}`
}

// TestLoggingEvolution: tables gain columns; what does not fit stands in the table of errors, and the rest of the batch where it belongs.
func TestLoggingEvolution(t *testing.T) {
	for _, partitioned := range []bool{true, false} {
		server := start(t)
		l := loggingLane(t, server, partitioned)
		app, errors := "app", "export_errors"
		if !partitioned {
			app, errors = "app_19700101", "export_errors_19700101"
		}
		l.deliver(1, payload(`{"N":1,"text":"a","MESSAGE":"first","message":"second"}`), payload(`{"n":"two"}`), payload(`{"n":3,"list":[1,2.5]}`))
		l.deliver(2, payload(`{"n":4,"fresh":{"deep":[{"k":"v"}]}}`), payload(`{"list":3}`), payload(`{"mixed":[1,"a"]}`), payload(`{"n":{"now":"object"}}`), payload(`{"fresh":{"deep":[{"k":"w","more":true}]},"hollow":[{"a":[]},{}],"gone":{"b":{}}}`))
		json := func(s string) json.RawMessage { return json.RawMessage(s) }
		const log = "projects/p/logs/app"
		for position, want := range map[[2]int64]map[string]any{
			{1, 0}: {"logName": log, "jsonPayload": map[string]any{"n": 1.0, "text": "a", "message": "first"}, "_sluice_extra": json(`{"jsonPayload.message":"second"}`)},
			{1, 2}: {"logName": log, "jsonPayload": map[string]any{"n": 3.0, "list": []any{1.0, 2.5}}},
			{2, 0}: {"logName": log, "jsonPayload": map[string]any{"n": 4.0, "fresh": map[string]any{"deep": []any{map[string]any{"k": "v"}}}}},
			{2, 4}: {"logName": log, "jsonPayload": map[string]any{"fresh": map[string]any{"deep": []any{map[string]any{"k": "w", "more": true}}}}, "_sluice_extra": json(`{"jsonPayload.hollow":[{"a":[]},{}]}`)},
		} {
			if diff := cmp.Diff(want, row(t, server, app, position[0], position[1])); diff != "" {
				t.Errorf("row %v (-want +got):\n%s", position, diff)
			}
		}
		for position, want := range map[[2]int64]string{
			{1, 1}: `jsonPayload.n: "two" does not fit the column's type, FLOAT`, {2, 1}: "jsonPayload.list is FLOAT, and the column REPEATED FLOAT",
			{2, 2}: "jsonPayload.mixed is a list of FLOAT and STRING, which no column holds", {2, 3}: "jsonPayload.n is RECORD, and the column FLOAT",
		} {
			got := row(t, server, errors, position[0], position[1])
			if got["schemaErrorDetail"] != want || got["sink"] != "route" || got["logName"] != log || !strings.Contains(fmt.Sprint(got["logEntry"]), `"jsonPayload"`) {
				t.Errorf("error %v: %v", position, got)
			}
		}
		if n := len(server.Rows(project, dataset, app)) + len(server.Rows(project, dataset, errors)); n != 8 {
			t.Errorf("%d rows of 8 entries", n)
		}
	}
}

// TestLoggingHiddenColumns: what the Write API does not know yet of a table stands in _sluice_extra until it does.
func TestLoggingHiddenColumns(t *testing.T) {
	server := start(t)
	l := loggingLane(t, server, true)
	l.deliver(1, payload(`{"a":1}`))
	server.HideNewColumns(true)
	l.deliver(2, payload(`{"a":2,"b":{"c":"x"}}`))
	server.HideNewColumns(false)
	l.deliver(3, payload(`{"a":3,"b":{"c":"x"}}`))
	server.Calls()
	l.deliver(4, payload(`{"a":4,"b":{"c":"x"}}`))
	for _, c := range server.Calls() {
		if c.Op != bigquerytest.Append {
			t.Errorf("%s, and all columns are known", c.Op)
		}
	}
	for seq, want := range map[int64]string{
		2: `{"_sluice_extra":{"jsonPayload.b":{"c":"x"}},"jsonPayload":{"a":2},"logName":"projects/p/logs/app"}`,
		3: `{"jsonPayload":{"a":3,"b":{"c":"x"}},"logName":"projects/p/logs/app"}`,
	} {
		got, err := json.Marshal(row(t, server, "app", seq, 0))
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("row %d: %v\n%s", seq, err, diff)
		}
	}
}

// TestLoggingExistingTable: the types that a table has decide, also those that no entry brings.
func TestLoggingExistingTable(t *testing.T) {
	server := start(t)
	server.CreateTable(project, dataset, "app", &bigquery.TableFieldSchema{Name: "jsonPayload", Type: "RECORD", Fields: []*bigquery.TableFieldSchema{
		{Name: "n", Type: "INTEGER"}, {Name: "at", Type: "TIMESTAMP"}, {Name: "any", Type: "JSON"}, {Name: "odd", Type: "NUMERIC"}}})
	l := loggingLane(t, server, true)
	l.deliver(1, payload(`{"n":5,"at":"2026-03-01T00:00:00Z","any":{"x":[1]},"odd":7}`), payload(`{"n":5.5}`), payload(`{"at":"soon"}`))
	got, err := json.Marshal(row(t, server, "app", 1, 0))
	want := `{"_sluice_extra":{"jsonPayload.odd":7},"jsonPayload":{"any":{"x":[1]},"at":"2026-03-01T00:00:00Z","n":5},"logName":"projects/p/logs/app"}`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if n := len(server.Rows(project, dataset, "export_errors")); n != 2 {
		t.Errorf("%d errors", n)
	}
}

func TestNames(t *testing.T) {
	for logName, want := range map[string]string{
		"projects/p/logs/cloudaudit.googleapis.com%2Factivity": "cloudaudit_googleapis_com_activity", "projects/p/logs/a-b.c": "a_b_c",
		"": "none", "projects/p/logs/export_errors": "log_export_errors", "projects/p/logs/export_errors_20260301": "log_export_errors_20260301",
		"projects/p/logs/export_errors_2026030": "log_export_errors_2026030",
	} {
		if got := tableName(logName); got != want || isErrorTable(got) {
			t.Errorf("%s: %s, want %s, and no table of errors", logName, got, want)
		}
	}
	for key, want := range map[string]string{"foo%%": "foo__", "MESSAGE": "message", "__x": "x", "ümlaut.é": "mlaut__", "..": "unnamed", strings.Repeat("a", 200): strings.Repeat("a", 128)} {
		if got := columnNameOf(key, false); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if got := payloadName("jsonPayload", "type.googleapis.com/abc.Xyz"); got != "jsonpayload_abc_xyz" {
		t.Error(got)
	}
}

// FuzzColumns: a column set is the text that was read.
func FuzzColumns(f *testing.F) {
	f.Add("a:s,b:{c:*f,d:{e:t}},f:*{g:j}")
	f.Add("a:{}")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		columns, err := readColumns(s)
		if err != nil {
			return
		}
		again, err := readColumns(writeColumns(columns))
		if diff := cmp.Diff(columns, again, cmp.AllowUnexported(column{})); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", s, err, diff)
		}
	})
}

// TestLoggingAFaultAtEachCall: whatever happens to the n-th call, for each n, each entry stands once, in its table or in that of errors.
func TestLoggingAFaultAtEachCall(t *testing.T) {
	for name, fault := range map[string]bigquerytest.Fault{
		"refused": {Kind: bigquerytest.Refuse}, "lost reply": {Kind: bigquerytest.DropReply}, "twice": {Kind: bigquerytest.Duplicate}, "503": {Kind: bigquerytest.Status, Status: 503},
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
				l := loggingLane(t, server, true)
				l.deliver(1, payload(`{"n":1}`), payload(`{"n":"two"}`), auditEntry)
				l.deliver(2, payload(`{"n":3,"more":true}`), payload(`{"n":[]}`))
				n := len(server.Rows(project, dataset, "app")) + len(server.Rows(project, dataset, "export_errors")) + len(server.Rows(project, dataset, "cloudaudit_googleapis_com_activity"))
				if n != 5 {
					t.Fatalf("call %d: %d rows of 5 entries", at, n)
				}
				if calls.Load() < at {
					return
				}
			}
		})
	}
}

// TestLoggingStreamOfErrorsLost: misfits of several tables stand, the process dies, their stream is gone: the redo adds none again.
func TestLoggingStreamOfErrorsLost(t *testing.T) {
	server := start(t)
	a, b := payload(`{"mixed":[1,"a"]}`), strings.Replace(payload(`{"mixed":[1,"b"]}`), "logs/app", "logs/other", 1)
	dying := loggingLane(t, server, true)
	dying.draftEntries(1, payload(`{"n":1}`), b, a, b, a)
	before := dying.state
	if _, err := dying.write(); err != nil {
		t.Fatal(err)
	}
	dying.state = before
	for _, stream := range server.Streams(project, dataset, errorTable) {
		server.ForgetStream(stream)
	}
	l := loggingLane(t, server, true)
	l.again(dying)
	if _, err := l.write(); err != nil {
		t.Fatal(err)
	}
	var got []any
	for _, r := range server.Rows(project, dataset, errorTable) {
		got = append(got, r.Values["_sluice_index"])
	}
	if diff := cmp.Diff([]any{int64(1), int64(2), int64(3), int64(4)}, got); diff != "" {
		t.Errorf("rows of the table of errors (-want +got):\n%s", diff)
	}
}

// TestLoggingTooManyColumns: entries that need more columns than a table has are delivered all the same, with a new table and with one
// that is there.
func TestLoggingTooManyColumns(t *testing.T) {
	server := start(t)
	l := loggingLane(t, server, true)
	for seq := range uint64(2) {
		var entries []string
		for i := range 6 {
			var keys []string
			for k := range 2000 {
				keys = append(keys, fmt.Sprintf(`"k%d_%d":1`, i, k))
			}
			entries = append(entries, payload("{"+strings.Join(keys, ",")+"}"))
		}
		l.deliver(seq+1, entries...)
	}
	if rows := server.Rows(project, dataset, "app"); len(rows) != 12 || !strings.Contains(fmt.Sprintf("%s", rows[11].Values["_sluice_extra"]), `k5_1999`) {
		t.Errorf("%d rows", len(rows))
	}
}

// TestUnmakeableRows: rows that cannot be made of what a plan says need a person: nothing is appended, and nobody tries for ever.
func TestUnmakeableRows(t *testing.T) {
	server := start(t)
	l := loggingLane(t, server, true)
	l.draftEntries(1, payload(`{"n":1}`))
	u := l.plan.Units[0]
	u.Refs = []driver.Ref{{Seq: 1, Raw: []byte(payload(`{"n":{"now":"object"}}`))}}
	for name, splits := range map[string][]int{"appended": u.Splits, "measured": nil} {
		u.Splits = splits
		if _, err := l.sink.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rows := server.Rows(project, dataset, "app"); len(rows) > 0 {
		t.Errorf("rows %v", rows)
	}
}
