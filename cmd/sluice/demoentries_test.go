package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

// demoSum is the sha256 over all lines. It changes with every change of the templates; on its own it must never change, or a
// second run of the demo would publish everything again.
const demoSum = "d28d8cfd76036f3d084cbef44d4e828f876c9b0e4606d5fd5da892b0d3c0ecc3"

// demoRead is what the tests look at in an entry.
type demoRead struct {
	LogName, Timestamp, Severity, InsertID string
	Labels                                 map[string]string
	Resource                               struct {
		Type   string
		Labels map[string]string
	}
	ProtoPayload *struct {
		ServiceName, MethodName, ResourceName string
		Status                                struct{ Code int }
		AuthorizationInfo                     []struct{ PermissionType string }
	}
	TextPayload *string
	JSONPayload map[string]any
	HTTPRequest map[string]any
}

func (e demoRead) system() string {
	switch {
	case e.ProtoPayload == nil:
		return "application"
	case e.Labels["source"] != "":
		return e.Labels["source"]
	case e.ProtoPayload.ServiceName == "aiplatform.googleapis.com":
		return "vertex"
	default:
		return "google"
	}
}

func (e demoRead) log() string {
	_, id, _ := strings.Cut(e.LogName, "/logs/")
	return strings.TrimPrefix(id, "cloudaudit.googleapis.com%2F")
}

// demoReadable decodes the well-formed lines and gives the malformed ones apart.
func demoReadable(lines [][]byte) (entries []demoRead, malformed []string) {
	for _, line := range lines {
		var e demoRead
		if !utf8.Valid(line) || json.Unmarshal(line, &e) != nil {
			malformed = append(malformed, string(line))
			continue
		}
		entries = append(entries, e)
	}
	return entries, malformed
}

func TestDemoEntriesAreAlwaysTheSame(t *testing.T) {
	lines := demoEntries()
	if len(lines) != demoLines {
		t.Errorf("%d lines, want %d", len(lines), demoLines)
	}
	all := bytes.Join(lines, []byte("\n"))
	sum := sha256.Sum256(all)
	if got := hex.EncodeToString(sum[:]); got != demoSum {
		t.Errorf("sha256 of the lines is %s, want %s", got, demoSum)
	}
	if !bytes.Equal(all, bytes.Join(demoEntries(), []byte("\n"))) {
		t.Error("a second call gives other bytes")
	}
}

func TestDemoEntriesCounts(t *testing.T) {
	entries, malformed := demoReadable(demoEntries())
	if len(malformed) != demoMalformed {
		t.Errorf("%d malformed lines, want %d: %q", len(malformed), demoMalformed, malformed)
	}
	seen := map[string]bool{}
	got := map[string]int{}
	for _, e := range entries {
		identity := e.LogName + e.Timestamp + e.InsertID
		if e.InsertID != "" && seen[identity] {
			got["repeated"]++
			continue
		}
		seen[identity] = true
		if e.InsertID == "" {
			got["without insertId"]++
		}
		got[e.system()+" "+e.log()]++
		if e.system() == "vertex" && e.log() == "data_access" && strings.HasSuffix(e.ProtoPayload.AuthorizationInfo[0].PermissionType, "_READ") {
			got["vertex reads"]++
		}
	}
	want := map[string]int{
		"google activity": 470, "google data_access": 390, "google system_event": 80, "google policy": 50,
		"vertex activity": 160, "vertex data_access": 520, "vertex reads": 480,
		"databricks activity": 190, "databricks data_access": 160, "databricks system_event": 50, "databricks policy": 20,
		"wandb activity": 150, "wandb data_access": 110,
		"circleci activity": 130, "circleci data_access": 20, "circleci system_event": 160,
		"application requests": 150, "application stdout": 81, "application checkout": 100,
		"without insertId": demoNoInsertID, "repeated": demoDuplicates,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries of each sort (-want +got):\n%s", diff)
	}
}

