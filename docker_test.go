package sluice_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composeFile is as much of docker-compose.yml as can be held against the repository.
type composeFile struct {
	Services map[string]struct {
		Image     string
		Build     string
		Volumes   []string
		Configs   []struct{ Source, Target string }
		DependsOn map[string]any `yaml:"depends_on"`
	}
	Configs map[string]struct{ Content string }
	Volumes map[string]any
}

// TestCompose holds docker-compose.yml against the repository: what it names exists.
func TestCompose(t *testing.T) {
	b, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose composeFile
	if err := yaml.Unmarshal(b, &compose); err != nil {
		t.Fatal(err)
	}
	mounts := make(map[string]string)
	for name, service := range compose.Services {
		if (service.Image == "") == (service.Build == "") {
			t.Errorf("%s: want an image or a build", name)
		}
		for other := range service.DependsOn {
			if _, ok := compose.Services[other]; !ok {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
		for _, c := range service.Configs {
			if compose.Configs[c.Source].Content == "" {
				t.Errorf("%s: config %s has no content", name, c.Source)
			}
		}
		for _, volume := range service.Volumes {
			source, target, _ := strings.Cut(volume, ":")
			mounts[strings.TrimSuffix(target, ":ro")] = source
			if _, named := compose.Volumes[source]; named {
				continue
			}
			if _, err := os.Stat(source); err != nil {
				t.Errorf("%s: mounts %s: %v", name, source, err)
			}
		}
	}
	if len(compose.Services) != 2 || compose.Services["sluice"].Build != "." {
		t.Errorf("want nats and sluice, built here: %+v", compose.Services)
	}
	if source := mounts["/etc/sluice/sluice.yaml"]; source != "./configs/examples/compose.yaml" {
		t.Errorf("the configuration is %q, not the example that a test loads", source)
	}
}

// TestDockerfile holds the Dockerfile against the repository and the compose file.
func TestDockerfile(t *testing.T) {
	b, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	for _, want := range []string{
		"FROM golang:" + version + "-", "CGO_ENABLED=0", "./cmd/sluice", "\nUSER 65532:65532\n", "\nHEALTHCHECK ", "\nSTOPSIGNAL SIGTERM\n",
		`"/etc/sluice/sluice.yaml"`, "\nVOLUME /var/lib/sluice\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "COPY" && !strings.HasPrefix(words[1], "--") {
			for _, source := range words[1 : len(words)-1] {
				if _, err := os.Stat(source); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
		}
	}
	ignored, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strings.Split(string(ignored), "\n"), ".git") {
		t.Error("the history would go into the build")
	}
}
