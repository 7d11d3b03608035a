// Package console is what the daemon shows of itself over HTTP.
package console

import (
	"encoding/json"
	"net/http"

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
}

// Handler serves GET /v1/status, and GET /healthz: 200 once recovery is done, 503 before. It only reads.
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
	return mux
}
