// Package console is what the daemon shows of itself over HTTP.
package console

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"

	"sluice/pipeline"
)

// Status is the answer of GET /v1/status.
type Status struct {
	Routes []pipeline.LaneStatus `json:"routes"` // one for each route and stream
}

// Router is what the console asks of the pipeline.
type Router interface {
	Status() []pipeline.LaneStatus
	Ready() <-chan struct{}
	Abandon(route, reason string) error
}

// reasonLimit bounds the reason that a person gives.
const reasonLimit = 4 << 10

// Handler serves GET /v1/status, and GET /healthz: 200 once recovery is done, 503 before; and, to callers on this machine alone,
// POST /v1/routes/{route}/abandon, its body the reason; not to web pages of another origin.
func Handler(r Router) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(Status{Routes: r.Status()}) // the client went away: nothing to tell
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-r.Ready():
			_, _ = w.Write([]byte("ok\n"))
		default:
			http.Error(w, "recovering", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /v1/routes/{route}/abandon", func(w http.ResponseWriter, req *http.Request) {
		if !isLocal(req.RemoteAddr) {
			http.Error(w, "only from the daemon's own machine", http.StatusForbidden)
			return
		}
		reason, err := io.ReadAll(http.MaxBytesReader(w, req.Body, reasonLimit))
		if err == nil {
			err = r.Abandon(req.PathValue("route"), string(reason))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	return http.NewCrossOriginProtection().Handler(mux) // a web page in a browser on this machine is not a person's hand
}

func isLocal(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	return err == nil && at.Addr().Unmap().IsLoopback()
}
