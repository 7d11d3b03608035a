// Package sluice_test checks the plan of the house: who may import whom, and what source code may hold. Layers are tested, not
// remembered; every deny says why.
package sluice_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "sluice"

// floor says which packages of ours the packages of a pattern may import. logentry, the ground floor, is open to all.
type floor struct {
	pattern string   // path.Match pattern of the packages; the first that fits decides
	allow   []string // path.Match patterns of what they may import
	why     string   // the reason of every deny
}

var floors = []floor{
	{"cmd/sluice", []string{"*", "*/*", "*/*/*"}, "the command wires everything"},
	{"logentry", nil, "the ground floor leans on nothing"},
	{"exprs", nil, "expressions know entries and nothing else"},
	{"filters", nil, "the query language knows entries and nothing else"},
	{"redact", nil, "redaction knows entries and nothing else"},
	{"sinks/driver", nil, "the promise of every destination must not depend on one"},
	{"sinks/codec", []string{"sinks/driver", "exprs"}, "entries become bytes without knowing where they go"},
	{"sinks/layout", []string{"sinks/driver", "exprs"}, "object names come from entries alone"},
	{"sinks/sinktest", []string{"sinks", "sinks/driver", "sinks/codec", "sinks/layout"}, "the conformance suite knows no destination by name"},
	{"sinks/transport", []string{"sinks/driver"}, "the way to a service is alike for all and knows none"},
	{"sinks/googleauth", nil, "credentials are found without knowing what for"},
	{"sinks/*/*test", nil, "a fake service knows nothing of ours, so that any program can be tested against it"},
	{"sinks/*", []string{"sinks/driver", "sinks/transport", "sinks/googleauth", "sinks/codec", "sinks/layout", "exprs"}, "a destination knows neither another one nor the pipeline"},
	{"sinks", []string{"sinks/driver"}, "the portable sink works over any driver"},
	{"configs", []string{"filters", "exprs", "redact", "sinks", "sinks/driver"}, "a configuration names destinations through the registry it is given"},
	{"pipeline/ledger", []string{"sinks/driver"}, "the ledger's face is lower than its implementations"},
	{"pipeline/ledger/*", []string{"pipeline/ledger", "pipeline/ledger/ledgertest", "sinks/driver"}, "an implementation knows its interface only"},
	{"pipeline/stream", nil, "the stream's face is lower than its implementations"},
	{"pipeline/stream/*", []string{"pipeline/stream", "pipeline/stream/streamtest"}, "an implementation knows its interface only"},
	{"pipeline/pipelinetest", []string{"configs", "filters", "exprs", "redact", "sinks", "sinks/*", "pipeline", "pipeline/*", "pipeline/*/*"}, "a world for tests stands on the pipeline and below"},
	{"pipeline", []string{"configs", "filters", "exprs", "redact", "sinks", "sinks/driver", "pipeline/ledger", "pipeline/stream"}, "the pipeline is handed its sinks, stream and ledger; it names no concrete one"},
	{"console", upper, "the upper floor speaks to the pipeline, not to destinations"},
	{"lint", upper, "lint asks of a configuration what the pipeline would decide"},
	{"rehearsal", append(upper, "pipeline/ledger/memory", "sinks", "sinks/driver"), "a rehearsal is the router over nothing that lasts"},
	{"intake", upper, "the upper floor speaks to the pipeline, not to destinations"},
	{"intake/*", append(upper, "intake"), "the upper floor speaks to the pipeline, not to destinations"},
	{"cluster", upper, "the upper floor speaks to the pipeline, not to destinations"},
}

var upper = []string{"pipeline", "pipeline/ledger", "pipeline/stream", "configs", "filters", "exprs"}

// dependency says which packages may import the packages of a foreign module in code that is not a test.
type dependency struct {
	prefix string
	allow  []string
	why    string
}

