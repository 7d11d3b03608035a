// Package console is what the daemon shows of itself over HTTP.
package console

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// Status is the answer of GET /v1/status.
type Status struct {
	Routes    []pipeline.LaneStatus `json:"routes"`                     // one for each route and stream
	Strangers []pipeline.Stranger   `json:"unknownResources,omitempty"` // whose entries no route above them sees: hierarchy lacks them
}

// Router is what the console asks of the pipeline.
type Router interface {
	Status() []pipeline.LaneStatus
	Strangers() []pipeline.Stranger
	Ready() <-chan struct{}
	Abandon(route, reason string) error
	Act(ctx context.Context, route string, act ledger.Act) error
	Pending() (bytes, limit int64)
	Replay(ctx context.Context, route, why string, report func(pipeline.SideStatus)) error
	Backfill(ctx context.Context, route string, span pipeline.BackfillRange, report func(pipeline.SideStatus)) error
}

// reasonLimit bounds the reason that a person gives.
const reasonLimit = 4 << 10

// Handler serves GET /v1/status; GET /metrics in the format of Prometheus; and GET /healthz: 200 once recovery is done, 503 before;
// and, to callers on this machine alone, POST /v1/routes/{route}/{act}, its body the reason and its query's who the person: abandon,
// replay, pause, resume, disable, enable; not to web pages of another origin.
func Handler(r Router, m *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.handler(r))
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(Status{Routes: r.Status(), Strangers: r.Strangers()}) // the client went away: nothing to tell
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-r.Ready():
			_, _ = w.Write([]byte("ok\n"))
		default:
			http.Error(w, "recovering", http.StatusServiceUnavailable)
		}
	})
	handleAct(mux, "abandon", func(_ context.Context, route string, act ledger.Act) error { return r.Abandon(route, act.Why) })
	for _, what := range []string{pipeline.ActPause, pipeline.ActResume, pipeline.ActDisable, pipeline.ActEnable} {
		handleAct(mux, what, r.Act)
	}
	mux.HandleFunc("POST /v1/routes/{route}/replay", serveBeside(replay(r)))
	mux.HandleFunc("POST /v1/routes/{route}/backfill", serveBeside(backfill(r)))
	return http.NewCrossOriginProtection().Handler(mux) // a web page in a browser on this machine is not a person's hand
}

// handleAct serves one thing that a person does to a route.
func handleAct(mux *http.ServeMux, what string, do func(ctx context.Context, route string, act ledger.Act) error) {
	mux.HandleFunc("POST /v1/routes/{route}/"+what, func(w http.ResponseWriter, req *http.Request) {
		if !isLocal(req.RemoteAddr) {
			http.Error(w, "only from the daemon's own machine", http.StatusForbidden)
			return
		}
		reason, err := io.ReadAll(http.MaxBytesReader(w, req.Body, reasonLimit))
		if err == nil {
			who := req.URL.Query().Get("who")
			if who == "" {
				who = "somebody at " + req.RemoteAddr
			}
			err = do(req.Context(), req.PathValue("route"), ledger.Act{Who: who, What: what, Why: string(reason)})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
}

func isLocal(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	return err == nil && at.Addr().Unmap().IsLoopback()
}
