package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// languageCase is a line of a file of cases: a filter, an entry, and whether it matches or where the mistake is.
type languageCase struct {
	ID      string          `json:"id"`
	Filter  string          `json:"filter"`
	Entry   json.RawMessage `json:"entry"`
	Match   any             `json:"match"` // true, false or "error"
	ErrorAt *struct {
		Line int `json:"line"`
		Col  int `json:"col"`
	} `json:"error_at"`
	Why string `json:"why"`
}

// TestFilterConformance runs every case of the query language as a user would: sluice filter QUERY, the entry on stdin.
func TestFilterConformance(t *testing.T) {
	files, err := filepath.Glob("../../filters/testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases in filters/testdata", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runLanguageCases(t, file) })
	}
	t.Run("shared", func(t *testing.T) {
		const shared = "../../../shared/data/query-language/conformance.jsonl"
		if _, err := os.Stat(shared); err != nil {
			t.Skip("the shared cases are not here: ", err)
		}
		runLanguageCases(t, shared)
	})
}

func runLanguageCases(t *testing.T, file string) {
	r, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := bufio.NewScanner(r)
	s.Buffer(nil, 8<<20)
	for s.Scan() {
		var c languageCase
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		c.run(t)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

func (c *languageCase) run(t *testing.T) {
	var entry, out, errOut bytes.Buffer
	if c.Entry != nil {
		if err := json.Compact(&entry, c.Entry); err != nil {
			t.Fatal(err)
		}
	}
	code := execute([]string{"filter", c.Filter}, &entry, &out, &errOut)
	want := map[any]int{true: exitOK, false: exitNo, "error": exitUsage}[c.Match]
	if code != want {
		t.Errorf("%s: %s: exit %d, want %d (%s)\n%s", c.ID, c.Filter, code, want, c.Why, errOut.String())
	}
	if (code == exitOK) != (out.Len() > 0) {
		t.Errorf("%s: %s: exit %d, and %d bytes of entries", c.ID, c.Filter, code, out.Len())
	}
	if c.ErrorAt != nil {
		if place := fmt.Sprintf("sluice: query:%d:%d: ", c.ErrorAt.Line, c.ErrorAt.Col); !strings.HasPrefix(errOut.String(), place) {
			t.Errorf("%s: %s: want %q, got %s", c.ID, c.Filter, place, errOut.String())
		}
	}
}