var dependencies = []dependency{
	{"github.com/nats-io/nats.go", []string{"pipeline/stream/jetstream", "pipeline/ledger/jetstream", "sinks/nats", "cluster"}, "the NATS client stays behind the faces of stream, ledger and sink"},
	{"github.com/nats-io/nats-server/v2", []string{"pipeline/stream/jetstream"}, "only the stream may run a server inside the process"},
	{"github.com/nats-io/nkeys", []string{"pipeline/stream/jetstream"}, "the NATS client signs with a key that stands in a file"},
	{"github.com/spf13/cobra", []string{"cmd/sluice"}, "only the command reads a command line"},
	{"github.com/goccy/go-yaml", []string{"configs"}, "only the configuration reads YAML"},
	{"github.com/expr-lang/expr", []string{"exprs"}, "expressions have one door, which owns their limits"},
	{"github.com/parquet-go/parquet-go", []string{"sinks/codec", "sinks/sinktest"}, "codecs write Parquet, and the conformance suite reads it back"},
	{"github.com/klauspost/compress", []string{"sinks/codec"}, "only codecs compress"},
	{"github.com/cespare/xxhash/v2", []string{"filters"}, "sample() has one hash for ever"},
	{"golang.org/x/text", []string{"filters"}, "only text search folds Unicode"},
	{"golang.org/x/sys", []string{"sinks/file", "pipeline/ledger/file", "pipeline/stream/jetstream"}, "system calls that os lacks, where files must be durable"},
	{"cloud.google.com/go/storage", []string{"sinks/gcs"}, "one package speaks to Cloud Storage"},
	{"cloud.google.com/go/auth", []string{"sinks/googleauth", "sinks/gcs", "sinks/bigquery"}, "credentials of Google Cloud, and the errors of their tokens"},
	{"google.golang.org/api", []string{"sinks/gcs", "sinks/bigquery", "sinks/bigquery/bigquerytest", "sinks/pubsub"}, "options and errors of Google Cloud's clients, where they are used"},
	{"cloud.google.com/go/pubsub/v2", []string{"sinks/pubsub", "sinks/pubsub/pubsubtest"}, "one package speaks to Pub/Sub, and one stands for it in tests"},
	{"cloud.google.com/go/bigquery", []string{"sinks/bigquery", "sinks/bigquery/bigquerytest"}, "one package speaks to BigQuery, and one stands for it in tests"},
	{"google.golang.org/protobuf", []string{"sinks/bigquery", "sinks/bigquery/bigquerytest", "sinks/pubsub/pubsubtest"}, "rows of the Write API, and the size of a request, as the services measure it"},
	{"google.golang.org/grpc", []string{"sinks/transport", "sinks/bigquery", "sinks/bigquery/bigquerytest", "sinks/pubsub", "sinks/pubsub/pubsubtest"}, "how services that speak gRPC are dialed"},
	{"github.com/fsouza/fake-gcs-server", []string{"sinks/gcs/gcstest"}, "a fake Cloud Storage, for tests only"},
	{"github.com/aws/aws-sdk-go-v2", []string{"sinks/s3"}, "one package speaks to S3, and finds credentials of AWS"},
	{"github.com/aws/smithy-go", []string{"sinks/s3"}, "errors of the AWS clients, where they are used"},
	{"github.com/prometheus/client_golang", []string{"console", "cmd/sluice"}, "one package exposes metrics, in a registry that it is given"},
	{"github.com/google/go-cmp", []string{"*/*test", "*/*/*test"}, "a comparison library for tests"},
}

// listed is what `go list -json` says of a package, with paths relative to the module.
type listed struct {
	Path    string   // "" is the root, which holds this test only
	Dir     string   //
	Imports []string // of code that is not a test
	Files   []string // the same code's files
}

// listPackages asks the go command for every package of the module.
func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,CgoFiles,IgnoredGoFiles", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir                            string
			Imports, GoFiles, CgoFiles, IgnoredGoFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("decode go list: %v", err)
		}
		pkgs = append(pkgs, listed{
			Path: ourPath(p.ImportPath), Dir: p.Dir, Imports: p.Imports,
			Files: slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles),
		})
	}
}

// ourPath makes an import path relative to the module.
func ourPath(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

// checkImports gives every import that breaks the plan, as `package imports what: why`.
func checkImports(pkgs []listed) []string {
	var broken []string
	for _, p := range pkgs {
		for _, imported := range p.Imports {
			if why := denied(p.Path, imported); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", p.Path, imported, why))
			}
		}
	}
	return broken
}

// denied gives the reason why a package may not import another, or "".
func denied(pkg, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case first == module:
		return deniedOurs(pkg, ourPath(imported))
	case first == "testing":
		if !isTestPackage(pkg) {
			return "testing belongs in _test files and *test packages"
		}
	case strings.Contains(first, "."):
		return deniedForeign(pkg, imported)
	}
	return ""
}

func deniedOurs(pkg, imported string) string {
	if isTestPackage(imported) && !isTestPackage(pkg) {
		return "a *test package is for tests"
	}
	if imported == "logentry" {
		return ""
	}
	for _, f := range floors {
		if matches(f.pattern, pkg) {
			if matchesAny(f.allow, imported) && !strings.HasPrefix(imported, "cmd/") {
				return ""
			}
			return f.why
		}
	}
	return "the package has no floor: give it a line in house_test.go"
}

