package filters

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sluice/logentry"
)

// conformanceCase is a line of testdata/*.jsonl: a filter, an entry, and whether it matches or where the error is.
type conformanceCase struct {
	ID      string          `json:"id"`
	Filter  string          `json:"filter"`
	Entry   json.RawMessage `json:"entry"`
	Match   any             `json:"match"` // true, false or "error"
	ErrorAt *struct {
		Line  int     `json:"line"`
		Col   int     `json:"col"`
		Token *string `json:"token"`
	} `json:"error_at"`
	Why string `json:"why"`
}

// sharedData is where the specification's own cases may lie beside the repository.
const sharedData = "../../shared/data"

func TestConformance(t *testing.T) {
	own, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(own) == 0 {
		t.Fatal("no fixtures in testdata", err)
	}
	for _, file := range own {
		t.Run(filepath.Base(file), func(t *testing.T) { runCases(t, file) })
	}
}

func TestConformanceShared(t *testing.T) {
	runCases(t, shared(t, "query-language/conformance.jsonl"))
}

func TestRealFilters(t *testing.T) {
	lines := readLines[struct{ Filter string }](t, shared(t, "query-language/real-filters.jsonl"))
	for i, line := range lines {
		f, err := Compile(line.Filter)
		if err != nil {
			t.Errorf("filter %d: %v\n%s", i+1, err, line.Filter)
			continue
		}
		roundTrip(t, f)
	}
}

func shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(sharedData, name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("the shared data is not here: ", err)
	}
	return path
}

func runCases(t *testing.T, file string) {
	for _, c := range readLines[conformanceCase](t, file) {
		t.Run(c.ID, func(t *testing.T) { runCase(t, c) })
	}
}

func runCase(t *testing.T, c conformanceCase) {
	f, err := Compile(c.Filter)
	if c.ErrorAt != nil {
		checkError(t, c, err)
		return
	}
	if err != nil {
		t.Fatalf("%s: %v (%s)", c.Filter, err, c.Why)
	}
	if got := f.Match(&logentry.Entry{Raw: c.Entry}); got != c.Match {
		t.Errorf("%s: match = %v, want %v (%s)\nentry %s\nread as %s", c.Filter, got, c.Match, c.Why, c.Entry, f)
	}
	if g := roundTrip(t, f); g != nil && g.Match(&logentry.Entry{Raw: c.Entry}) != c.Match {
		t.Errorf("%s: the canonical text %s answers otherwise", c.Filter, f)
	}
}

func checkError(t *testing.T, c conformanceCase, err error) {
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: error = %v, want an *Error (%s)", c.Filter, err, c.Why)
	}
	if e.Line != c.ErrorAt.Line || e.Column != c.ErrorAt.Col {
		t.Errorf("%s: error at %d:%d, want %d:%d (%s): %v", c.Filter, e.Line, e.Column, c.ErrorAt.Line, c.ErrorAt.Col, c.Why, err)
	}
	if want := c.ErrorAt.Token; want != nil && e.Token != *want {
		t.Errorf("%s: token %q, want %q (%s)", c.Filter, e.Token, *want, c.Why)
	}
}

// roundTrip compiles a filter's canonical text again.
func roundTrip(t testing.TB, f *Filter) *Filter {
	t.Helper()
	g, err := Compile(f.String())
	if err != nil {
		t.Errorf("canonical text %s: %v", f, err)
		return nil
	}
	if !g.Equal(f) {
		t.Errorf("canonical text %s became %s", f, g)
	}
	return g
}

func readLines[T any](t testing.TB, file string) (lines []T) {
	t.Helper()
	r, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := bufio.NewScanner(r)
	s.Buffer(nil, 8<<20)
	for s.Scan() {
		var line T
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v: %s", file, err, s.Text())
		}
		lines = append(lines, line)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func readLinesIfPresent[T any](t testing.TB, file string) []T {
	if _, err := os.Stat(file); err != nil {
		return nil
	}
	return readLines[T](t, file)
}
