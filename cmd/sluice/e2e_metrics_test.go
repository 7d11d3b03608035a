package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestMetricsAgreeWithTheLedger: what /metrics counts is what the balance says, and after a restart it counts what is new.
func TestMetricsAgreeWithTheLedger(t *testing.T) {
	p := newPlace(t, `
routes:
  - name: some
    filter: severity>=INFO
    exclusions: [{name: half, filter: 'insertId=~"[02468]$"'}]
    batch: {age: 20ms}
    sink: {file: {dir: out/some}, rate: {entries: 100000}}
`)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	s := p.stream()
	last := putOn(t, s, append(append([]string{"{broken"}, numbered(100, 130, "DEBUG")...), numbered(0, 100, "INFO")...)...)
	d.await("delivery", p.settled(last, "some"))
	before := p.metrics()
	for series, want := range map[string]float64{
		`sluice_entries_examined_total{route="some",stream="LOGS"}`:                  131,
		`sluice_entries_total{route="some",stream="LOGS",verdict="delivered"}`:       50,
		`sluice_entries_total{route="some",stream="LOGS",verdict="notMatched"}`:      31,
		`sluice_entries_excluded_total{exclusion="half",route="some",stream="LOGS"}`: 50,
		`sluice_lag_messages{route="some",stream="LOGS"}`:                            0,
		`sluice_route_state{route="some",state="running",stream="LOGS"}`:             1,
	} {
		if got, ok := before[series]; !ok || got != want {
			t.Errorf("%s: %v, want %v", series, got, want)
		}
	}
	if before[`sluice_sink_attempt_seconds_count{code="ok",kind="file",route="some",to="sink"}`] == 0 || before[`sluice_ledger_append_seconds_count{result="ok"}`] == 0 {
		t.Error("no attempt or no append was counted")
	}
	d.drain()
	stands := p.balance()["some"]
	lane := `{route="some",stream="LOGS"}`
	p.diff("units and bytes", fmt.Sprint(stands.Objects, " ", stands.Bytes), fmt.Sprint(before["sluice_units_total"+lane], " ", before["sluice_delivered_bytes_total"+lane]))

	d = p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	last = putOn(t, p.stream(), numbered(130, 140, "INFO")...)
	d.await("delivery", p.settled(last, "some"))
	if got := p.metrics()["sluice_entries_examined_total"+lane]; got != 10 {
		t.Errorf("after a restart %v were examined, want the 10 new ones", got)
	}
	d.drain()
}

// metrics reads /metrics: a value for each series.
func (p *place) metrics() map[string]float64 {
	p.t.Helper()
	resp, err := http.Get("http://" + p.listen + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	found := make(map[string]float64)
	for line := range strings.Lines(string(text)) {
		if series, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && line[0] != '#' {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.t.Fatal(line)
			}
			found[series+"}"] = n
		}
	}
	return found
}
