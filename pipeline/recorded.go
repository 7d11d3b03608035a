package pipeline

import (
	"context"
	"fmt"

	"sluice/pipeline/ledger"
)

// Recorded gives the decision settings that a stream's control lane has in force at its end, by route: those of routes that were
// removed are left out. An empty map means that the ledger knows nothing of the stream.
func Recorded(ctx context.Context, l ledger.Reader, streamName string) (map[string][]byte, error) {
	hashes := make(map[string]string)
	err := l.Scan(ctx, controlPrefix+streamName, 0, func(_ ledger.Rev, r ledger.Record) error {
		if r.Config != nil && r.Kind != ledger.KindCheckpoint {
			for route, hash := range r.Config.Routes {
				hashes[route] = hash
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the control lane of stream %s: %w", streamName, err)
	}
	settings := make(map[string][]byte)
	for route, hash := range hashes {
		last, _, err := l.Last(ctx, LaneName(route, streamName))
		if err != nil {
			return nil, fmt.Errorf("read the lane of route %s: %w", route, err)
		}
		if last.Kind == ledger.KindClosed || route == Unreadable {
			continue
		}
		if settings[route], err = l.Config(ctx, hash); err != nil {
			return nil, fmt.Errorf("read the decision settings of route %s: %w", route, err)
		}
	}
	return settings, nil
}
