package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// router is what a console shows in these tests.
type router struct {
	lanes     []pipeline.LaneStatus
	strangers []pipeline.Stranger
	ready     chan struct{}
	abandoned []string
	acts      []ledger.Act
	span      pipeline.BackfillRange
}

func (r *router) Status() []pipeline.LaneStatus  { return r.lanes }
func (r *router) Strangers() []pipeline.Stranger { return r.strangers }
func (r *router) Ready() <-chan struct{}         { return r.ready }
func (r *router) Pending() (int64, int64)        { return 1 << 20, 128 << 20 }
func (r *router) Abandon(route, reason string) error {
	if route == "unknown" {
		return errors.New(`no route "unknown"`)
	}
	r.abandoned = append(r.abandoned, route+": "+reason)
	return nil
}

func (r *router) Act(_ context.Context, route string, act ledger.Act) error {
	if route == "unknown" {
		return errors.New(`no route "unknown"`)
	}
	r.acts = append(r.acts, act)
	return nil
}

func TestActs(t *testing.T) {
	for _, c := range []struct {
		path, from string
		code       int
		acts       []ledger.Act
	}{
		{"/v1/routes/a/pause?who=ana%40host", "127.0.0.1:5000", http.StatusOK, []ledger.Act{{Who: "ana@host", What: "pause", Why: "moves"}}},
		{"/v1/routes/a/resume", "[::1]:5000", http.StatusOK, []ledger.Act{{Who: "somebody at [::1]:5000", What: "resume", Why: "moves"}}},
		{"/v1/routes/a/disable?who=b", "127.0.0.1:5000", http.StatusOK, []ledger.Act{{Who: "b", What: "disable", Why: "moves"}}},
		{"/v1/routes/a/enable?who=b", "127.0.0.1:5000", http.StatusOK, []ledger.Act{{Who: "b", What: "enable", Why: "moves"}}},
		{"/v1/routes/a/enable?who=b", "10.0.0.9:5000", http.StatusForbidden, nil},
		{"/v1/routes/unknown/pause?who=b", "127.0.0.1:5000", http.StatusConflict, nil},
		{"/v1/routes/a/stop?who=b", "127.0.0.1:5000", http.StatusNotFound, nil},
	} {
		r := &router{}
		if code := ask(r, http.MethodPost, c.path, "moves", c.from).Code; code != c.code {
			t.Errorf("%s: answered %d, want %d", c.path, code, c.code)
		}
		if diff := cmp.Diff(c.acts, r.acts); diff != "" {
			t.Errorf("%s: %s", c.path, diff)
		}
	}
}

func (r *router) Replay(_ context.Context, route, why string, report func(pipeline.SideStatus)) error {
	report(pipeline.SideStatus{Lane: route + "/LOGS/r1", Total: 2, Settled: 1})
	if why == "fails" {
		return errors.New("halted: gone")
	}
	report(pipeline.SideStatus{Lane: route + "/LOGS/r1", Total: 2, Settled: 2, Delivered: 2, Done: true})
	return nil
}

func TestReplay(t *testing.T) {
	for _, c := range []struct {
		body, from string
		code       int
		want       string
	}{
		{"", "127.0.0.1:1", http.StatusOK, `{"lane":"a/LOGS/r1","total":2,"settled":1,"delivered":0,"refused":0,"state":"","done":false}
{"lane":"a/LOGS/r1","total":2,"settled":2,"delivered":2,"refused":0,"state":"","done":true}
`},
		{"fails", "127.0.0.1:1", http.StatusOK, `{"lane":"a/LOGS/r1","total":2,"settled":1,"delivered":0,"refused":0,"state":"","done":false}
{"error":"halted: gone"}
`},
		{"", "10.0.0.9:1", http.StatusForbidden, "only from the daemon's own machine\n"},
	} {
		answer := ask(&router{}, http.MethodPost, "/v1/routes/a/replay", c.body, c.from)
		if diff := cmp.Diff(c.want, answer.Body.String()); diff != "" || answer.Code != c.code {
			t.Errorf("%q from %s: %d\n%s", c.body, c.from, answer.Code, diff)
		}
	}
}

func (r *router) Backfill(_ context.Context, route string, span pipeline.BackfillRange, _ func(pipeline.SideStatus)) error {
	r.span = span
	return nil
}

