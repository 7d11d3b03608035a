package configs

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExternalBus(t *testing.T) {
	t.Setenv("SLUICE_TEST_HOST", "c")
	t.Setenv("SLUICE_TEST_TOKEN", "hunter2")
	streams := []Stream{{Name: "LOGS", Subjects: []string{"logs.>"}}}
	for text, want := range map[string]Bus{
		`url: "nats://a:4222, nats://b"`:                              {URL: "nats://a:4222,nats://b"},
		`url: [tls://a, "tls://${SLUICE_TEST_HOST}:1"], creds: f`:     {URL: "tls://a,tls://c:1", Creds: "f"},
		`url: nats://a, nkey: n, tls: {}`:                             {URL: "nats://a", NKey: "n", TLS: &TLS{}},
		`url: nats://a, token: "${SLUICE_TEST_TOKEN}"`:                {URL: "nats://a", Token: Credential{value: "hunter2"}},
		`url: nats://a, user: u, password: "x${SLUICE_TEST_TOKEN}"`:   {URL: "nats://a", User: "u", Password: Credential{value: "xhunter2"}},
		`url: nats://a, tls: {ca: a, cert: c, key: k, serverName: s}`: {URL: "nats://a", TLS: &TLS{CA: "a", Cert: "c", Key: "k", ServerName: "s"}},
	} {
		text = "{bus: {" + text + "}, routes: [{name: all, sink: {file: {dir: out}}}]}"
		want.Streams = streams
		if diff := cmp.Diff(want, mustParse(t, text).Bus); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if complaint := schemaComplaint(t, []byte(text), fakes); complaint != "" {
			t.Errorf("the schema refuses %s: %s", text, complaint)
		}
	}
}

// A credential in a file is read anew each time, and shown never.
func TestCredentialRotates(t *testing.T) {
	inFolder(t, map[string]string{"token": "hunter2\n"})
	cfg := mustParse(t, "{bus: {url: nats://a, token: 'file:token'}, routes: [{name: all, sink: {file: {dir: out}}}]}")
	b, err := json.Marshal(cfg.Bus)
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", cfg.Bus, cfg.Bus, cfg.Bus, b); strings.Contains(shown, "hunter2") {
		t.Errorf("it shows: %s", shown)
	}
	for _, now := range []string{"hunter2", "hunter3"} {
		if err := os.WriteFile("token", []byte(now+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := cfg.Bus.Token.Read(); got != now || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, now)
		}
	}
	if err := os.Remove("token"); err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Bus.Token.Read(); err == nil {
		t.Error("a token without its file")
	}
	t.Setenv("SLUICE_TEST_TOKEN", "hunter4")
	fromEnv := mustParse(t, "{bus: {url: nats://a, token: '${SLUICE_TEST_TOKEN}'}, routes: [{name: all, sink: {file: {dir: out}}}]}").Bus.Token
	if shown := fmt.Sprintf("%v %+v %#v", fromEnv, fromEnv, fromEnv); strings.Contains(shown, "hunter") {
		t.Errorf("it shows: %s", shown)
	}
	if got, err := fromEnv.Read(); got != "hunter4" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
