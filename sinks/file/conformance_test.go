package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{
		"json":    {Compression: codec.Gzip},
		"csv":     {Format: codec.FormatCSV, Compression: codec.Zstd, Columns: columns},
		"parquet": {Format: codec.FormatParquet, Compression: codec.Zstd, Columns: columns},
	} {
		o.Layout = layout.Spec{Name: "hourly"}
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, func(t testing.TB) sinktest.Harness { return harness(t, o) })
		})
	}
}

// columns are all default ones, one of an expression, and the whole entry, which readers of the suite compare.
var columns = codec.Columns{{Name: "*"}, {Name: "n", Expression: "jsonPayload.n"}, {Name: "entry"}}

func harness(t testing.TB, o Options) sinktest.Harness {
	root := t.TempDir()
	o.Dir = filepath.Join(root, "new", "out")
	forgetful := newForgetfulDisk()
	return sinktest.Harness{
		Open: func(steps *sinktest.Steps, as driver.To) (driver.Driver, error) {
			return open(&o, as, steppedDisk{forgetful, steps}), nil
		},
		Read:      func() (map[string][]string, error) { return readAll(o.Dir) },
		PowerLoss: forgetful.powerLoss,
		Codes: map[error]driver.Code{
			syscall.EROFS:  driver.Misconfigured,
			syscall.ENOSPC: driver.Unavailable,
		},
	}
}

// readAll reads what a reader of the folder finds: everything but .sluice.
func readAll(dir string) (map[string][]string, error) {
	found := make(map[string][]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".sluice":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		stored, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found[name] = sinktest.Entries(name, stored)
		return nil
	})
	return found, err
}
