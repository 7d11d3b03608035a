package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"sluice/configs"
)

// runAlone runs one command without the root.
func runAlone(cmd *cobra.Command, args ...string) (stdout string, code int) {
	var out, errOut bytes.Buffer
	cmd.SetArgs(append([]string{}, args...)) // nil would mean the test's own
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	code = report(&errOut, cmd.Execute())
	return out.String(), code
}

// TestSchemaFile proves that the schema in the repository is that of this program.
func TestSchemaFile(t *testing.T) {
	want, err := os.ReadFile("../../configs/sluice.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := runAlone(newSchemaCommand())
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run: go run ./cmd/sluice schema > configs/sluice.schema.json\n%s", diff)
	}
}

// TestExampleConfigurations loads every example with the sinks of this program: package configs knows only fakes.
func TestExampleConfigurations(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		cfg, err := configs.Load(file, registry())
		if err != nil {
			t.Error(err)
			continue
		}
		for i := range cfg.Routes {
			if _, err := configs.ParseDelivery(cfg.Routes[i].Delivery(), registry()); err != nil {
				t.Errorf("%s: %s: %v", file, cfg.Routes[i].Name, err)
			}
		}
	}
}

// TestExamplesAreClean: lint finds nothing in what is shipped.
func TestExamplesAreClean(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	if out, code := runAlone(newCheckCommand(), append([]string{"--lint"}, files...)...); code != exitOK {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestInitThenCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new.yaml")
	if _, code := runAlone(newInitCommand(), file); code != exitOK {
		t.Fatalf("init: exit %d", code)
	}
	if err := os.WriteFile(file+".mine", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, code := runAlone(newInitCommand(), file+".mine"); code != exitNo {
		t.Errorf("init over a file: exit %d", code)
	}
	if b, err := os.ReadFile(file + ".mine"); err != nil || len(b) > 0 {
		t.Errorf("init changed a file: %q, %v", b, err)
	}
	out, code := runAlone(newCheckCommand(), file)
	if want := file + ": ok, 2 routes\n"; out != want || code != exitOK {
		t.Errorf("got %q, exit %d; want %q", out, code, want)
	}
}

func TestCheckReportsAll(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const bad = `memory: lots
routes:
  - name: a
    fliter: severity>=ERROR
    exclusions:
      - {filter: severity=INFO, name: x/y}
    onLoss: stop
    sink: {file: {dir: out, layout: weekly}}
`
	for name, text := range map[string]string{"good.yaml": "routes: [{name: a, sink: {file: {dir: out}}}]", "sluice.yaml": bad} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, code := runAlone(newCheckCommand(), "none.yaml", "sluice.yaml", "good.yaml")
	if code != exitNo {
		t.Errorf("exit %d", code)
	}
	want := []string{
		`none.yaml: read the configuration: no such file or directory`,
		`sluice.yaml:1:9: memory: "lots" is not a size (write 192MiB, 50GiB or a number of bytes)`,
		`sluice.yaml:4:5: routes[0].fliter: unknown key (did you mean filter?)`,
		`sluice.yaml:6:39: routes[0].exclusions[0].name: "x/y" is not a name (use letters, digits, -, _ and dots, at most 100)`,
		`sluice.yaml:7:13: routes[0].onLoss: want record or halt, found "stop"`,
		`sluice.yaml:8:37: routes[0].sink.file.layout: unknown layout "weekly" (one of hourly, databricks, {template: '…'})`,
		`good.yaml: ok, 1 routes`,
		``,
	}
	if diff := cmp.Diff(want, strings.Split(out, "\n")); diff != "" {
		t.Error(diff)
	}
	if byDefault, _ := runAlone(newCheckCommand()); byDefault != strings.ReplaceAll(strings.Join(want[1:6], "\n")+"\n", "sluice.yaml", defaultConfig) {
		t.Errorf("without a file: %s", byDefault)
	}
}
