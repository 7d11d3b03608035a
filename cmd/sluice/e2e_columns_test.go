package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/pipeline"
)

// TestChangedColumns: a plan that was open when the columns changed is finished with the columns that it was planned with; what
// comes after it has the new ones.
func TestChangedColumns(t *testing.T) {
	config := func(columns string) string {
		return fmt.Sprintf(`
routes:
  - name: table
    batch: {age: 20ms}
    sink: {file: {dir: out/table/deep, layout: {template: all}, format: csv, columns: %s}}
`, columns)
	}
	p := newPlace(t, config("[insertId, {level: lower(severity)}]"))
	p.write("out/table", nil) // a file where a folder should be
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	putOn(t, p.stream(), numbered(0, 3, "INFO")...)
	d.await("pause", func() bool { return p.status("table").State == pipeline.Paused })
	open := p.last("table/LOGS").Open
	if len(open) != 1 {
		t.Fatalf("no plan is open: %+v", p.last("table/LOGS"))
	}
	d.drain()

	p.configure(placeConfig + config("{level: upper(severity)}"))
	if err := os.Remove(p.path("out/table")); err != nil {
		t.Fatal(err)
	}
	d = p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	last := putOn(t, p.stream(), numbered(3, 5, "INFO")...)
	d.await("delivery", p.settled(last, "table"))
	d.drain()

	var old, rest []string
	err := filepath.WalkDir(p.path("out/table/deep/all"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.Ext(path) != ".csv" {
			t.Errorf("%s is no name of a table", path)
		}
		rows := strings.Split(strings.TrimSuffix(string(text), "\r\n"), "\r\n")
		if strings.HasPrefix(rows[0], "insertId,level") {
			old = append(old, rows...)
		} else {
			rest = append(rest, rows[1:]...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	planned := int(open[0].Last) // the batch was cut there
	want := []string{"insertId,level"}
	for i := range planned {
		want = append(want, fmt.Sprintf("e%d,info", i))
	}
	p.diff("what was planned", want, old)
	if len(rest) != 5-planned {
		t.Errorf("%d entries after it, want %d", len(rest), 5-planned)
	}
	for i, row := range rest {
		if suffix := fmt.Sprintf(",LOGS,1,%d,0,INFO", planned+i+1); !strings.HasSuffix(row, suffix) {
			t.Errorf("%s, want …%s", row, suffix)
		}
	}
	if row := p.balance()["table"]; row.Delivered != 5 {
		t.Errorf("%d delivered", row.Delivered)
	}
}
