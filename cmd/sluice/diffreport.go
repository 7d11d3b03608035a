package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"sluice/configs"
	"sluice/logentry"
	"sluice/pipeline"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/rehearsal"
)

// comparison is two rehearsals side by side.
type comparison struct {
	old, next     []pipeline.Route
	probe         pipeline.Route
	before, after *rehearsal.Result
	prices        configs.Prices
	kinds         map[string]string // of sinks, by route of the new configuration
	share         float64
	views         []stream.Stream
}

// diffReport is what diff prints with -o json.
type diffReport struct {
	Sample   float64       `json:"sample"`             // share of the messages that were looked at
	Routes   []routeDiff   `json:"routes"`             // by name
	Unserved uint64        `json:"unserved"`           // activity entries that would reach no route
	Examples []diffExample `json:"examples,omitempty"` // of these
	Currency string        `json:"currency"`
}

// routeDiff is what changes for one route.
type routeDiff struct {
	Route    string         `json:"route"`
	Change   string         `json:"change"` // added, removed, changed, unchanged
	Before   *routeForecast `json:"before,omitempty"`
	After    *routeForecast `json:"after,omitempty"`
	Dropped  uint64         `json:"dropped"` // entries that it takes now and would not any more
	Examples []diffExample  `json:"examples,omitempty"`
}

// routeForecast is what a route makes of the entries.
type routeForecast struct {
	ledger.RouteBalance
	Cost *float64 `json:"cost,omitempty"`
}

// diffExample is one entry, enough to find it.
type diffExample struct {
	rehearsal.Position
	LogName  string `json:"logName"`
	InsertID string `json:"insertId"`
	Severity string `json:"severity,omitempty"`
}

func (c *comparison) report(ctx context.Context) (diffReport, error) {
	r := diffReport{Sample: c.share, Routes: []routeDiff{}, Currency: c.prices.Currency}
	before, after := forecasts(c.before, c.old), forecasts(c.after, c.next)
	names := make(map[string]bool)
	for name := range maps.Keys(before) {
		names[name] = true
	}
	for name := range maps.Keys(after) {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := routeDiff{Route: name, Before: before[name], After: after[name], Change: c.change(name)}
		for _, f := range []*routeForecast{d.Before, d.After} {
			if f == nil {
				continue
			}
			if cost, ok := c.prices.Of(c.kinds[name], f.Bytes); ok {
				f.Cost = &cost
			}
		}
		if d.Before != nil {
			positions, n := c.after.Dropped(c.before, name, examplesMost)
			var err error
			if d.Examples, err = c.examples(ctx, positions); err != nil {
				return r, err
			}
			d.Dropped = n
		}
		r.Routes = append(r.Routes, d)
	}
	var others []string
	for _, route := range c.next {
		others = append(others, route.Name)
	}
	positions, n := c.after.Unserved(activityProbe, others, examplesMost)
	examples, err := c.examples(ctx, positions)
	r.Unserved, r.Examples = n, examples
	return r, err
}

// forecasts gives what each of the routes made of the entries; a route that found nothing to read has zeros.
func forecasts(r *rehearsal.Result, routes []pipeline.Route) map[string]*routeForecast {
	all := make(map[string]*routeForecast)
	for _, route := range routes {
		all[route.Name] = &routeForecast{RouteBalance: ledger.RouteBalance{Route: route.Name, Excluded: map[string]uint64{}, Balanced: true}}
	}
	for _, b := range r.Balance.Routes {
		if f := all[b.Route]; f != nil {
			f.RouteBalance = b
		}
	}
	return all
}

// change says what the new configuration does to a route.
func (c *comparison) change(name string) string {
	find := func(routes []pipeline.Route) *pipeline.Route {
		if i := slices.IndexFunc(routes, func(r pipeline.Route) bool { return r.Name == name }); i >= 0 {
			return &routes[i]
		}
		return nil
	}
	was, is := find(c.old), find(c.next)
	switch {
	case was == nil:
		return "added"
	case is == nil:
		return "removed"
	case string(was.Decision) != string(is.Decision):
		return "changed"
	}
	return "unchanged"
}

