package bigquery

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/driver"
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   []string
	}{
		"good": {func(o *Options) {
			o.Columns = map[string]Column{"actor": {Value: "labels.owner"}, "n": {Value: "jsonPayload.n", Type: "int64"}, "all": {Value: "severity", Type: "JSON"}, "half": {Value: "httpRequest.status", Type: "FLOAT"}}
			o.Endpoint, o.WriteEndpoint = "https://bigquery.example/", "http://127.0.0.1:9060"
		}, nil},
		"names": {func(o *Options) { o.Project, o.Dataset, o.Table = "Acme", "a.b", "" },
			[]string{`dataset: "a.b" is no dataset's name`, `project: "Acme" is no project's id`, `table: "" is no table's name`}},
		"schema": {func(o *Options) { o.Schema = "mine" }, []string{`schema: unknown schema "mine"`}},
		"addresses": {func(o *Options) { o.Endpoint, o.WriteEndpoint = "bigquery.example", "http://bigquery.example" },
			[]string{"endpoint: is not an address of the service", "writeEndpoint: is not an address of the service"}},
		"columns": {func(o *Options) {
			o.Columns = map[string]Column{
				"a b": {Value: "severity"}, "_sluice_x": {Value: "severity"}, "TimeStamp": {Value: "severity"}, "x": {Value: "severity"}, "X": {Value: "severity"},
				"typo": {Value: "severty"}, "kind": {Value: "severity", Type: "TEXT"}, "misfit": {Value: "severity", Type: "INTEGER"},
			}
		}, []string{
			"columns.TimeStamp: is a column that the table has anyway", "columns._sluice_x: the name begins as those of BigQuery or Sluice do",
			`columns.a b: "a b" is no column's name`, `columns.kind: unknown type "TEXT"`,
			"columns.misfit: the expression gives a text, which does not fit a column of type INTEGER",
			"columns.typo: line 1, column 1: unknown name severty", "columns.x: is there already in another case",
		}},
	} {
		o := options(start(t), table)
		c.change(&o)
		var got []string
		for _, p := range o.Validate() {
			got = append(got, p.Path+": "+p.Message)
		}
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPinned: what a plan is made from is pinned, and nothing else; it reads back as it was.
func TestPinned(t *testing.T) {
	o := options(start(t), table)
	o.Columns = map[string]Column{"b": {Value: "labels.b"}, "a": {Value: "jsonPayload.n", Type: "JSON"}}
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"project":"acme-prod","dataset":"audit","table":"entries","schema":"native","usePartitionedTables":true,"columns":{"a":{"value":"jsonPayload.n","type":"JSON"},"b":"labels.b"}}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
	var back Options
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o.Columns, back.Columns); diff != "" {
		t.Error(diff)
	}
	if got := o.Destination(); got != "bigquery://acme-prod/audit/entries/" {
		t.Error(got)
	}
	if _, err := o.Open(t.Context(), driver.ToDeadLetter); err == nil {
		t.Error("it takes dead letters")
	}
}
