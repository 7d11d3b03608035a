package file

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sluice/sinks/driver"
)

// TestTornManifestIsAConflictWithoutABody: what is no JSON tells nothing, and is never taken for a plan.
func TestTornManifestIsAConflictWithoutABody(t *testing.T) {
	dir := t.TempDir()
	d, err := (&Options{Dir: dir}).Open(t.Context(), driver.ToSink)
	if err != nil {
		t.Fatal(err)
	}
	u := driver.Manifest("route", "LOGS", 1, 7, []byte(`{"a":1}`))
	path := filepath.Join(dir, ".sluice", "manifests", "route", "LOGS", "e1", "00000000000000000007.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{`{"a":`: "", "{\"a\":2}\n": `{"a":2}`} {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := d.Write(t.Context(), &u)
		var conflict *driver.Error
		if !errors.As(err, &conflict) || conflict.Code != driver.Conflict || string(conflict.Found) != want {
			t.Errorf("%s gives %v, found %s", text, err, conflict.Found)
		}
	}
}
