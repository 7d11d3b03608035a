package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/memory"
)

// busy is a router in which everything has happened once.
func busy() *router {
	tally := pipeline.Tally{Gaps: 2, Losses: 1, Epoch: 3}
	tally.Counts = ledger.Counts{Examined: 28, NotMatched: 1, Intercepted: 2, Excluded: map[string]uint64{"reads": 3}, Duplicates: 4, Sampled: 5, OverQuota: 6, Dead: 3, Kept: 4}
	tally.Units, tally.Bytes, tally.Plans = 7, 8, 9
	return &router{lanes: []pipeline.LaneStatus{
		{Route: "a", Stream: "S", State: pipeline.Waiting, LastSuccess: time.Unix(1e9, 5e8), Cursor: 10, Last: 15, Lag: 5, Lost: 6, WhereErrors: 1,
			TimeToLoss: time.Minute, Tally: tally},
		{Route: "off", Stream: "S", State: pipeline.Disabled, Last: 15},
		{Route: pipeline.Unreadable, Stream: "S", State: pipeline.Running, Tally: pipeline.Tally{Counts: ledger.Counts{Examined: 12, Kept: 12}}},
	}}
}

// scrape reads /metrics after an attempt and an append of each kind.
func scrape(t *testing.T) []string {
	t.Helper()
	m := console.NewMetrics(prometheus.NewRegistry())
	m.Attempt("a", "gcs", "sink", "ok", 20*time.Millisecond)
	m.Attempt("a", "gcs", "manifest", "unavailable", time.Hour)
	led := m.Ledger(memory.New())
	first := ledger.Record{V: ledger.Version, Lane: "a/S", N: 1, Kind: ledger.KindOpen, Nonce: "x"}
	if _, err := led.Append(t.Context(), "a/S", first, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := led.Append(t.Context(), "a/S", first, 0); !errors.Is(err, ledger.ErrFenced) {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	console.Handler(busy(), m).ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return strings.Split(answer.Body.String(), "\n")
}

func TestMetrics(t *testing.T) {
	lines := scrape(t)
	for _, want := range []string{
		`sluice_entries_examined_total{route="a",stream="S"} 28`,
		`sluice_entries_total{route="a",stream="S",verdict="delivered"} 4`,
		`sluice_entries_total{route="a",stream="S",verdict="overQuota"} 6`,
		`sluice_entries_excluded_total{exclusion="reads",route="a",stream="S"} 3`,
		`sluice_units_total{route="a",stream="S"} 7`,
		`sluice_delivered_bytes_total{route="a",stream="S"} 8`,
		`sluice_lost_messages_total{route="a",stream="S"} 6`,
		`sluice_losses_total{route="a",stream="S"} 1`,
		`sluice_lag_messages{route="a",stream="S"} 5`,
		`sluice_time_to_loss_seconds{route="a",stream="S"} 60`,
		`sluice_last_success_timestamp_seconds{route="a",stream="S"} 1.0000000005e+09`,
		`sluice_route_state{route="a",state="waiting",stream="S"} 1`,
		`sluice_route_state{route="a",state="running",stream="S"} 0`,
		`sluice_route_state{route="off",state="disabled",stream="S"} 1`,
		`sluice_unreadable_entries_total{stream="S"} 12`,
		`sluice_pending_bytes 1.048576e+06`,
		`sluice_sink_attempt_seconds_count{code="ok",kind="gcs",route="a",to="sink"} 1`,
		`sluice_sink_attempt_seconds_bucket{code="ok",kind="gcs",route="a",to="sink",le="0.005"} 0`,
		`sluice_sink_attempt_seconds_bucket{code="ok",kind="gcs",route="a",to="sink",le="0.025"} 1`,
		`sluice_ledger_append_seconds_count{result="ok"} 1`,
		`sluice_ledger_append_seconds_count{result="fenced"} 1`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %s", want)
		}
	}
	for _, line := range lines {
		for _, never := range []string{`sluice_time_to_loss_seconds{route="off"`, `sluice_entries_total{route="off"`, `sluice_last_success_timestamp_seconds{route="off"`} {
			if strings.HasPrefix(line, never) {
				t.Errorf("%s: what is not known is absent", line)
			}
		}
	}
}

// TestMetricsManual: docs/metrics.md has a row for each metric, with its type, its labels and its help, and no other.
func TestMetricsManual(t *testing.T) {
	types, helps, labels := map[string]string{}, map[string]string{}, map[string]map[string]bool{}
	for _, line := range scrape(t) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, "# TYPE "), "# HELP "), " ")
		switch {
		case !strings.Contains(line, "sluice_"):
		case strings.HasPrefix(line, "# TYPE "):
			types[name] = rest
		case strings.HasPrefix(line, "# HELP "):
			helps[name] = rest
		default:
			series, inside, _ := strings.Cut(line[:strings.LastIndex(line, " ")], "{")
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base := strings.TrimSuffix(series, suffix); types[base] == "histogram" {
					series = base
				}
			}
			if labels[series] == nil {
				labels[series] = make(map[string]bool)
			}
			for pair := range strings.SplitSeq(strings.TrimSuffix(inside, "}"), ",") {
				if key, _, ok := strings.Cut(pair, "="); ok && key != "le" {
					labels[series]["`"+key+"`"] = true
				}
			}
		}
	}
	var want []string
	for name, kind := range types {
		var all []string
		for label := range labels[name] {
			all = append(all, label)
		}
		slices.Sort(all)
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", name, kind, strings.Join(all, " "), helps[name]))
	}
	b, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.SplitSeq(string(b), "\n") {
		if strings.HasPrefix(line, "| `sluice_") {
			got = append(got, line)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/metrics.md (-exposed +documented):\n%s", diff)
	}
}
