package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	o := Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.Gzip}
	sinktest.Run(t, func(t testing.TB) sinktest.Harness { return harness(t, o) })
}

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
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, ext, _ := strings.Cut(filepath.Base(path), ".")
		found[name] = []string{}
		for line, err := range codec.Lines(f, codec.Codec(ext)) {
			if err != nil {
				found[name] = append(found[name], err.Error()) // a torn file is content too
				break
			}
			found[name] = append(found[name], string(line))
		}
		return nil
	})
	return found, err
}
