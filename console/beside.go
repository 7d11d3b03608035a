package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/pipeline"
)

// SideLine is a line of the answer of POST /v1/routes/{route}/replay and …/backfill: how a replay or a backfill fares, or at the
// end why it does not go on.
type SideLine struct {
	*pipeline.SideStatus
	Error string `json:"error,omitempty"`
}

// beside is a replay or a backfill of a route, as a request asks for it.
type beside func(ctx context.Context, route, why string, query url.Values, report func(pipeline.SideStatus)) error

func replay(r Router) beside {
	return func(ctx context.Context, route, why string, _ url.Values, report func(pipeline.SideStatus)) error {
		return r.Replay(ctx, route, why, report)
	}
}

// backfill reads since and until (RFC 3339) and rate (bytes a second), each of which may be absent.
func backfill(r Router) beside {
	return func(ctx context.Context, route, why string, query url.Values, report func(pipeline.SideStatus)) error {
		span := pipeline.BackfillRange{Why: why}
		for name, into := range map[string]*time.Time{"since": &span.Since, "until": &span.Until} {
			if text := query.Get(name); text != "" {
				t, err := time.Parse(time.RFC3339Nano, text)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				*into = t
			}
		}
		if text := query.Get("rate"); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return fmt.Errorf("rate %q: want bytes a second", text)
			}
			span.Rate = n
		}
		return r.Backfill(ctx, route, span, report)
	}
}

// serveBeside delivers for as long as the caller listens; what was begun goes on without it. The last line has an error, or there
// is none: nothing is left to deliver.
func serveBeside(do beside) http.HandlerFunc {
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
		err = do(req.Context(), req.PathValue("route"), string(reason), req.URL.Query(), func(s pipeline.SideStatus) {
			_ = lines.Encode(SideLine{SideStatus: &s}) // the caller went away: nothing to tell
			_ = flush.Flush()
		})
		if err != nil {
			_ = lines.Encode(SideLine{Error: err.Error()})
		}
	}
}