func TestDemoEntriesAreWellFormed(t *testing.T) {
	entries, _ := demoReadable(demoEntries())
	kinds, methods, ids := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, e := range entries {
		at, err := time.Parse(time.RFC3339Nano, e.Timestamp)
		if err != nil || at.Before(demoStart) || at.After(demoStart.Add(demoSpan)) {
			t.Errorf("%s %s: timestamp %q is not within the two days: %v", e.LogName, e.InsertID, e.Timestamp, err)
		}
		parent, id, ok := strings.Cut(e.LogName, "/logs/")
		if !ok || id == "" || strings.Count(parent, "/") != 1 || e.Severity == "" || e.Resource.Type == "" {
			t.Errorf("not a LogEntry: %+v", e)
		}
		if p := e.ProtoPayload; p != nil {
			methods[p.MethodName] = true
			if p.ServiceName == "" || p.MethodName == "" || p.ResourceName == "" {
				t.Errorf("audit entry without service, method or resource: %+v", p)
			}
			if p.Status.Code != 0 && e.Severity != "ERROR" {
				t.Errorf("failed call %s has severity %s", e.InsertID, e.Severity)
			}
		} else if e.TextPayload == nil && e.JSONPayload == nil && e.HTTPRequest == nil {
			t.Errorf("entry without payload: %+v", e)
		}
		if other, ok := ids[e.InsertID]; ok && e.InsertID != "" && other != e.Timestamp {
			t.Errorf("insertId %s stands in two entries", e.InsertID)
		}
		ids[e.InsertID] = e.Timestamp
		kinds[e.Resource.Type] = true
	}
	if len(kinds) < 10 || len(methods) < 80 {
		t.Errorf("%d kinds of resources and %d methods: too uniform to look real", len(kinds), len(methods))
	}
}

// The router itself must find the malformed lines unreadable, each for its own reason, and no others.
func TestDemoEntriesUnreadable(t *testing.T) {
	fields := logentry.NewFields()
	var entry logentry.Entry
	got := map[logentry.Reason]int{}
	for _, line := range demoEntries() {
		entry.Raw = line
		if defect := fields.Extract(&entry, logentry.Limits{}); defect != nil {
			got[defect.Reason]++
		}
	}
	want := map[logentry.Reason]int{logentry.ReasonSyntax: 1, logentry.ReasonUTF8: 1, logentry.ReasonNotObject: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unreadable lines by reason (-want +got):\n%s", diff)
	}
}

// Every row of every table must give an entry, also those that the dice seldom choose.
func TestDemoEveryRowBuilds(t *testing.T) {
	var builds []func(*demoScene) demoObject
	for _, table := range [][]demoCall{demoActivityCalls, demoReadCalls, demoSystemCalls, demoPolicyCalls, demoVertexReadCalls, demoVertexWriteCalls, demoVertexAdminCalls} {
		for _, row := range table {
			builds = append(builds, demoVertexCalls([]demoCall{row}))
		}
	}
	for _, table := range [][]demoDatabricksCall{demoDatabricksReads, demoDatabricksChanges, demoDatabricksSystem, demoDatabricksRefused} {
		for _, row := range table {
			builds = append(builds, row.entry)
		}
	}
	for _, table := range [][]demoWandbCall{demoWandbReads, demoWandbChanges} {
		for _, row := range table {
			builds = append(builds, row.entry)
		}
	}
	for _, table := range [][]demoCircleCICall{demoCircleCIReads, demoCircleCIChanges, demoCircleCISystem} {
		for _, row := range table {
			builds = append(builds, row.entry)
		}
	}
	dice := &demoDice{state: 7}
	for i, build := range builds {
		for range 20 {
			line := demoLine(build(newDemoScene(dice, dice.instant())))
			entries, _ := demoReadable([][]byte{line})
			if len(entries) != 1 || entries[0].ProtoPayload == nil {
				t.Errorf("row %d gives %s", i, line)
			}
			if bytes.Contains(line, []byte("$")) {
				t.Errorf("row %d leaves a template word: %s", i, line)
			}
		}
	}
}
