package console

import (
	"context"
	"encoding/json"
	"net/http"
)

// Reload is the body of POST /v1/reload.
type Reload struct {
	Who         string   `json:"who"`
	Acknowledge []string `json:"acknowledge,omitempty"` // required routes that may go
}

// WithReload adds POST /v1/reload to a handler, for callers on this machine alone, not for web pages of another origin. It answers
// once reload has returned: 409 and what was wrong when the configuration before stays in force.
func WithReload(next http.Handler, reload func(context.Context, Reload) error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, req *http.Request) {
		if !isLocal(req.RemoteAddr) {
			http.Error(w, "only from the daemon's own machine", http.StatusForbidden)
			return
		}
		var asked Reload
		err := json.NewDecoder(http.MaxBytesReader(w, req.Body, reasonLimit)).Decode(&asked)
		if err != nil {
			http.Error(w, "read the request: "+err.Error(), http.StatusBadRequest)
			return
		}
		if err := reload(req.Context(), asked); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	return http.NewCrossOriginProtection().Handler(mux)
}