// examples reads the entries at the positions. One that the stream no longer holds is shown by its position alone.
func (c *comparison) examples(ctx context.Context, positions []rehearsal.Position) ([]diffExample, error) {
	var all []diffExample
	fields := logentry.NewFields(logentry.PathLogName, logentry.PathInsertID, logentry.PathSeverity)
	for _, p := range positions {
		x := diffExample{Position: p}
		i := slices.IndexFunc(c.views, func(s stream.Stream) bool { return s.Name() == p.Stream })
		m, err := c.views[i].Get(ctx, p.Seq)
		if err == nil {
			logentry.Frame(m.Data, func(index int, raw []byte) bool {
				if int32(index) != p.Index {
					return true
				}
				e := logentry.Entry{Raw: raw, Stream: p.Stream, Seq: p.Seq, Index: index, Stored: m.Stored}
				if fields.Extract(&e, logentry.Limits{}) == nil {
					x.LogName = string(e.Get(logentry.PathLogName).AppendText(nil))
					x.InsertID = string(e.Get(logentry.PathInsertID).AppendText(nil))
					x.Severity = string(e.Get(logentry.PathSeverity).AppendText(nil))
				}
				return false
			})
		} else if ctx.Err() != nil {
			return nil, fmt.Errorf("read message %d: %w", p.Seq, err)
		}
		all = append(all, x)
	}
	return all, nil
}

// write writes the report for people. Routes that do not change are counted only.
func (r *diffReport) write(w io.Writer) error {
	if r.Sample < 1 {
		fmt.Fprintf(w, "A sample of %.3g%% of the messages; the numbers are those of the sample.\n\n", r.Sample*100)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTE\tCHANGE\tENTRIES\tBYTES\tEXCLUDED\tOVER QUOTA\tCOST\tDROPPED")
	unchanged := 0
	for i := range r.Routes {
		d := &r.Routes[i]
		if d.Change == "unchanged" && d.Dropped == 0 {
			unchanged++
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", d.Route, d.Change,
			d.pair(func(f *routeForecast) string { return fmt.Sprint(f.Delivered) }),
			d.pair(func(f *routeForecast) string { return sizeText(f.Bytes) }),
			d.pair(func(f *routeForecast) string { return fmt.Sprint(excludedTotal(&f.RouteBalance)) }),
			d.pair(func(f *routeForecast) string { return fmt.Sprint(f.OverQuota + f.Sampled) }),
			d.pair(func(f *routeForecast) string { return costText(f.Cost, r.Currency) }), d.Dropped)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if unchanged > 0 {
		fmt.Fprintf(w, "unchanged: %d\n", unchanged)
	}
	for i := range r.Routes {
		writeExamples(w, fmt.Sprintf("%s would no longer take", r.Routes[i].Route), r.Routes[i].Examples, r.Routes[i].Dropped)
	}
	writeExamples(w, "activity that would reach no route", r.Examples, r.Unserved)
	return nil
}

// pair shows a number before and after.
func (d *routeDiff) pair(show func(*routeForecast) string) string {
	text := func(f *routeForecast) string {
		if f == nil {
			return "-"
		}
		return show(f)
	}
	was, is := text(d.Before), text(d.After)
	if was == is {
		return is
	}
	return was + " → " + is
}

func costText(cost *float64, currency string) string {
	if cost == nil {
		return "-"
	}
	if *cost < 1 {
		return fmt.Sprintf("%.4f %s", *cost, currency)
	}
	return fmt.Sprintf("%.2f %s", *cost, currency)
}

// sizeText shows bytes in the unit that fits.
func sizeText(n uint64) string {
	const units = "KMGTP"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/1024, 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", size, units[unit])
}

func writeExamples(w io.Writer, title string, examples []diffExample, of uint64) {
	if len(examples) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s (%d of %d):\n", title, len(examples), of)
	for _, x := range examples {
		fmt.Fprintf(w, "  %s %d.%d  %s\n", x.Stream, x.Seq, x.Index, strings.TrimSpace(x.Severity+" "+x.LogName+" "+x.InsertID))
	}
}
