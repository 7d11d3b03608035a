package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inFolder makes the files in a new working directory.
func inFolder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func route(name string) string {
	return "{name: " + name + ", sink: {file: {dir: out/" + name + "}}}"
}

// Files are read by name, each once, whatever the patterns' order; what editors leave behind and folders are not read.
func TestInclude(t *testing.T) {
	inFolder(t, map[string]string{
		"etc/sluice.yaml":     "include: [teams/z*.yaml, 'teams/*.yaml', none/*.yaml]\nroutes: [" + route("main") + "]",
		"teams/b.yaml":        "routes: [" + route("b1") + ", " + route("b2") + "]",
		"teams/a.yaml":        "routes:\n  - {name: a, filter: 'severity>=ERROR or logName:x', sink: {file: {dir: out/a, token: 'file:secret'}}}",
		"teams/z.yaml":        "routes: [] # of a team that has none yet",
		"teams/.#b.yaml":      "not: [a configuration",
		"teams/sub.yaml/file": "",
		"teams/c.yml":         "routes: [" + route("c") + "]",
		"secret":              "hunter2",
	})
	cfg, err := Load("etc/sluice.yaml", fakes)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range cfg.Routes {
		names = append(names, r.Name)
	}
	if diff := cmp.Diff([]string{"main", "a", "b1", "b2"}, names); diff != "" {
		t.Errorf("routes: %s", diff)
	}
	if diff := cmp.Diff([]string{"etc/sluice.yaml", "teams/a.yaml", "teams/b.yaml", "teams/z.yaml", "secret"}, cfg.Files); diff != "" {
		t.Errorf("files: %s", diff)
	}
	if cfg.Routes[1].DeadLetter != cfg.DeadLetter {
		t.Error("an included route must share the global dead letters")
	}
	var warned []string
	for _, w := range cfg.Warnings {
		warned = append(warned, w.String())
	}
	want := []string{
		`etc/sluice.yaml:1:42: include[2]: "none/*.yaml" matches no file (it is relative to the working directory)`,
		`teams/a.yaml:2:40: routes[0].filter: …`,
	}
	if diff := cmp.Diff(want, warned, openEnded); diff != "" {
		t.Errorf("warnings: %s", diff)
	}
	if err := os.Rename("teams/c.yml", "teams/c.yaml"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"etc/sluice.yaml", "secret", "teams/a.yaml", "teams/b.yaml", "teams/c.yaml", "teams/z.yaml"}, cfg.Watched()); diff != "" {
		t.Errorf("watched now: %s", diff)
	}
}

// Every mistake of every file comes at once, each at its own place, and what clashes names both places.
func TestIncludeBad(t *testing.T) {
	inFolder(t, map[string]string{
		"main.yaml": "include: [t/*]\nmemory: 2MiB\nroutes:\n  - " + route("same") + "\n  - {name: x, onLoss: stop, sink: {file: {dir: out/x}}}",
		"t/a.yaml":  "routes:\n  - " + route("fine") + "\n  - {name: SAME, sink: {file: {dir: out/other}}}",
		"t/b.yaml":  "bus: {url: 'nats://a:4222'}\nnmae: x\nroutes:\n  - {name: b, batch: {bytes: 3MiB}, filter: 'a=', sink: {file: {dir: out/fine/in}}}\n  - {name: fine, sink: {file: {dir: out/y}}}",
		"t/c.yaml":  "",
		"t/d.yaml":  "routes: [" + route("fine"),
		"t/e.yaml":  "{}",
	})
	want := []string{
		`main.yaml:5:23: routes[1].onLoss: want record or halt, found "stop"`,
		`t/a.yaml:3:12: routes[1].name: "SAME" is the name of routes[0] in main.yaml:4 already (names must differ, not only in case)`,
		`t/b.yaml:1:1: bus: bus in an included file, which holds routes only (write it in the main file)`,
		`t/b.yaml:2:1: nmae: unknown key (known: routes)`,
		`t/b.yaml:4:30: routes[0].batch.bytes: larger than memory, so that no batch would ever get there (raise memory or lower it)`,
		`t/b.yaml:4:48: routes[0].filter: …`,
		`t/b.yaml:4:64: routes[0].sink.file: the destination fake:///cwd/out/fine/in/ lies inside that of routes[0].sink.file in t/a.yaml:2, fake:///cwd/out/fine/ (give each its own place)`,
		`t/b.yaml:5:12: routes[1].name: "fine" is the name of routes[0] in t/a.yaml:2 already (names must differ, not only in case)`,
		`t/c.yaml:1:1: the configuration is empty (sluice init writes one to begin with)`,
		`t/d.yaml:1:9: not YAML: …`,
		`t/e.yaml:1:1: routes: is required`,
	}
	_, err := Load("main.yaml", fakes)
	if err == nil {
		t.Fatal("it loads")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n"), openEnded); diff != "" {
		t.Error(diff)
	}
}

func TestIncludeOfItself(t *testing.T) {
	inFolder(t, map[string]string{"sluice.yaml": "include: ['./*.yaml']\nroutes: [" + route("a") + "]"})
	_, err := Load("sluice.yaml", fakes)
	if want := `sluice.yaml:1:11: include[0]: "./*.yaml" matches this file itself (keep the files of teams in a folder: routes.d/*.yaml)`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// A file that cannot be read rejects the configuration: leaving it out would remove its routes.
func TestIncludeUnreadable(t *testing.T) {
	inFolder(t, map[string]string{"sluice.yaml": "include: [t/*]\nroutes: [" + route("a") + "]", "t/x": ""})
	if err := os.Remove("t/x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", "t/x"); err != nil {
		t.Fatal(err)
	}
	_, err := Load("sluice.yaml", fakes)
	if err == nil || err.Error() != "t/x: read the configuration: no such file or directory" {
		t.Errorf("got %v", err)
	}
}