func deniedForeign(pkg, imported string) string {
	for _, d := range dependencies {
		if imported == d.prefix || strings.HasPrefix(imported, d.prefix+"/") {
			if matchesAny(d.allow, pkg) {
				return ""
			}
			return d.why
		}
	}
	return "a new dependency: give it a line in house_test.go that says why and where"
}

func isTestPackage(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func TestHouseImports(t *testing.T) {
	pkgs := listPackages(t)
	if len(pkgs) < 5 {
		t.Fatalf("go list gave %d packages: the check would prove nothing", len(pkgs))
	}
	for _, broken := range checkImports(pkgs) {
		t.Error(broken)
	}
}

func TestHouseSource(t *testing.T) {
	files := 0
	for _, p := range listPackages(t) {
		for _, name := range p.Files {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files++
			for _, broken := range checkSource(path.Join(p.Path, name), src) {
				t.Error(broken)
			}
		}
	}
	if files < 10 {
		t.Fatalf("%d files read: the check would prove nothing", files)
	}
}

func TestHouseRulesAreWellFormed(t *testing.T) {
	var patterns []string
	for _, f := range floors {
		patterns = append(append(patterns, f.pattern), f.allow...)
		if f.why == "" {
			t.Errorf("floor %s has no reason", f.pattern)
		}
	}
	for _, d := range dependencies {
		patterns = append(patterns, d.allow...)
		if d.why == "" {
			t.Errorf("dependency %s has no reason", d.prefix)
		}
	}
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			t.Errorf("pattern %q: %v", p, err)
		}
	}
}

func TestCheckImportsCatches(t *testing.T) {
	tests := []struct {
		pkg, imported string
		want          string // "" = allowed
	}{
		{"logentry", "sluice/filters", "the ground floor leans on nothing"},
		{"logentry", "encoding/json", ""},
		{"filters", "sluice/logentry", ""},
		{"filters", "sluice/exprs", "the query language knows entries and nothing else"},
		{"sinks/file", "sluice/sinks/driver", ""},
		{"sinks/file", "sluice/sinks/layout", ""},
		{"sinks/file", "sluice/sinks/memory", "a destination knows neither another one nor the pipeline"},
		{"sinks/file", "sluice/sinks", "a destination knows neither another one nor the pipeline"},
		{"sinks/gcs", "sluice/pipeline", "a destination knows neither another one nor the pipeline"},
		{"sinks/gcs", "sluice/configs", "a destination knows neither another one nor the pipeline"},
		{"sinks/codec", "sluice/sinks/layout", "entries become bytes without knowing where they go"},
		{"configs", "sluice/sinks/file", "a configuration names destinations through the registry it is given"},
		{"configs", "sluice/sinks", ""},
		{"pipeline", "sluice/sinks/file", "the pipeline is handed its sinks, stream and ledger; it names no concrete one"},
		{"pipeline", "sluice/pipeline/ledger/file", "the pipeline is handed its sinks, stream and ledger; it names no concrete one"},
		{"pipeline", "sluice/pipeline/pipelinetest", "a *test package is for tests"},
		{"pipeline/pipelinetest", "sluice/pipeline/ledger/memory", ""},
		{"pipeline/stream/jetstream", "sluice/pipeline/ledger", "an implementation knows its interface only"},
		{"console", "sluice/sinks/driver", "the upper floor speaks to the pipeline, not to destinations"},
		{"cmd/sluice", "sluice/pipeline/ledger/file", ""},
		{"cmd/other", "sluice/filters", "the package has no floor: give it a line in house_test.go"},
		{"sinks/file", "sluice/cmd/sluice", "a destination knows neither another one nor the pipeline"},

		{"sinks/nats", "github.com/nats-io/nats.go/jetstream", ""},
		{"pipeline", "github.com/nats-io/nats.go", "the NATS client stays behind the faces of stream, ledger and sink"},
		{"cluster", "github.com/nats-io/nats-server/v2/server", "only the stream may run a server inside the process"},
		{"sinks/file", "github.com/unknown/sdk", "a new dependency: give it a line in house_test.go that says why and where"},
		{"pipeline/stream/jetstream", "github.com/nats-io/nats.gopher", "a new dependency: give it a line in house_test.go that says why and where"},

		{"pipeline", "testing", "testing belongs in _test files and *test packages"},
		{"pipeline", "testing/synctest", "testing belongs in _test files and *test packages"},
		{"sinks/sinktest", "testing", ""},
	}
	for _, tt := range tests {
		var want []string
		if tt.want != "" {
			want = []string{fmt.Sprintf("%s imports %s: %s", tt.pkg, tt.imported, tt.want)}
		}
		got := checkImports([]listed{{Path: tt.pkg, Imports: []string{tt.imported}}})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s imports %s (-want +got):\n%s", tt.pkg, tt.imported, diff)
		}
	}
}
