// Package file delivers units as files that appear whole, under names that are given once: temporary file, fsync, link(2), fsync
// of the folder. Temporary files live in `<dir>/.sluice/tmp/`, each locked (flock) by its writer, so that what a crash left
// behind is known by having no lock. Manifests stand in `<dir>/.sluice/manifests/`.
//
// Files have mode 0640 and folders 0750, less the umask: audit entries are for the owner and its group.
//
// Assumptions: dir is on one file system, with flock and with hard links or RENAME_NOREPLACE; an fsync that succeeds is durable.
package file

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

var _ driver.Options = (*Options)(nil)

// Options are the file sink's part of the configuration.
type Options struct {
	Dir         string            `json:"dir" yaml:"dir" required:"true" doc:"The folder to write into, relative to the working directory; created when missing."`
	Layout      layout.Spec       `json:"layout" yaml:"layout" doc:"How files are named."`
	Compression codec.Compression `json:"compression" yaml:"compression" doc:"How files are compressed."`
	Format      codec.Format      `json:"format,omitempty" yaml:"format" enum:"json|csv|parquet" doc:"What files hold; absent: json, entries as lines."`
	Columns     codec.Columns     `json:"columns,omitempty" yaml:"columns" doc:"Of csv and parquet: [timestamp, {actor: EXPRESSION}] chooses them, {actor: EXPRESSION} adds to the default ones."`
}

// Defaults are the options before the configuration is decoded into them.
func Defaults() *Options {
	return &Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.None}
}

// Validate judges each option.
func (o *Options) Validate() []driver.Problem {
	var problems []driver.Problem
	if o.Dir == "" {
		problems = append(problems, driver.Problem{Path: "dir", Message: "is required", Hint: "the folder to write into"})
	}
	problems = append(problems, o.Layout.Problems()...)
	return append(problems, codec.Problems(o.Format, o.Compression, o.Columns)...)
}

// Destination is file:///abs/dir/, links not resolved.
func (o *Options) Destination() string {
	path := filepath.ToSlash(absolute(o.Dir))
	if path[len(path)-1] != '/' {
		path += "/"
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Open makes a driver. It removes what crashed writers left in .sluice/tmp, if it can, and creates nothing.
func (o *Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	return open(o, as, osDisk{}), nil
}

// MarshalJSON gives the delivery settings, with dir absolute: the same words in another working directory are another place.
func (o *Options) MarshalJSON() ([]byte, error) {
	type plain Options
	abs := plain(*o)
	abs.Dir = absolute(o.Dir)
	b, err := json.Marshal(abs)
	if err != nil {
		return nil, fmt.Errorf("encode file options: %w", err)
	}
	return b, nil
}

// absolute makes a path absolute. Where the working directory is gone it stays relative to the root: Write then says what fails.
func absolute(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return filepath.Join(string(filepath.Separator), dir)
	}
	return abs
}
