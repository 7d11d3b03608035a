package http

import (
	"errors"
	"fmt"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/driver"
	"sluice/sinks/http/receivertest"
)

// planned gives the units of n small entries, as the pipeline hands them to Write.
func planned(t testing.TB, d *Driver, n int) []driver.Unit {
	t.Helper()
	b := driver.Batch{Route: "r", Stream: "S", Epoch: 2, First: 1, Last: uint64(n), Groups: []driver.Group{{}}}
	for i := range n {
		b.Groups[0].Refs = append(b.Groups[0].Refs, driver.Ref{Seq: uint64(i + 1), Raw: fmt.Appendf(nil, `{"n":%d,"timestamp":"2026-03-01T12:00:00.25Z"}`, i)})
	}
	p, err := d.Plan(nil, &b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Units {
		u := &p.Units[i]
		u.Count, u.Digest = len(u.Refs), driver.Digest(u.Refs)
		u.Origin = driver.Origin{Route: "r", Stream: "S", Epoch: 2, First: 1, Last: uint64(n), Units: len(p.Units)}
	}
	return p.Units
}

func TestAnswers(t *testing.T) {
	item := func(status int) string { return fmt.Sprintf(`{"create":{"status":%d,"error":{"type":"why"}}}`, status) }
	items := func(statuses ...int) string {
		var all []string
		for _, s := range statuses {
			all = append(all, item(s))
		}
		return `{"errors":true,"items":[` + strings.Join(all, ",") + `]}`
	}
	for name, c := range map[string]struct {
		o       Options
		entries int
		status  int
		body    string
		want    string
	}{
		"done":                        {Options{}, 2, 204, "", "ok"},
		"processed before":            {Options{AlreadyProcessed: []int{409}}, 2, 409, "", "existed"},
		"being processed":             {Options{}, 2, 409, "", "unavailable []"},
		"one refused alone":           {Options{}, 1, 400, "", "rejected [1]"},
		"one too large alone":         {Options{}, 1, 413, "", "rejected [1]"},
		"one of two refused":          {Options{}, 2, 400, "", "misconfigured []"},
		"two too large":               {Options{}, 2, 413, "", "misconfigured []"},
		"a teapot":                    {Options{}, 1, 418, "", "misconfigured []"},
		"elastic, all":                {Options{Body: Elastic}, 2, 200, items(201, 201), "ok"},
		"elastic, one before":         {Options{Body: Elastic}, 2, 200, items(409, 201), "ok"},
		"elastic, all before":         {Options{Body: Elastic}, 2, 200, items(409, 409), "existed"},
		"elastic, refused":            {Options{Body: Elastic}, 3, 200, items(201, 400, 413), "rejected [2 3]"},
		"elastic, busy":               {Options{Body: Elastic}, 3, 200, items(201, 429, 400), "unavailable []"},
		"elastic, no index":           {Options{Body: Elastic}, 2, 200, items(429, 404), "misconfigured []"},
		"elastic, fewer":              {Options{Body: Elastic}, 2, 200, items(201), "misconfigured []"},
		"elastic, an empty item":      {Options{Body: Elastic}, 1, 200, `{"items":[{}]}`, "misconfigured []"},
		"elastic, a page":             {Options{Body: Elastic}, 2, 200, "<html>", "misconfigured []"},
		"splunk, refused":             {Options{Body: Splunk}, 3, 400, `{"code":6,"invalid-event-number":1}`, "rejected [2]"},
		"splunk, no such":             {Options{Body: Splunk}, 3, 400, `{"code":6,"invalid-event-number":3}`, "misconfigured []"},
		"splunk, wrong index":         {Options{Body: Splunk}, 3, 400, `{"code":7,"invalid-event-number":1}`, "misconfigured []"},
		"splunk, wrong index, single": {Options{Body: Splunk}, 1, 400, `{"code":7,"invalid-event-number":0}`, "misconfigured []"},
		"splunk, busy":                {Options{Body: Splunk}, 3, 503, `{"code":9}`, "unavailable []"},
	} {
		server := receivertest.Start(receivertest.Options{})
		server.SetFault(func(*nethttp.Request) receivertest.Fault {
			return receivertest.Fault{Kind: receivertest.Answer, Status: c.status, Body: c.body}
		})
		c.o.URL = server.URL
		d := open(filled(c.o), driver.ToSink)
		u := planned(t, d, c.entries)
		receipt, err := d.Write(t.Context(), &u[0])
		got := "ok"
		var coded *driver.Error
		if errors.As(err, &coded) {
			seqs := []uint64{}
			for _, r := range coded.Rejects {
				seqs = append(seqs, r.Seq)
			}
			got = fmt.Sprintf("%v %v", coded.Code, seqs)
		} else if receipt.Existed {
			got = "existed"
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		server.Close()
	}
}

// TestRequests: what stands on the wire, to the byte.
func TestRequests(t *testing.T) {
	const a, b = `{"n":0,"timestamp":"2026-03-01T12:00:00.25Z"}`, `{"n":1,"timestamp":"2026-03-01T12:00:00.25Z"}`
	for kind, c := range map[string]struct {
		o    Options
		want string
	}{
		"ndjson":  {Options{}, a + "\n" + b + "\n"},
		"array":   {Options{Body: Array}, "[" + a + "\n," + b + "\n]\n"},
		"wrapped": {Options{Wrap: true}, `{"id":"r/S/2/1.0","entry":` + a + "}\n" + `{"id":"r/S/2/2.0","entry":` + b + "}\n"},
		"splunk": {Options{Body: Splunk}, `{"time":1772366400.250,"event":` + a + `,"fields":{"sluice_id":"r/S/2/1.0"}}` + "\n" +
			`{"time":1772366400.250,"event":` + b + `,"fields":{"sluice_id":"r/S/2/2.0"}}` + "\n"},
		"elastic": {Options{Body: Elastic}, `{"create":{"_id":"r/S/2/1.0"}}` + "\n" + a + "\n" + `{"create":{"_id":"r/S/2/2.0"}}` + "\n" + b + "\n"},
	} {
		server := receivertest.Start(receivertest.Options{Body: kind})
		c.o.URL = server.URL + "/in"
		d := open(filled(c.o), driver.ToSink)
		u := planned(t, d, 2)
		if _, err := d.Write(t.Context(), &u[0]); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		got := server.Requests("/in")[0]
		if diff := cmp.Diff([]string{"r/S/2/1-2/0/" + u[0].Digest[:32], c.want}, []string{got.Key, string(got.Content)}); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		server.Close()
	}
}

// TestAnAmendedPlanHasAnotherKey: a receiver that honours keys must not take fewer entries for the same request.
func TestAnAmendedPlanHasAnotherKey(t *testing.T) {
	d := open(filled(Options{}), driver.ToSink)
	whole, amended := planned(t, d, 3)[0], planned(t, d, 3)[0]
	amended.Refs = amended.Refs[:2]
	amended.Digest = driver.Digest(amended.Refs)
	if key(&whole) == key(&amended) {
		t.Error(key(&whole))
	}
}

func TestPlanSplitsAndRefuses(t *testing.T) {
	sizes := func(o Options, raws ...string) (units []int, rejects int) {
		d := open(filled(o), driver.ToSink)
		b := driver.Batch{Route: "r", Stream: "S", First: 1, Last: 9, Groups: []driver.Group{{}}}
		for i, raw := range raws {
			b.Groups[0].Refs = append(b.Groups[0].Refs, driver.Ref{Seq: uint64(i + 1), Raw: []byte(raw)})
		}
		p, err := d.Plan(nil, &b)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Units {
			units = append(units, len(u.Refs))
		}
		return units, len(p.Rejects)
	}
	for name, c := range map[string]struct {
		o       Options
		raws    []string
		units   []int
		rejects int
	}{
		"by entries":     {Options{MaxEntries: 2}, []string{"{}", "{}", "{}", "{}", "{}"}, []int{2, 2, 1}, 0},
		"by bytes":       {Options{MaxBytes: 6}, []string{"{}", "{}", "{}"}, []int{2, 1}, 0},
		"too large":      {Options{MaxBytes: 6}, []string{"{}", "{     }", "{}"}, []int{2}, 1},
		"no JSON":        {Options{Body: Array}, []string{"{}", "{", "[]", "{}"}, []int{2}, 2},
		"lines take all": {Options{}, []string{"{}", "{"}, []int{2}, 0},
	} {
		units, rejects := sizes(c.o, c.raws...)
		if diff := cmp.Diff(c.units, units); diff != "" || rejects != c.rejects {
			t.Errorf("%s: %d rejects %s", name, rejects, diff)
		}
	}
}
