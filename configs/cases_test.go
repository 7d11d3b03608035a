package configs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSampleJSON shows how an entry in YAML becomes JSON: in its order, numbers as they are written.
func TestSampleJSON(t *testing.T) {
	for yaml, want := range map[string]string{
		`{b: 1, a: [x, 1.50, true, null, 12345678901234567890], "<&>": ""}`: `{"b":1,"a":["x",1.50,true,null,12345678901234567890],"<&>":""}`,
		`{n: 0x10, at: 2026-01-31T10:00:00Z, no: , deep: {x: [{y: 'z'}]}}`:  `{"n":16,"at":"2026-01-31T10:00:00Z","no":null,"deep":{"x":[{"y":"z"}]}}`,
		`'  {"a" : 1.0}  '`:             `{"a" : 1.0}`,
		"|\n      {\"a\":\n       1}\n": "{\"a\":\n 1}",
		`{secret: "${HOME}"}`:           `{"secret":"${HOME}"}`,
		`{a: &x {b: 1}, c: *x}`:         `{"a":{"b":1},"c":{"b":1}}`,
	} {
		file := filepath.Join(t.TempDir(), "cases.yaml")
		if err := os.WriteFile(file, []byte("cases:\n  - name: one\n    others: kept\n    entry: "+yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		cases, err := LoadCases(file)
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		if diff := cmp.Diff(want, string(cases.Cases[0].Entry)); diff != "" {
			t.Errorf("%s: %s", yaml, diff)
		}
	}
}
