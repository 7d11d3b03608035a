package pubsub

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/driver"
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   string // path: message
	}{
		"fine":        {func(*Options) {}, ""},
		"old project": {func(o *Options) { o.Project = "example.com:acme" }, ""},
		"all options": {func(o *Options) {
			o.OrderingKey, o.Endpoint, o.MaxEntries = "labels.owner", "https://europe-west1-pubsub.googleapis.com", 5
		}, ""},
		"emulator":     {func(o *Options) { o.Endpoint = "http://127.0.0.1:8085" }, ""},
		"no project":   {func(o *Options) { o.Project = "" }, `project: "" is no project's id`},
		"a whole name": {func(o *Options) { o.Topic = "projects/p/topics/t" }, `topic: "projects/p/topics/t" is no topic's name`},
		"google's":     {func(o *Options) { o.Topic = "google-audit" }, `topic: "google-audit" is no topic's name`},
		"a typo":       {func(o *Options) { o.OrderingKey = "label.owner" }, "orderingKey: line 1, column 1: unknown name label"},
		"too many":     {func(o *Options) { o.MaxEntries = 1001 }, "maxEntries: is not between 1 and 1000"},
		"no port":      {func(o *Options) { o.Endpoint = "http://emulator" }, "endpoint: is not an address of the service"},
		"a password":   {func(o *Options) { o.Endpoint = "https://u:p@host" }, "endpoint: is not an address of the service"},
	} {
		o := Defaults()
		o.Project, o.Topic = "acme-prod-1", "audit.logs"
		c.change(o)
		got := ""
		for _, p := range o.Validate() {
			got += p.Path + ": " + p.Message
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestPinned: what a plan keeps is where it goes and how, and neither address nor credentials.
func TestPinned(t *testing.T) {
	o := Options{Project: "acme", Topic: "audit", OrderingKey: "labels.a", MaxEntries: 7, Endpoint: "https://host", CredentialsFile: "secret.json"}
	got, err := json.Marshal(&o)
	if want := `{"project":"acme","topic":"audit","orderingKey":"labels.a","maxEntries":7}`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if o.Destination() != "" {
		t.Error("routes could not share a topic")
	}
	if _, err := o.Open(t.Context(), driver.ToDeadLetter); err == nil {
		t.Error("dead letters were taken")
	}
}

// TestCredentials: what is wrong with them pauses the route and shows nothing of them, and may be mended while it waits.
func TestCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	o := Options{Project: "acme", Topic: "audit", MaxEntries: 1, Endpoint: "https://127.0.0.1:1", CredentialsFile: file}
	d, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := plan(t, d, `{}`)
	for _, text := range []string{"", "SECRET", `{"type":"service_account","private_key":"SECRET"}`} {
		if text != "" {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := d.Write(t.Context(), &p.Units[0])
		if driver.CodeOf(err) != driver.Misconfigured || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAddress(t *testing.T) {
	type where struct {
		Address string
		Secure  bool
	}
	for endpoint, want := range map[string]where{
		"": {"pubsub.googleapis.com:443", true}, "https://europe-west1-pubsub.googleapis.com": {"europe-west1-pubsub.googleapis.com:443", true},
		"https://host:8443/": {"host:8443", true}, "http://127.0.0.1:8085": {"127.0.0.1:8085", false}, "http://[::1]:8085": {"[::1]:8085", false},
	} {
		o := Options{Endpoint: endpoint}
		var got where
		var err error
		if got.Address, got.Secure, err = o.address(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", endpoint, diff)
		}
	}
	t.Setenv(emulator, "127.0.0.1:9")
	if got, secure, err := (&Options{}).address(); got != "127.0.0.1:9" || secure || err != nil {
		t.Errorf("%s, %v, %v", got, secure, err)
	}
	d, err := open(Options{Project: "acme", Topic: "audit", Endpoint: "https://host", MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, d, `{}`)
	if _, err := d.Write(t.Context(), &p.Units[0]); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("two ways at once: %v", err)
	}
}
