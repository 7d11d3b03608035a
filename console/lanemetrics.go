package console

import (
	"github.com/prometheus/client_golang/prometheus"

	"sluice/pipeline"
	"sluice/pipeline/ledger"
)

// laneMetrics asks the router at each scrape.
type laneMetrics struct{ router Router }

var _ prometheus.Collector = laneMetrics{}

// describe makes the description of a metric with a lane's labels and others.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sluice_"+name, help, append([]string{"route", "stream"}, labels...), nil)
}

var (
	examined       = describe("entries_examined_total", "Entries in what was settled.")
	verdicts       = describe("entries_total", "Entries in what was settled, by what became of them; exclusions apart.", "verdict")
	exclusions     = describe("entries_excluded_total", "Entries that an exclusion took out.", "exclusion")
	plans          = describe("plans_total", "Plans that were committed.")
	units          = describe("units_total", "Units (objects, requests, batches) that were delivered.")
	deliveredBytes = describe("delivered_bytes_total", "Bytes that the destination stored of them, after compression.")
	losses         = describe("losses_total", "Losses that were recorded.")
	gaps           = describe("gap_messages_total", "Messages missing in the stream between others.")
	lost           = describe("lost_messages_total", "Messages that the stream lost before the route had them, gaps included; since the route began.")
	whereErrors    = describe("where_errors_total", "Entries on which an expression failed: they were kept.")
	epoch          = describe("epoch", "The epoch: it grows when the stream begins anew, and when a plan is given up.")
	cursor         = describe("cursor_sequence", "Every sequence up to here is settled, durably.")
	last           = describe("last_sequence", "The stream's last sequence, as last heard.")
	lag            = describe("lag_messages", "Sequences that are not settled yet.")
	timeToLoss     = describe("time_to_loss_seconds", "When retention would overtake the route if it stood still; absent: not foreseen.")
	success        = describe("last_success_timestamp_seconds", "When the destination last took a plan; absent: not yet.")
	state          = describe("route_state", "1 for the state in which the route is.", "state")

	unreadable   = prometheus.NewDesc("sluice_unreadable_entries_total", "Lines that are no entries, now in the dead letters.", []string{"stream"}, nil)
	pending      = prometheus.NewDesc("sluice_pending_bytes", "Bytes of entries that wait in memory.", nil, nil)
	pendingLimit = prometheus.NewDesc("sluice_pending_limit_bytes", "How many may: above that, batches are cut early and readers wait.", nil, nil)
)

// Describe sends nothing: which metrics there are depends on the lanes.
func (laneMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends what the router tells now.
func (m laneMetrics) Collect(to chan<- prometheus.Metric) {
	held, limit := m.router.Pending()
	to <- prometheus.MustNewConstMetric(pending, prometheus.GaugeValue, float64(held))
	to <- prometheus.MustNewConstMetric(pendingLimit, prometheus.GaugeValue, float64(limit))
	for _, s := range m.router.Status() {
		l := laneSample{to, []string{s.Route, s.Stream}}
		l.progress(&s)
		if s.State != pipeline.Disabled {
			l.account(&s)
		}
		if s.Route == pipeline.Unreadable {
			to <- prometheus.MustNewConstMetric(unreadable, prometheus.CounterValue, float64(s.Tally.Counts.Kept), s.Stream)
		}
	}
}

// laneSample sends the metrics of one lane.
type laneSample struct {
	to   chan<- prometheus.Metric
	lane []string // values of the labels route and stream
}

func (l laneSample) count(d *prometheus.Desc, n uint64, labels ...string) {
	l.to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append(l.lane[:2:2], labels...)...)
}

func (l laneSample) gauge(d *prometheus.Desc, v float64, labels ...string) {
	l.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append(l.lane[:2:2], labels...)...)
}

// progress is where the lane stands and how it fares.
func (l laneSample) progress(s *pipeline.LaneStatus) {
	l.gauge(cursor, float64(s.Cursor))
	l.gauge(last, float64(s.Last))
	l.gauge(lag, float64(s.Lag))
	for _, one := range []pipeline.State{pipeline.Running, pipeline.Waiting, pipeline.Paused, pipeline.Halted, pipeline.Draining, pipeline.Disabled} {
		value := 0.0
		if s.State == one {
			value = 1
		}
		l.gauge(state, value, string(one))
	}
	if s.TimeToLoss > 0 {
		l.gauge(timeToLoss, s.TimeToLoss.Seconds())
	}
	if !s.LastSuccess.IsZero() {
		l.gauge(success, float64(s.LastSuccess.UnixMilli())/1000)
	}
}

// account is what became of the entries: examined = the sum of all verdicts and exclusions, whenever it is asked for.
func (l laneSample) account(s *pipeline.LaneStatus) {
	t := &s.Tally
	l.count(examined, t.Counts.Examined)
	for verdict, n := range verdictsOf(&t.Counts) {
		l.count(verdicts, n, verdict)
	}
	for exclusion, n := range t.Counts.Excluded {
		l.count(exclusions, n, exclusion)
	}
	l.count(plans, t.Plans)
	l.count(units, t.Units)
	l.count(deliveredBytes, t.Bytes)
	l.count(losses, t.Losses)
	l.count(gaps, t.Gaps)
	l.count(lost, s.Lost)
	l.count(whereErrors, s.WhereErrors)
	l.gauge(epoch, float64(t.Epoch))
}

func verdictsOf(c *ledger.Counts) map[string]uint64 {
	return map[string]uint64{
		"delivered": c.Kept, "notMatched": c.NotMatched, "intercepted": c.Intercepted, "duplicate": c.Duplicates,
		"sampled": c.Sampled, "overQuota": c.OverQuota, "dead": c.Dead,
	}
}
