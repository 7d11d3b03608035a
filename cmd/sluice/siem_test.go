package main

import (
	nethttp "net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/configs"
	"sluice/sinks/driver"
	"sluice/sinks/http"
	"sluice/sinks/http/receivertest"
)

// TestSIEMExample sends what configs/examples/siem.yaml sends, to receivers that speak as Splunk and Elasticsearch do.
func TestSIEMExample(t *testing.T) {
	cfg, err := configs.Load("../../configs/examples/siem.yaml", registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range cfg.Routes {
		o := *r.Sink.Options.(*http.Options)
		server := receivertest.Start(receivertest.Options{Body: string(o.Body)})
		defer server.Close()
		token := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(token, []byte("Bearer "+r.Name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		at, err := url.Parse(o.URL)
		if err != nil {
			t.Fatal(err)
		}
		o.URL, o.TLS.CA, o.HeaderFiles = server.URL+at.Path, "", map[string]string{"Authorization": token}
		d, err := o.Open(t.Context(), driver.ToSink)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		p, err := d.Plan(nil, &driver.Batch{Route: r.Name, Stream: "LOGS", Epoch: 1, First: 7, Last: 8, Groups: []driver.Group{{Refs: []driver.Ref{
			{Seq: 7, Raw: []byte(`{"insertId":"a","timestamp":"2026-03-01T12:00:00Z"}`)}, {Seq: 8, Raw: []byte(`{"insertId":"b"}`)},
		}}}})
		if err != nil || len(p.Units) != 1 {
			t.Fatal(p, err)
		}
		u := p.Units[0]
		u.Count, u.Digest = len(u.Refs), driver.Digest(u.Refs)
		u.Origin = driver.Origin{Route: r.Name, Stream: "LOGS", Epoch: 1, First: 7, Last: 8, Units: 1}
		for _, existed := range []bool{false, o.Body == http.Elastic} { // Elasticsearch alone tells that it had them
			if receipt, err := d.Write(t.Context(), &u); err != nil || receipt.Existed != existed {
				t.Errorf("%s: %+v, %v", r.Name, receipt, err)
			}
		}
		requests := server.Requests(at.Path)
		if len(requests) != 2 {
			t.Fatalf("%s: %d requests at %s", r.Name, len(requests), at.Path)
		}
		got := requests[0]
		want := map[string]struct{ query, encoding string }{"splunk": {"", "gzip"}, "elastic": {"pipeline=audit", ""}}[r.Name]
		if diff := cmp.Diff([]string{want.query, want.encoding, "Bearer " + r.Name}, []string{got.Query, got.Header.Get("Content-Encoding"), got.Header.Get("Authorization")}); diff != "" {
			t.Errorf("%s: %s", r.Name, diff)
		}
		prefix := r.Name + "/LOGS/1/"
		if diff := cmp.Diff([]string{prefix + "7.0", prefix + "8.0"}, []string{got.Entries[0].ID, got.Entries[1].ID}); diff != "" {
			t.Errorf("%s: %s", r.Name, diff)
		}
		server.SetFault(func(*nethttp.Request) receivertest.Fault {
			return receivertest.Fault{Kind: receivertest.Answer, Status: nethttp.StatusUnauthorized, Body: `{"text":"Invalid token Bearer ` + r.Name + `","code":4}`}
		})
		if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || err.Error() == "" {
			t.Errorf("%s: a wrong token: %v", r.Name, err)
		}
	}
}
