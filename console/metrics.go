package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice/pipeline/ledger"
)

// Metrics are what GET /metrics exposes; docs/metrics.md lists them. What is known of lanes is asked for when it is scraped; the
// rest is counted here as it happens. Its methods may be called from several goroutines at once.
type Metrics struct {
	registry *prometheus.Registry
	attempts *prometheus.HistogramVec
	appends  *prometheus.HistogramVec
}

// NewMetrics puts the metrics into a registry that is for them alone.
func NewMetrics(reg *prometheus.Registry) *Metrics {
	m := &Metrics{
		registry: reg,
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_sink_attempt_seconds", Help: "Attempts to write a unit, by their outcome, and how long they took.",
			Buckets: []float64{0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"route", "kind", "to", "code"}),
		appends: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_ledger_append_seconds", Help: "Appends to the ledger, by their outcome, and how long they took.",
			Buckets: []float64{0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5},
		}, []string{"result"}),
	}
	reg.MustRegister(m.attempts, m.appends, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Attempt counts an attempt to write a unit of a route to a sink of some kind. to is sink, deadLetter or manifest; code that of the
// driver's error, or ok.
func (m *Metrics) Attempt(route, kind, to, code string, took time.Duration) {
	m.attempts.WithLabelValues(route, kind, to, code).Observe(took.Seconds())
}

// Ledger gives l with its appends counted.
func (m *Metrics) Ledger(l ledger.Ledger) ledger.Ledger { return counted{l, m.appends} }

type counted struct {
	ledger.Ledger
	appends *prometheus.HistogramVec
}

// Append appends to the ledger.
func (c counted) Append(ctx context.Context, lane string, r ledger.Record, prev ledger.Rev) (ledger.Rev, error) {
	start := time.Now()
	rev, err := c.Ledger.Append(ctx, lane, r, prev)
	result := "error"
	switch {
	case err == nil:
		result = "ok"
	case errors.Is(err, ledger.ErrFenced):
		result = "fenced"
	case errors.Is(err, ledger.ErrUnknown):
		result = "unknown"
	}
	c.appends.WithLabelValues(result).Observe(time.Since(start).Seconds())
	return rev, err
}

// handler serves what the registry holds and what the router tells.
func (m *Metrics) handler(r Router) http.Handler {
	lanes := prometheus.NewRegistry()
	lanes.MustRegister(laneMetrics{r})
	return promhttp.HandlerFor(prometheus.Gatherers{m.registry, lanes}, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}
