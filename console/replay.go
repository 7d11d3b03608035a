package console

import (
	"encoding/json"
	"io"
	"net/http"

	"sluice/pipeline"
)

// ReplayLine is a line of the answer of POST /v1/routes/{route}/replay: how a replay fares, or at the end why it does not go on.
type ReplayLine struct {
	*pipeline.ReplayStatus
	Error string `json:"error,omitempty"`
}

// serveReplay replays for as long as the caller listens; what was begun goes on without it. The last line has an error, or there
// is none: nothing is left to replay.
func serveReplay(r Router) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if !isLocal(req.RemoteAddr) {
			http.Error(w, "only from the daemon's own machine", http.StatusForbidden)
			return
		}
		reason, err := io.ReadAll(http.MaxBytesReader(w, req.Body, reasonLimit))
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		lines, flush := json.NewEncoder(w), http.NewResponseController(w)
		err = r.Replay(req.Context(), req.PathValue("route"), string(reason), func(s pipeline.ReplayStatus) {
			_ = lines.Encode(ReplayLine{ReplayStatus: &s}) // the caller went away: nothing to tell
			_ = flush.Flush()
		})
		if err != nil {
			_ = lines.Encode(ReplayLine{Error: err.Error()})
		}
	}
}
