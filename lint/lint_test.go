package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/configs"
	"sluice/logentry"
	"sluice/sinks"
	"sluice/sinks/driver"
	"sluice/sinks/file"
)

var registry = sinks.Registry{"file": func() driver.Options { return file.Defaults() }}

// TestPlantedFaults: each configuration of testdata has one fault, which its first line says; nothing else is found.
func TestPlantedFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := configs.Parse(file, b, registry)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range Check(cfg) {
				got = append(got, fmt.Sprintf("# %s %s: %s", f.Kind, strings.TrimSuffix(f.Route+"/"+f.Exclusion, "/"), f.Message))
				if f.Kind == ActivityLost {
					e := logentry.Entry{Raw: f.Example}
					if d := logentry.NewFields().Extract(&e, logentry.Limits{}); d != nil || !strings.Contains(string(f.Example), "%2Factivity") {
						t.Errorf("the example %s: %v", f.Example, d)
					}
				}
			}
			want, _, _ := strings.Cut(string(b), "\n")
			if diff := cmp.Diff([]string{want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNothingPlanted: what looks like a fault and is none.
func TestNothingPlanted(t *testing.T) {
	for name, routes := range map[string]string{
		"a disabled exclusion takes nothing":       `[{name: a, filter: severity>=ERROR, exclusions: [{name: x, filter: severity>=ERROR, disabled: true}], sink: {file: {dir: a}}}]`,
		"an exclusion with where may take nothing": `[{name: a, exclusions: [{name: x, filter: severity>=INFO, where: 'labels.a == "1"'}, {name: y, filter: severity=INFO}], sink: {file: {dir: a}}}]`,
		"another form":                               `[{name: a, sink: {file: {dir: a}}}, {name: b, filter: severity>=ERROR, sink: {file: {dir: b, layout: databricks}}}]`,
		"another redaction":                          `[{name: a, sink: {file: {dir: a}}}, {name: b, redact: [pii], sink: {file: {dir: b}}}]`,
		"the wide one excludes some":                 `[{name: a, exclusions: [{name: x, filter: severity=ERROR}], sink: {file: {dir: a}}}, {name: b, filter: severity>=ERROR, sink: {file: {dir: b}}}]`,
		"the wide one asks more":                     `[{name: a, where: 'labels.a == "1"', sink: {file: {dir: a}}}, {name: b, filter: severity>=ERROR, sink: {file: {dir: b}}}]`,
		"the wide one sees less":                     `[{name: a, parent: projects/p, sink: {file: {dir: a}}}, {name: b, filter: severity>=ERROR, sink: {file: {dir: b}}}]`,
		"the wide one is disabled":                   `[{name: a, disabled: true, sink: {file: {dir: a}}}, {name: b, filter: severity>=ERROR, sink: {file: {dir: b}}}]`,
		"both halves of activity":                    `[{name: a, filter: 'logName:"cloudaudit.googleapis.com" severity>=ERROR', sink: {file: {dir: a}}}, {name: b, filter: 'logName:"cloudaudit.googleapis.com" severity<ERROR', sink: {file: {dir: b}}}]`,
		"activity without the readings of its own":   `[{name: a, filter: 'logName:"cloudaudit.googleapis.com"', exclusions: [{name: x, filter: 'log_id("cloudaudit.googleapis.com/data_access")'}], sink: {file: {dir: a}}}]`,
		"an application's routes are not audit logs": `[{name: a, filter: severity>=ERROR, sink: {file: {dir: a}}}]`,
		"a list has several values":                  `[{name: a, filter: 'jsonPayload.tags="a" jsonPayload.tags="b"', sink: {file: {dir: a}}}]`,
	} {
		cfg, err := configs.Parse("sluice.yaml", []byte("routes: "+routes), registry)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range Check(cfg) {
			t.Errorf("%s: %s", name, f)
		}
	}
}