// TestBackfill reads what a backfill is of from the query.
func TestBackfill(t *testing.T) {
	since := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		query, want string
		span        pipeline.BackfillRange
	}{
		{"", "", pipeline.BackfillRange{Why: "w"}},
		{"?since=2026-03-01T00:00:00Z&until=2026-03-01T01:00:00Z&rate=5", "", pipeline.BackfillRange{Since: since, Until: since.Add(time.Hour), Rate: 5, Why: "w"}},
		{"?since=yesterday", "since: ", pipeline.BackfillRange{}},
		{"?rate=-1", "rate ", pipeline.BackfillRange{}},
	} {
		r := &router{}
		answer := ask(r, http.MethodPost, "/v1/routes/a/backfill"+c.query, "w", "127.0.0.1:1").Body.String()
		if !strings.Contains(answer, c.want) || (c.want == "") != (answer == "") || r.span != c.span {
			t.Errorf("%q: answered %q, asked for %+v", c.query, answer, r.span)
		}
	}
}

func TestNoWebPageAbandons(t *testing.T) {
	r := &router{}
	req := httptest.NewRequest(http.MethodPost, "/v1/routes/a/abandon", nil)
	req.RemoteAddr = "127.0.0.1:5000"
	req.Header.Set("Origin", "https://elsewhere.example")
	answer := httptest.NewRecorder()
	console.Handler(r, console.NewMetrics(prometheus.NewRegistry())).ServeHTTP(answer, req)
	if answer.Code != http.StatusForbidden || r.abandoned != nil {
		t.Errorf("answered %d, abandoned %v", answer.Code, r.abandoned)
	}
}

func ask(r *router, method, path, body, from string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.RemoteAddr = from
	answer := httptest.NewRecorder()
	console.Handler(r, console.NewMetrics(prometheus.NewRegistry())).ServeHTTP(answer, req)
	return answer
}

func TestStatus(t *testing.T) {
	r := &router{lanes: []pipeline.LaneStatus{{Route: "a", Stream: "LOGS", State: pipeline.Paused, Message: "no bucket", Cursor: 3, Last: 9, Lag: 6, Lost: 2}},
		strangers: []pipeline.Stranger{{Stream: "LOGS", Resource: "projects/lone", Entries: 7}}}
	answer := ask(r, http.MethodGet, "/v1/status", "", "10.0.0.9:1")
	var got console.Status
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, answer.Body)
	}
	if diff := cmp.Diff(console.Status{Routes: r.lanes, Strangers: r.strangers}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHealth(t *testing.T) {
	r := &router{ready: make(chan struct{})}
	if code := ask(r, http.MethodGet, "/healthz", "", "10.0.0.9:1").Code; code != http.StatusServiceUnavailable {
		t.Errorf("before recovery: %d", code)
	}
	close(r.ready)
	if code := ask(r, http.MethodGet, "/healthz", "", "10.0.0.9:1").Code; code != http.StatusOK {
		t.Errorf("after recovery: %d", code)
	}
}

func TestAbandon(t *testing.T) {
	for _, c := range []struct {
		name, method, path, body, from string
		code                           int
		abandoned                      []string
	}{
		{"from here", http.MethodPost, "/v1/routes/a/abandon", "gone", "127.0.0.1:5000", http.StatusOK, []string{"a: gone"}},
		{"from here, IPv6", http.MethodPost, "/v1/routes/a/abandon", "", "[::1]:5000", http.StatusOK, []string{"a: "}},
		{"from elsewhere", http.MethodPost, "/v1/routes/a/abandon", "gone", "10.0.0.9:5000", http.StatusForbidden, nil},
		{"unknown route", http.MethodPost, "/v1/routes/unknown/abandon", "", "127.0.0.1:5000", http.StatusConflict, nil},
		{"an essay", http.MethodPost, "/v1/routes/a/abandon", strings.Repeat("x", 5<<10), "127.0.0.1:5000", http.StatusConflict, nil},
		{"only by POST", http.MethodGet, "/v1/routes/a/abandon", "", "127.0.0.1:5000", http.StatusMethodNotAllowed, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &router{}
			if code := ask(r, c.method, c.path, c.body, c.from).Code; code != c.code {
				t.Errorf("answered %d, want %d", code, c.code)
			}
			if diff := cmp.Diff(c.abandoned, r.abandoned); diff != "" {
				t.Error(diff)
			}
		})
	}
}
